"""Judge a model on clips: dub each with its own and with another clip's sound, measure the written files, report.

One thread measures while the main one generates, so two cores are used and at most three clips are in memory.
"""

from __future__ import annotations

import logging
from collections import deque
from collections.abc import Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch
from tqdm import tqdm

from talkingface.config.schema import Config
from talkingface.evaluator.base import Metric
from talkingface.evaluator.clip import ClipResult, EvalClip, cross_opening
from talkingface.evaluator.judges import Judges
from talkingface.evaluator.pairs import cross_pairs
from talkingface.evaluator.plots import plot_openings
from talkingface.evaluator.registry import make_metrics
from talkingface.evaluator.report import protocol, text_table, write_reports
from talkingface.evaluator.stages import stage_table
from talkingface.evaluator.state import ClipState, digest, file_mark, model_mark
from talkingface.evaluator.summary import Row, summarise
from talkingface.evaluator.sync import Expert
from talkingface.evaluator.work import CROP_SIZE, DETECTOR, ClipWork
from talkingface.generate.synthesizer import Predictor
from talkingface.utils.errors import UserError
from talkingface.utils.face import FaceDetector, make_detector

OUTPUT_VERSION = 1
"""Raised when generation or a metric changes, so that older videos and numbers do not stand."""
logger = logging.getLogger(__name__)


@dataclass(frozen=True, kw_only=True)
class Evaluation:
    """What came out."""

    rows: dict[str, Row]
    """`real`, `model`, `seen`, `new`, `cross`: mean values by metric name; rows without clips are absent."""
    table: str
    """The rows as text."""
    clips: list[ClipResult]
    failed: dict[str, str]
    """Clips left out, with the reason."""
    not_measured: dict[str, str]
    """Metrics that could not be taken, with the reason."""
    folder: Path
    videos: dict[str, tuple[Path, Path]]
    """Clip name to (real, generated) video."""


@dataclass(kw_only=True)
class Evaluator:
    """Holds what is the same for all clips. `evaluate` below is the short form."""

    model: Predictor
    config: Config
    out_dir: Path
    expert: Expert | None = None
    device: torch.device = field(default_factory=lambda: torch.device("cpu"))
    detector: FaceDetector | None = None
    metrics: list[Metric] = field(default_factory=make_metrics)
    fingerprint: str | None = None
    plots: int = 6
    progress: bool = True
    judges: Judges = field(init=False)

    def __post_init__(self) -> None:
        self.judges = Judges.of(self.config, self.device)

    def evaluate(self, clips: Sequence[EvalClip]) -> Evaluation:
        """Dub, measure, report; clips whose result stands are not done again.

        Raises:
            UserError: No clips, two of one name, or not one clip that can be measured.
        """
        names = [one.name for one in clips]
        if not clips:
            raise UserError(
                "evaluate: there are no test clips; run the command `prepare` for this dataset first, or look into its "
                "report: the test list is empty, or all its clips were left out"
            )
        if len(set(names)) != len(names):
            raise UserError(f"evaluate: two clips have one name ({next(n for n in names if names.count(n) > 1)})")
        self._model_mark = self.fingerprint or model_mark(self.model)
        self._expert_mark = model_mark(self.expert) if self.expert is not None else "none"
        pairs = cross_pairs(names, self.config.run.seed)
        with self._measuring_detector() as detector, judging(self.expert):
            results = self._all(list(clips), pairs, detector)
        return self._report(results, pairs, {one.name: one for one in clips})

    def _measuring_detector(self) -> AbstractContextManager[FaceDetector]:
        return nullcontext(self.detector) if self.detector is not None else make_detector(DETECTOR)

    def _all(self, clips: list[EvalClip], pairs: dict[str, str], detector: FaceDetector) -> list[ClipResult]:
        by_name = {one.name: one for one in clips}
        states = {one.name: self._state(one, by_name.get(pairs.get(one.name, ""))) for one in clips}
        results = {name: state.result for name, state in states.items() if state.result is not None}
        todo = [one for one in clips if one.name not in results]
        with tqdm(
            total=len(clips), initial=len(results), unit="clip", desc="evaluate", disable=not self.progress
        ) as bar:
            for result in self._work(todo, states, detector):
                results[result.name] = result
                states[result.name].save_result(result)
                bar.update()
        return [results[one.name] for one in clips]

    def _work(self, todo: list[EvalClip], states: dict[str, ClipState], detector: FaceDetector) -> Iterator[ClipResult]:
        """Yield results in order. The worker thread looks at the next real video, then scores what was dubbed."""
        work = ClipWork(
            model=self.model, config=self.config, expert=self.expert, device=self.device, metrics=self.metrics,
            judges=self.judges,
        )  # fmt: skip
        waiting: deque[tuple[EvalClip, Future[ClipResult]]] = deque()
        with ThreadPoolExecutor(1, "measure") as worker:
            ahead = [worker.submit(work.look_at_real, one, detector) for one in todo[:1]]
            for number, clip in enumerate(todo):
                seen = ahead.pop()
                ahead += [worker.submit(work.look_at_real, one, detector) for one in todo[number + 1 : number + 2]]
                scored: Future[ClipResult] = Future()
                try:
                    real, faces = seen.result()
                    cross_failed = work.dub(clip, states[clip.name], faces)
                    scored = worker.submit(work.score, clip, states[clip.name], real, detector, cross_failed)
                except Exception as error:
                    scored.set_exception(error)
                waiting.append((clip, scored))
                while waiting and (len(waiting) > 1 or number + 1 == len(todo)):
                    yield _outcome(*waiting.popleft())

    def _state(self, clip: EvalClip, sound: EvalClip | None) -> ClipState:
        """What stands of this clip from an earlier run with the same model, settings and files."""
        config = self.config
        crops = (
            OUTPUT_VERSION,
            config.model.img_size,
            config.model.input_size,
            config.dataset.crop_pads,
            config.dataset.box_smoothing,
            config.dataset.face_detector,
        )
        how = digest(self._model_mark, repr(crops), config.model.mel_pad_mode, config.run.precision)
        face = file_mark(clip.video)
        own = digest(how, face)
        cross = digest(how, face, sound.name, file_mark(sound.video)) if sound else ""
        other = (sound.name, sound.video) if sound is not None else None
        measured = [one.name for one in self.metrics if one.not_measured(self) is None]
        score = digest(own, cross, self._expert_mark, self.judges.mark(), repr(clip.speaker_seen), *measured)
        return ClipState.load(self.out_dir, clip.name, other, own, cross, score)

    def _report(self, results: list[ClipResult], pairs: dict[str, str], clips: dict[str, EvalClip]) -> Evaluation:
        by_name = {one.name: one for one in results}
        for one in results:
            if one.sound_from is not None:
                one.cross.update(cross_opening(one, by_name[one.sound_from]))
        failed = {one.name: one.failed for one in results if one.failed is not None}
        if len(failed) == len(results):
            raise UserError(f"evaluate: none of {len(results)} clips could be measured; {next(iter(failed.values()))}")
        rows = summarise(results)
        reasons = {one.title: one.not_measured(self) for one in self.metrics}
        not_measured = {title: reason for title, reason in reasons.items() if reason is not None}
        if not pairs:
            not_measured["another clip's sound"] = "there is only one clip"
        stages = stage_table((one.speaker_seen, one.stages) for one in results if one.failed is None)
        videos = {
            name: (clips[name].video, self.out_dir / "videos" / f"{name}.mp4") for name in by_name if name not in failed
        }
        write_reports(self.out_dir, {
            "format": 1, "clips": len(results) - len(failed), "rows": rows, "not_measured": not_measured,
            "stages": stages,
            "failed": [{"name": name, "reason": reason} for name, reason in failed.items()], "pairs": pairs,
            "videos": {name: [str(path) for path in both] for name, both in videos.items()},
            "protocol": protocol(self.metrics, {"crop_size": CROP_SIZE, "seed": self.config.run.seed,
                                                "model": self.config.model_name, "dataset": self.config.dataset_name}),
            "fingerprint": self._model_mark, "per_clip": [one.plain() for one in results],
        }, results, self.metrics)  # fmt: skip
        plot_openings(results, self.out_dir / "plots", most=self.plots)
        return Evaluation(rows=rows, table=text_table(rows, self.metrics, stages), clips=results, failed=failed,
                          not_measured=not_measured, folder=self.out_dir, videos=videos)  # fmt: skip


