"""Where and how things run: folders, what is measured and shown, which run goes on."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from talkingface.config.computing import ComputeConfig
from talkingface.config.kinds import PathText, Place, check_name

RESUME = ("auto", "never")
"""What `resume` may be in a configuration."""


@dataclass(frozen=True, kw_only=True)
class RunConfig(ComputeConfig):
    """Where and how things run."""

    seed: int = 0
    """Seed of everything random."""
    saved_dir: Place[PathText] = "saved"
    """Where runs are written."""
    log_dir: Place[PathText] = "log"
    """Where text logs and TensorBoard event files are written."""
    checkpoints_dir: Place[PathText] = "checkpoints"
    """Where pretrained weights that the user put there are looked for."""
    metrics: Place[tuple[str, ...] | None] = None
    """What an evaluation measures, by names of docs/metrics.md; none measures all that it can."""
    leakage_clips: Place[int] = 4
    """Test clips that are also dubbed with silence, to see how far the mouth still moves with the source's."""
    lse_weights: Place[PathText | None] = None
    """The published sync network for LSE; none looks for syncnet_v2.model in torch's cache and checkpoints_dir."""
    lse_protocol: Place[Literal["in_the_wild", "tight"]] = "in_the_wild"
    """Crops for LSE: `in_the_wild` tracks and cuts the face as SyncNet does; `tight` where videos are face crops."""
    show_progress: Place[bool] = True
    """Progress bars on the terminal."""
    logger: Place[tuple[Literal["tensorboard", "wandb", "mlflow", "jsonl"], ...]] = ("tensorboard", "jsonl")
    """Where a training is shown; `wandb` and `mlflow` need their packages. metrics.jsonl, which reports and a resume
    read, is written whether `jsonl` is named or not."""
    resume: Place[str] = "auto"
    """`auto` continues the newest unfinished run with the same configuration; `never` starts a new one. On the command
    line a run, by its folder or name: it goes on with its own configuration and what else is given, see
    docs/training.md."""
    run_name: Place[str | None] = None
    """Name of the experiment: the end of its folder's name, `saved/<Model>-<dataset>-<time>-<run_name>`. It makes no
    other training of it: for a second one with the same values add `--resume=never`."""
    note: Place[str | None] = None
    """Free text about the run, kept in its status.json and shown by `list --runs`, `compare` and its report."""

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.leakage_clips < 0:
            raise ValueError(f"leakage_clips: wanted 0 or more, got {self.leakage_clips}")
        if self.resume not in RESUME:
            raise ValueError(
                f"resume: wanted 'auto' or 'never', got {self.resume!r}; a run to go on with is named on the command "
                "line of run, train or check"
            )
        if self.run_name is not None:
            check_name("run_name", self.run_name)
