"""How videos are compared, whoever made them: the metrics, the networks they look through, the way faces are cut."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np
import torch

from talkingface.config.schema import Config
from talkingface.evaluator.clip_result import ClipResult, RowClip, Scores, finite, to_curve
from talkingface.evaluator.measured_video import MeasuredVideo, MeasureSettings, measure_video
from talkingface.evaluator.metrics.base import ClipPair, Metric, SetMetric
from talkingface.evaluator.metrics.networks import MetricNetworks, SyncExpert
from talkingface.evaluator.metrics.registry import make_metrics, unmeasured
from talkingface.utils.face import FaceDetector
from talkingface.utils.files import digest
from talkingface.utils.media.mel import PadMode


@dataclass(frozen=True, kw_only=True)
class Scorer:
    """Measures videos and takes metrics of pairs of them."""

    metrics: list[Metric]
    networks: MetricNetworks
    settings: MeasureSettings = field(default_factory=MeasureSettings)

    @classmethod
    def from_config(
        cls,
        config: Config,
        device: torch.device,
        *,
        expert: SyncExpert | None = None,
        metrics: list[Metric] | None = None,
        mel_pad_mode: PadMode | None = None,
        needs_sound: bool = True,
    ) -> Scorer:
        """Follow a configuration.

        Args:
            config: its metrics, weights, pads and smoothing of boxes.
            device: where networks run.
            expert: sync expert on `device`.
            metrics: instead of the configuration's.
            mel_pad_mode: as the expert was trained; that of the configuration's model if None.
            needs_sound: whether a video without sound is refused, or measured by its pictures alone.

        Raises:
            UserError: the configuration names a metric that there is not.
        """
        data = config.dataset
        settings = MeasureSettings(
            mel_pad_mode=mel_pad_mode or config.model.mel_pad_mode, pads=data.crop_pads,
            box_smoothing=data.box_smoothing, needs_sound=needs_sound,
        )  # fmt: skip
        return cls(
            metrics=make_metrics(config.run.metrics) if metrics is None else metrics,
            networks=MetricNetworks.from_config(config, device, expert), settings=settings,
        )  # fmt: skip

    def measure(
        self,
        path: Path,
        detector: FaceDetector,
        *,
        fps: float,
        boxes: np.ndarray | None = None,
        size: tuple[int, int] | None = None,
    ) -> MeasuredVideo:
        """Measure a video at a rate, cut at given boxes or at its own; see `measure_video`."""
        return measure_video(path, detector, self.settings, fps=fps, boxes=boxes, size=size)

    def pair(self, real: MeasuredVideo, generated: MeasuredVideo) -> ClipPair:
        """Put two measured videos together with the networks."""
        return ClipPair(real=real, generated=generated, networks=self.networks)

    def compare(self, pair: ClipPair, result: ClipResult, *, out_dir: Path) -> None:
        """Score the generated video against the real one, and the real one against itself.

        What metrics of the whole set need of the clip is kept in `out_dir`.
        """
        self.save_set_files(pair, out_dir, result.name)
        result.fps, result.frames = pair.real.fps, pair.frames
        result.faces_missing = int((~pair.both).sum())
        result.model, result.real = self.scores(pair), self.real_scores(pair)
        result.opening_real, result.opening_model = to_curve(pair.real.opening), to_curve(pair.generated.opening)
        result.envelope = to_curve(pair.real.envelope)

    def scores(self, pair: ClipPair, *, metric_type: str | None = None) -> Scores:
        """Return each metric of the generated video, or each of one family, as far as it can be taken."""
        chosen = [one for one in self._of_clips(pair) if metric_type in (None, one.metric_type)]
        return {one.name: finite(one.calculate_metric(pair)) for one in chosen}

    def real_scores(self, pair: ClipPair) -> Scores:
        """Return the real video's own scores: measured where that has a sense, else the perfect value."""
        own = replace(pair, generated=pair.real)
        return {
            one.name: one.perfect if one.perfect is not None else finite(one.calculate_metric(own))
            for one in self._of_clips(own)
        }

    def _of_clips(self, pair: ClipPair) -> list[Metric]:
        """Metrics that one clip has a value for; leakage has a protocol of its own."""
        own = [one for one in self.metrics if one.metric_type != "leakage" and not isinstance(one, SetMetric)]
        return [one for one in own if one.not_measured(pair.networks) is None]

    def _of_sets(self) -> list[SetMetric]:
        found = [one for one in self.metrics if isinstance(one, SetMetric)]
        return [one for one in found if one.not_measured(self.networks) is None]

    def save_set_files(self, pair: ClipPair, out_dir: Path, clip: str) -> None:
        """Write what each metric of the set needs of one clip."""
        for one in self._of_sets():
            one.save(pair, set_file(out_dir, clip, one.name))

    def set_scores(self, clips: Iterable[RowClip], out_dir: Path) -> Scores:
        """Return each set metric's value for some clips; None where a clip's file is gone."""
        names = [one.name for one in clips]
        found: Scores = {}
        for one in self._of_sets():
            files = [set_file(out_dir, name, one.name) for name in names]
            found[one.name] = finite(one.of_set(files)) if all(file.is_file() for file in files) else None
        return found

    def not_measured(self) -> Mapping[str, str]:
        """Return metrics that cannot be taken, by their titles, with the reason."""
        return unmeasured(self.metrics, self.networks)

    def mark(self) -> str:
        """Return a text that changes where other numbers may come of the same videos."""
        taken = [one for one in self.metrics if one.not_measured(self.networks) is None]
        needs = tuple(dict.fromkeys(file for one in taken for file in one.needs))
        return digest(self.networks.mark(needs), repr(self.settings), *(one.name for one in taken))


def set_file(out_dir: Path, clip: str, metric: str) -> Path:
    """Return where a metric of the whole set keeps what it needs of a clip: beside the clip's result."""
    return out_dir / "clips" / f"{clip}.{metric}.npz"
