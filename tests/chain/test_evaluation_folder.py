"""Where an evaluation is written: one folder for each checkpoint and each setting of the data."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

from talkingface.chain.evaluate import evaluation_folder
from talkingface.config.plain import to_plain
from talkingface.config.schema import Config, DatasetConfig, ModelConfig, RunConfig
from talkingface.model.trained import Trained


def trained(path: Path, trained_on: Config, config: Config) -> Trained:
    header = SimpleNamespace(config=to_plain(trained_on))
    return cast(Trained, SimpleNamespace(path=path, config=config, header=cast(Any, header)))


def test_other_data_do_not_replace_a_report(tmp_path: Path) -> None:
    data = DatasetConfig(data_root="d", filelist_root="f", preprocessed_root="p", packed_root="k")
    config = Config(model_name="M", dataset_name="D", run=RunConfig(), dataset=data, model=ModelConfig())
    (tmp_path / "checkpoints").mkdir()
    (tmp_path / "config.yaml").touch()
    path = tmp_path / "checkpoints" / "best.pth"
    assert evaluation_folder(trained(path, config, config)) == tmp_path / "evaluation"
    harmless = replace(data, data_root="./d", clip_timeout=9.0, packed_root="elsewhere")
    assert evaluation_folder(trained(path, config, replace(config, dataset=harmless))) == tmp_path / "evaluation"
    others = [replace(config, dataset=replace(data, split_seed=seed)) for seed in (1, 2)]
    folders = {evaluation_folder(trained(path, config, other)) for other in others}
    assert len(folders) == 2
    assert all(folder.name.startswith("evaluation-D-") for folder in folders)
