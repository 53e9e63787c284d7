"""A run that goes on with other values: what is noted, said and shown, and what the optimizers make of it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator
from test_resume import CutError, CutTrainer
from test_starting import GAN, Gan
from tiny import RESUME, TinyFace, TinySet, tiny_config, tiny_trainer

from talkingface.trainer.history import changes_result
from talkingface.trainer.run_folder import RunFolder

SHORT: dict[str, Any] = RESUME | {"max_steps": 4, "warmup_steps": 0, "valid_every": 2, "save_every": 2}


def told(run: RunFolder) -> list[tuple[int, str, Any, Any]]:
    return [(one["step"], one["key"], one["old"], one["new"]) for one in run.status().get("changes", [])]


def test_a_changed_rate_counts_and_is_told_everywhere(tmp_path: Path, caplog: Any) -> None:
    """The optimizer's state brings moments only; the first update after it is the new rate's."""
    caplog.set_level("INFO")
    trainer = tiny_trainer(tiny_config(tmp_path, **SHORT))
    trainer.fit(TinySet(), TinySet(5))
    run = trainer.run
    assert told(run) == [] and not changes_result(run.status())
    config = tiny_config(tmp_path, **SHORT | {"max_steps": 6, "learning_rate": 2e-3, "weight_decay": 0.5})
    again = tiny_trainer(config, run)
    again.fit(TinySet(), TinySet(5))
    lines = {line["step"]: line["learning_rate"] for line in run.read_metrics() if line["split"] == "train"}
    assert [lines[step] for step in (4, 5, 6)] == [1e-2, 2e-3, 2e-3]
    assert again.optimizer.param_groups[0]["weight_decay"] == 0.5
    wanted = [(4, "max_steps", 4, 6), (4, "learning_rate", 0.01, 0.002), (4, "weight_decay", 0.0, 0.5)]
    assert sorted(told(run)) == sorted(wanted)
    kinds = {one["key"]: one["kind"] for one in run.status()["changes"]}
    assert kinds == {"max_steps": "cadence", "learning_rate": "result", "weight_decay": "result"}
    assert changes_result(run.status())
    assert "from step 4 on learning_rate is 0.002, it was 0.01" in caplog.text
    events = EventAccumulator(str(tmp_path / "log" / run.name))
    events.Reload()
    (tag,) = [tag for tag in events.Tags()["tensors"] if tag.startswith("changes")]
    assert b"| learning_rate | 0.01 | 0.002 |" in events.Tensors(tag)[0].tensor_proto.string_val[0]


def test_a_change_that_was_cut_off_before_a_save_is_noted_once(tmp_path: Path) -> None:
    run = tiny_trainer(tiny_config(tmp_path, **SHORT)).run
    tiny_trainer(tiny_config(tmp_path, **SHORT), run).fit(TinySet())
    slower = SHORT | {"max_steps": 8, "learning_rate": 2e-3, "save_every": 100}
    CutTrainer.at = 6
    for _ in range(2):
        with pytest.raises(CutError):
            tiny_trainer(tiny_config(tmp_path, **slower), run, CutTrainer).fit(TinySet())
        assert [one for one in told(run) if one[1] == "learning_rate"] == [(4, "learning_rate", 0.01, 0.002)]
    tiny_trainer(tiny_config(tmp_path, **SHORT | {"max_steps": 8}), run).fit(TinySet())
    assert told(run) == [(4, "max_steps", 4, 8)], "what no checkpoint has taken in and nobody asks for did not happen"


def test_changes_that_checkpoints_have_taken_in_stay(tmp_path: Path) -> None:
    run = tiny_trainer(tiny_config(tmp_path, **SHORT)).run
    for steps, rate in ((4, 1e-2), (6, 2e-3), (8, 1e-3)):
        tiny_trainer(tiny_config(tmp_path, **SHORT | {"max_steps": steps, "learning_rate": rate}), run).fit(TinySet())
    rates = [one for one in told(run) if one[1] == "learning_rate"]
    assert rates == [(4, "learning_rate", 0.01, 0.002), (6, "learning_rate", 0.002, 0.001)]


def test_other_loss_weights_begin_the_best_anew(tmp_path: Path) -> None:
    """The loss is ten times as large from there on: no later one could be the best."""

    def gan(run: RunFolder | None, **recipe: Any) -> Gan:
        config = tiny_config(tmp_path, model=GAN, **SHORT | recipe)
        return Gan(config, TinyFace(config), run=run or RunFolder.create(config), device=torch.device("cpu"))

    first = gan(None)
    before = first.fit(TinySet(), TinySet(5))
    again = gan(first.run, max_steps=6, l1_weight=7.7)
    after = again.fit(TinySet(), TinySet(5))
    assert before.best_score is not None and after.best_score is not None and after.best_score > 5 * before.best_score
    best = torch.load(first.run.best, weights_only=True)
    assert best["progress"]["step"] == 6 and best["config"]["model"]["l1_weight"] == 7.7
    kept = sorted(path.name for path in first.run.checkpoints.glob("step-*.pth"))
    assert len(kept) == 1
    contents = torch.load(first.run.checkpoints / kept[0], weights_only=True)
    assert contents["progress"]["best_score"] == before.best_score
