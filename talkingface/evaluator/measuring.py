"""How videos are looked at and compared, whoever made them."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import torch

from talkingface.evaluator.measure import measure
from talkingface.evaluator.metrics.base import ClipPair, MeasuredVideo, Metric
from talkingface.evaluator.metrics.networks import Judges
from talkingface.evaluator.metrics.registry import unmeasured
from talkingface.evaluator.metrics.sync import Expert
from talkingface.evaluator.outcome import save_parts
from talkingface.evaluator.results import ClipResult, numbers, own_scores, real_scores
from talkingface.model.checkpoint import model_mark
from talkingface.utils.errors import UserError
from talkingface.utils.face import FaceDetector
from talkingface.utils.face.follow import FaceRecord, Pads
from talkingface.utils.files import digest
from talkingface.utils.media.mel import PadMode
from talkingface.utils.media.video import probe

DETECTOR = "mediapipe"
"""Who measures, whatever detector the data were prepared with: the metrics need its landmarks."""
CROP_SIZE = 128
"""Side of the crops that image metrics compare and the expert sees, the same for every model."""


@dataclass(frozen=True, kw_only=True)
class Measuring:
    """Metrics, the networks that judge, and how faces are cut."""

    metrics: list[Metric]
    judges: Judges
    expert: Expert | None = None
    device: torch.device = field(default_factory=lambda: torch.device("cpu"))
    mel_pad_mode: PadMode = "constant"
    pads: Pads = (0, 0, 0, 0)
    window: int = 5
    """Frames over which boxes are averaged."""
    needs_sound: bool = True
    """Whether a video without sound is refused, or measured by its pictures alone."""

    def look_at_real(self, path: Path, detector: FaceDetector) -> tuple[MeasuredVideo, FaceRecord]:
        """Measure a real video, and return the faces found as well.

        Raises:
            UserError: It cannot be read, or has no face.
        """
        recorder = FaceRecord(detector)
        real = self.look(path, recorder, fps=probe(path).fps)
        if not real.present.any():
            raise UserError(f"{path}: no face was found in any frame")
        return real, recorder

    def look(
        self,
        path: Path,
        detector: FaceDetector | FaceRecord,
        *,
        fps: float,
        boxes: np.ndarray | None = None,
        size: tuple[int, int] | None = None,
    ) -> MeasuredVideo:
        """Measure a video at a rate, cut at given boxes, or at its own; see `measure`."""
        return measure(
            path, detector, fps=fps, crop_size=CROP_SIZE, mel_pad_mode=self.mel_pad_mode, pads=self.pads,
            window=self.window, boxes=boxes, size=size, needs_sound=self.needs_sound,
        )  # fmt: skip

    def pair(self, real: MeasuredVideo, made: MeasuredVideo) -> ClipPair:
        """Two looked-at videos with those who judge."""
        return ClipPair(real=real, generated=made, expert=self.expert, device=self.device, judges=self.judges)

    def compare(self, name: str, pair: ClipPair, *, out_dir: Path, speaker_seen: bool | None = None) -> ClipResult:
        """Score a generated video against the real one, and the real one against itself.

        What metrics of the whole set need of the clip is kept in `out_dir`.
        """
        real, made = pair.real, pair.generated
        save_parts(pair, self.metrics, out_dir, name)
        return ClipResult(
            name=name, speaker_seen=speaker_seen, fps=real.fps, frames=pair.frames,
            faces_missing=int((~pair.both).sum()), model=own_scores(pair, self.metrics),
            real=real_scores(pair, self.metrics), opening_real=numbers(real.opening),
            opening_model=numbers(made.opening), envelope=numbers(real.envelope),
        )  # fmt: skip

    def not_measured(self) -> dict[str, str]:
        """Metrics that cannot be taken, by their titles, with the reason."""
        return unmeasured(self.metrics, self)

    def mark(self) -> str:
        """Changes where other numbers may come of the same videos."""
        expert = model_mark(self.expert) if self.expert is not None else "none"
        how = repr((self.mel_pad_mode, self.pads, self.window, self.needs_sound))
        taken = [one.name for one in self.metrics if one.not_measured(self) is None]
        return digest(expert, self.judges.mark(), how, *taken)