@contextmanager
def judging(expert: Any) -> Iterator[None]:
    """Put the expert into evaluation mode, and back: in training mode its BatchNorm would follow the clips."""
    training = isinstance(expert, torch.nn.Module) and expert.training
    if training:
        expert.eval()
    try:
        yield
    finally:
        if training:
            expert.train()


def _outcome(clip: EvalClip, future: Future[ClipResult]) -> ClipResult:
    """The result, or a result that says why there is none: one broken clip does not end an evaluation."""
    try:
        return future.result()
    except Exception as error:
        reason = str(error) if isinstance(error, UserError) else f"{type(error).__name__}: {error}"
        logger.warning("%s left out: %s", clip.name, reason, exc_info=not isinstance(error, UserError))
        return ClipResult(name=clip.name, speaker_seen=clip.speaker_seen, failed=reason)


def evaluate(
    model: Predictor,
    config: Config,
    *,
    clips: Sequence[EvalClip],
    out_dir: str | Path,
    expert: Expert | None = None,
    device: torch.device | str = "cpu",
    detector: FaceDetector | None = None,
    metrics: tuple[str, ...] | None = None,
    fingerprint: str | None = None,
    plots: int = 6,
    progress: bool = True,
) -> Evaluation:
    """Judge a model on clips; see `Evaluator`.

    Args:
        model: On `device`.
        config: Its configuration: crop, mel padding, precision, detector, seed of the pairs.
        clips: Real videos with sound.
        out_dir: Gets videos/, plots/, metrics.json, metrics.csv, evaluation.md.
        expert: Sync expert on `device`; without one the sync metrics are listed as not measured.
        device: Where model and expert are.
        detector: Measures the videos; made and closed here if None.
        metrics: Names from registry.py; None is all.
        fingerprint: Marks the model's weights, to know which videos stand; worked out from the weights if None.
        plots: Clips whose opening curves are drawn, worst first.
        progress: Show a bar.

    Raises:
        UserError: No clips, two of one name, or not one clip that can be measured.
    """
    return Evaluator(
        model=model, config=config, out_dir=Path(out_dir), expert=expert, device=torch.device(device),
        detector=detector, metrics=make_metrics(metrics), fingerprint=fingerprint, plots=plots, progress=progress,
    ).evaluate(clips)  # fmt: skip
