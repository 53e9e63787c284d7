"""The stage that writes a run's page, after all that it shows has been made."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from talkingface.chain.stage import Look, Stage


@dataclass(kw_only=True)
class ReportStage:
    """A run and its evaluation, as far as there are such, and the page about them."""

    evaluation: Callable[[], Path | None]
    """Gives the folder of the evaluation made by an earlier stage."""
    run: Callable[[], Path | None] = lambda: None
    """Gives the run's folder where nothing was evaluated."""
    path: Path | None = None

    def stage(self) -> Stage:
        """Write report.html and report.md where they are not of the files as they stand."""
        return Stage(name="report", look=self._look, work=self._write)

    def _sources(self) -> tuple[Path | None, Path | None]:
        evaluation = self.evaluation()
        if evaluation is None:
            return self.run(), None
        is_run = (evaluation.parent / "config.yaml").is_file()
        return (evaluation.parent if is_run else None), evaluation

    def _look(self) -> Look:
        from talkingface.report.run_report import is_up_to_date, report_path

        run, evaluation = self._sources()
        if run is None and evaluation is None:
            return Look(True, "one page with losses, metrics and videos")
        self.path = report_path(run, evaluation)
        if is_up_to_date(run, evaluation):
            return Look(False, f"{self.path} is of these files")
        return Look(True, f"one page with losses, metrics and videos: {self.path}")

    def _write(self) -> str:
        from talkingface.report.run_report import write_report

        run, evaluation = self._sources()
        if run is None and evaluation is None:
            return "there is neither a run nor an evaluation to report on"
        self.path = write_report(run, evaluation)
        return f"{self.path}, opens in any browser; as text in {self.path.with_suffix('.md').name}"
