"""What can be configured: three typed schemas, each key in exactly one of them.

`RunConfig` says where and how things run and is shared by every stage of a chain; `DatasetConfig` says what the
data are; `ModelConfig` is the recipe that all models share, and each model extends it beside its own code.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import PurePosixPath
from typing import Any, Literal

from talkingface.config.kinds import Cadence, PathText, Place, Rate
from talkingface.config.running import RunConfig
from talkingface.config.starting import StartConfig
from talkingface.utils.errors import UserError

PackFormat = Literal["raw", "jpeg"]
"""How packed faces are stored."""


class ConfigError(UserError):
    """All that is wrong with a configuration, one line per problem."""


def _positive(config: object, *names: str) -> None:
    for name in names:
        value = getattr(config, name)
        if value is not None and value <= 0:
            raise ValueError(f"{name}: wanted a number above 0, got {value}")


@dataclass(frozen=True, kw_only=True)
class DatasetConfig:
    """What the data are, where they lie and how they are prepared."""

    data_root: Place[PathText]
    """Folder of the user's videos, searched through all its folders; never changed."""
    filelist_root: Place[PathText]
    """Folder of train.txt, val.txt and test.txt, `<speaker>/<clip>` a line. Made by `prepare` where absent."""
    preprocessed_root: Place[PathText]
    """Folder of `imgs/<speaker>/<clip>/{0.jpg, 1.jpg, ..., audio.wav}` (or the clips at its top), plus the manifest."""
    packed_root: Place[PathText]
    """Folder of the arrays that training reads: frames of one size and the mel, one file each a clip."""
    pack_format: PackFormat = "raw"
    """How those frames are stored: `raw` reads fastest; `jpeg` takes a seventh to a ninth of the space, and a core
    decodes some thousands of faces of 128 px a second. Each is packed once, from the prepared clips."""
    fps: int = 25
    """Video frames a second after preparation."""
    sample_rate: int = 16000
    """Audio samples a second after preparation."""
    face_detector: Literal["mediapipe", "sfd"] = "mediapipe"
    """Who finds faces."""
    face_detector_weights: Place[PathText | None] = None
    """Local weights file of the detector, for `sfd`."""
    crop_pads: tuple[int, int, int, int] = (0, 0, 0, 0)
    """Pixels added to the face box when preparing: top, bottom, left, right."""
    box_smoothing: int = 5
    """Frames over which face boxes are averaged; 1 turns it off."""
    min_face: int = 48
    """Clips whose median face is smaller than this many pixels are left out."""
    min_frames: int = 16
    """Clips with fewer usable frames are left out (training needs more than 15)."""
    jpeg_quality: int = 95
    """Quality of the stored face crops."""
    clip_seconds: float | None = None
    """Cut longer videos into pieces of this many seconds; none keeps them whole."""
    prepare_workers: Place[int] = 0
    """Processes for preparation; 0 means one per core."""
    clip_timeout: Place[float] = 600.0
    """Seconds after which one clip's preparation is given up."""
    val_fraction: float = 0.05
    """Share of speakers (or of clips, where speakers are few) for validation."""
    test_fraction: float = 0.05
    """Share of speakers (or of clips, where speakers are few) for the test."""
    split_seed: int = 0
    """Seed of the split lists."""
    sync_expert: PathText | None = None
    """Checkpoint of a lip-sync expert that measures each clip's offset between sound and lips, or `bootstrap`: one is
    trained on the clips as they are first. None measures nothing."""
    correct_offset: bool = False
    """Train with each clip's sound moved to where `sync_expert` found it to fit."""
    max_offset: int | None = None
    """Clips are left out whose measured offset, before correction, is more frames than this, either way."""
    min_confidence: float | None = None
    """Clips are left out whose measured confidence is lower than this."""

    def includes(self, video: PurePosixPath) -> bool:
        """Whether a video belongs to the dataset, by its path from `data_root`; kinds of datasets choose."""
        return True

    def __post_init__(self) -> None:
        _positive(self, "fps", "sample_rate", "box_smoothing", "min_frames", "clip_seconds", "clip_timeout")
        if self.fps != 25 or self.sample_rate != 16000:
            raise ValueError(
                f"fps and sample_rate: the networks are built for 25 and 16000, got {self.fps}, {self.sample_rate}"
            )
        if not 1 <= self.jpeg_quality <= 100:
            raise ValueError(f"jpeg_quality: wanted 1 to 100, got {self.jpeg_quality}")
        if min(self.val_fraction, self.test_fraction) < 0 or self.val_fraction + self.test_fraction >= 1:
            raise ValueError("val_fraction and test_fraction: wanted shares whose sum is under 1")
        if self.sync_expert is None and self.uses_sync:
            raise ValueError(
                "sync_expert: correct_offset, max_offset and min_confidence go by what an expert measures; set "
                "sync_expert to a checkpoint of one, or to bootstrap"
            )

    @property
    def uses_sync(self) -> bool:
        """Whether training depends on what the expert measured."""
        return self.correct_offset or self.max_offset is not None or self.min_confidence is not None


