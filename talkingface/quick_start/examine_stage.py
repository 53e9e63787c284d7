"""The stage that measures a model which draws no faces, such as a sync expert, on the test list."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from talkingface.config.schema import Config
from talkingface.data.dataset.filelist import list_path, read_list
from talkingface.quick_start import catalog
from talkingface.quick_start.judge_stages import evaluation_folder
from talkingface.quick_start.networks import Trained
from talkingface.quick_start.stages import Look, Stage
from talkingface.utils.device import pick_device


@dataclass(kw_only=True)
class Examination:
    """A trained model on a dataset's test list, and where the report is."""

    config: Config
    """Of the command; the model's own comes with the checkpoint."""
    load: Callable[[], Trained]
    """Gives the model, once it has been trained."""
    folder: Path | None = None

    def measure(self) -> Stage:
        """Run the function that the model's row names."""
        return Stage(name="evaluate", look=self._look, work=self._examine)

    def _look(self) -> Look:
        path = list_path(self.config.dataset.filelist_root, "test")
        if path.is_file() and not read_list(path):
            return Look(False, f"{path} is empty")
        return Look(True, "measure it on the test clips")

    def _examine(self) -> str:
        trained = self.load()
        device = pick_device(self.config.run.device)
        self.folder = evaluation_folder(trained)
        lines = catalog.load(str(trained.row.examine))(
            trained.network.to(device),
            catalog.load(trained.row.dataset)(trained.config, "test"),
            out_dir=self.folder,
            device=device,
            precision=self.config.run.precision,
            progress=self.config.run.show_progress,
        )
        return "\n      ".join([*lines, f"report in {self.folder}"])
