"""Judge a model on clips: dub each with its own and with another clip's sound, measure the written files, report.

One thread measures while the main one generates, so two cores are used and at most three clips are in memory.
"""

from __future__ import annotations

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
from talkingface.evaluator.clip_run import ClipState, ClipWork
from talkingface.evaluator.measuring import CROP_SIZE, DETECTOR, Measuring
from talkingface.evaluator.metrics.base import Metric
from talkingface.evaluator.metrics.networks import Judges
from talkingface.evaluator.metrics.registry import make_metrics
from talkingface.evaluator.metrics.sync import Expert
from talkingface.evaluator.outcome import Evaluation, conclude, failed_result
from talkingface.evaluator.protocols.other_sound import cross_pairs
from talkingface.evaluator.protocols.reconstruction import SECONDS
from talkingface.evaluator.protocols.silence import silent_clips
from talkingface.evaluator.report import protocol
from talkingface.evaluator.results import ClipResult, EvalClip, cross_opening
from talkingface.generate.synthesizer import Predictor
from talkingface.model.checkpoint import model_mark
from talkingface.utils.errors import UserError
from talkingface.utils.face import FaceDetector, make_detector
from talkingface.utils.files import digest, file_mark

OUTPUT_VERSION = 1
"""Raised when generation or a metric changes, so that older videos and numbers do not stand."""


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
    measuring: Measuring = field(init=False)

    def __post_init__(self) -> None:
        data = self.config.dataset
        self.measuring = Measuring(
            metrics=self.metrics, judges=Judges.of(self.config, self.device), expert=self.expert, device=self.device,
            mel_pad_mode=self.config.model.mel_pad_mode, pads=data.crop_pads, window=data.box_smoothing,
        )  # fmt: skip

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
        self._measuring_mark = self.measuring.mark()
        wanted = any(one.metric_type == "leakage" for one in self.metrics)
        self._silent = silent_clips(names, self.config.run.leakage_clips if wanted else 0)
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
        work = ClipWork(model=self.model, config=self.config, measuring=self.measuring, out_dir=self.out_dir)
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
        silent = digest(how, face, "silence") if clip.name in self._silent else ""
        score = digest(own, cross, silent, self._measuring_mark, repr(clip.speaker_seen), f"apart {SECONDS}")
        return ClipState.load(self.out_dir, clip.name, other, own=own, cross=cross, score=score, silent=silent)

    def _report(self, results: list[ClipResult], pairs: dict[str, str], clips: dict[str, EvalClip]) -> Evaluation:
        by_name = {one.name: one for one in results}
        for one in results:
            if one.sound_from is not None:
                one.cross.update(cross_opening(one, by_name[one.sound_from]))
        names = {"model": self.config.model_name, "dataset": self.config.dataset_name}
        return conclude(
            results, self.measuring, out_dir=self.out_dir, plots=self.plots,
            videos={name: (one.video, self.out_dir / "videos" / f"{name}.mp4") for name, one in clips.items()},
            protocol=protocol(self.metrics, {"crop_size": CROP_SIZE, "seed": self.config.run.seed, **names}),
            facts={"pairs": pairs, "fingerprint": self._model_mark},
            not_measured=self._left_out(pairs),
        )  # fmt: skip

    def _left_out(self, pairs: dict[str, str]) -> dict[str, str]:
        """Protocols that were not carried out, with the reason."""
        out = {} if pairs else {"another clip's sound": "there is only one clip"}
        titles = [one.title for one in self.metrics if one.metric_type == "leakage" and not self._silent]
        return out | dict.fromkeys(titles, "leakage_clips is 0: no clip is dubbed with silence")


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
    try:
        return future.result()
    except Exception as error:
        return failed_result(clip.name, error, speaker_seen=clip.speaker_seen)


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