@dataclass(frozen=True, kw_only=True)
class ModelConfig(StartConfig):
    """The recipe that all models share."""

    img_size: int = 128
    """Side of the square face crop, pixels."""
    num_frames: int = 5
    """Consecutive frames in one sample (T)."""
    mel_pad_mode: Literal["constant", "reflect"] = "constant"
    """How audio ends are padded before the mel: `constant` as HyperLips's weights, `reflect` as Wav2Lip's."""
    train_batch_size: int = 16
    """Samples in a batch."""
    accumulate_steps: int = 1
    """Batches whose gradients make one optimizer step together: large effective batches on small devices."""
    evaluate_batch_size: Place[int] = 16
    """Samples a step in validation."""
    epochs: Cadence[int] = 1000
    """Training ends after this many passes over the data, or earlier by `max_steps` or `max_minutes`."""
    max_steps: Cadence[int | None] = None
    """Training ends after this many steps."""
    max_minutes: Cadence[float | None] = None
    """Training ends after as many steps as fit into this many minutes at the speed of the first hundred steps; the
    number is then fixed, for the rest of the run and for resumes."""
    optimizer: Literal["adam", "adamw"] = "adam"
    """Optimizer of the network."""
    learning_rate: Rate[float] = 1e-4
    """Learning rate of the network."""
    adam_beta1: float = 0.9
    """First-moment decay."""
    adam_beta2: float = 0.999
    """Second-moment decay."""
    weight_decay: Rate[float] = 0.0
    """Weight decay (decoupled with `adamw`)."""
    grad_clip_norm: Rate[float | None] = None
    """Largest gradient norm; none leaves gradients alone."""
    skip_nonfinite: Cadence[int] = 0
    """So many steps in a row whose loss or gradient is not finite are passed over, without a trace in the weights; one
    more ends the training. 0 ends it at the first."""
    lr_schedule: Rate[Literal["constant", "cosine"]] = "constant"
    """`cosine` lets the rate fall to 2% over `max_steps` or the steps of `max_minutes`, whichever are fewer."""
    warmup_steps: Rate[int] = 0
    """Steps over which the learning rate rises from 0."""
    ema_decay: float | None = None
    """Share that each step leaves of an average of the network's weights (EMA), such as 0.999. Validation, samples and
    best.pth then use the average, last.pth goes on from the weights themselves; none keeps no average."""
    log_every: Cadence[int] = 10
    """Steps between log lines and TensorBoard scalars."""
    valid_every: Cadence[int] = 1000
    """Steps between validations."""
    valid_batches: Cadence[int] = 20
    """Batches of one validation; the same ones each time."""
    save_every: Cadence[int] = 1000
    """Steps between saves of the last checkpoint."""
    keep_every: Cadence[int | None] = None
    """Steps between checkpoints that are kept as step-N.pth; none keeps only last and best."""
    early_stopping: Cadence[int | None] = None
    """Validations without improvement after which training ends; none never ends early."""
    sample_every: Cadence[int] = 1000
    """Steps between sample grids in TensorBoard and the run's samples folder."""
    video_every: Cadence[int] = 5000
    """Steps between sample videos with sound."""

    @property
    def input_size(self) -> int:
        """Side of the square face crops that the network reads; it may draw larger ones, of `img_size`."""
        return self.img_size

    @property
    def mel_context(self) -> int:
        """Mel steps that a face hears before and after its window of 16."""
        return 0

    def __post_init__(self) -> None:
        _positive(
            self, "img_size", "num_frames", "train_batch_size", "accumulate_steps", "evaluate_batch_size", "epochs",
            "max_steps", "max_minutes", "learning_rate", "grad_clip_norm", "log_every", "valid_every", "valid_batches",
            "save_every", "keep_every", "early_stopping", "sample_every", "video_every",
        )  # fmt: skip
        if self.skip_nonfinite < 0:
            raise ValueError(f"skip_nonfinite: wanted 0 or more, got {self.skip_nonfinite}")
        if self.img_size % 16:
            raise ValueError(f"img_size: wanted a multiple of 16, got {self.img_size}")
        if self.ema_decay is not None and not 0 < self.ema_decay < 1:
            raise ValueError(f"ema_decay: wanted a number between 0 and 1, or none, got {self.ema_decay}")
        if self.lr_schedule == "cosine" and self.max_steps is None and self.max_minutes is None:
            raise ValueError("lr_schedule: cosine needs max_steps or max_minutes, to know where the end is")

    @property
    def samples_per_step(self) -> int:
        """Samples that one optimizer step is made of."""
        return self.train_batch_size * self.accumulate_steps


@dataclass(frozen=True, kw_only=True)
class Config:
    """One fully resolved configuration: `config.run.seed`, `config.dataset.fps`, `config.model.img_size`."""

    model_name: str
    """Row of the model catalog."""
    dataset_name: str
    """Name of the dataset; also the name of its folder."""
    run: RunConfig
    dataset: DatasetConfig
    model: ModelConfig

    def with_model(self, **values: Any) -> Config:
        """The same with other values of the model's part."""
        return replace(self, model=replace(self.model, **values)) if values else self
