"""Evaluate a model on clips: dub each by every protocol, measure the written files, report.

One thread measures while the main one dubs, so two cores are used and at most three clips are in memory.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch
from tqdm import tqdm

from talkingface.config.schema import Config
from talkingface.evaluator.clip_job import ClipJob
from talkingface.evaluator.clip_result import ClipResult, EvalClip
from talkingface.evaluator.evaluation import Evaluation, failed_result, protocol_text, write_evaluation
from talkingface.evaluator.measured_video import DETECTOR, measure_real_video
from talkingface.evaluator.metrics.base import Metric
from talkingface.evaluator.metrics.networks import SyncExpert
from talkingface.evaluator.metrics.registry import make_metrics
from talkingface.evaluator.protocols.dubbing import DubbingProtocol
from talkingface.evaluator.protocols.other_sound import OtherSound, compare_openings, cross_pairs
from talkingface.evaluator.protocols.reconstruction import Reconstruction
from talkingface.evaluator.protocols.silence import Silence, silent_clips
from talkingface.evaluator.scorer import Scorer
from talkingface.evaluator.summary import PROTOCOLS
from talkingface.generate import Dubber, DubbingSettings
from talkingface.generate.synthesizer import Predictor
from talkingface.model.base import model_mark
from talkingface.utils.errors import UserError
from talkingface.utils.face import FaceDetector, make_detector
from talkingface.utils.files import digest

OUTPUT_VERSION = 2
"""Raised when dubbing or a metric changes, so that older videos and numbers are made again."""


@dataclass(kw_only=True)
class Evaluator:
    """Holds what is the same for all clips. `evaluate` below is the short form."""

    model: Predictor
    config: Config
    out_dir: Path
    expert: SyncExpert | None = None
    device: torch.device = field(default_factory=lambda: torch.device("cpu"))
    detector: FaceDetector | None = None
    metrics: list[Metric] = field(default_factory=make_metrics)
    plots: int = 6
    progress: bool = True
    scorer: Scorer = field(init=False)

    def __post_init__(self) -> None:
        self.scorer = Scorer.from_config(self.config, self.device, expert=self.expert, metrics=self.metrics)

    def evaluate(self, clips: Sequence[EvalClip]) -> Evaluation:
        """Dub, measure, report; what an earlier evaluation has done with the same inputs is not done again.

        Raises:
            UserError: No clips, two of one name, or not one clip that can be measured.
        """
        check_clips(clips)
        names, weights = [one.name for one in clips], model_mark(self.model)
        leakage = [one.title for one in self.metrics if one.metric_type == "leakage"]
        silent = silent_clips(names, self.config.run.leakage_clips if leakage else 0)
        pairs = cross_pairs(names, self.config.run.seed)
        by_name = {one.name: one for one in clips}
        protocols: list[DubbingProtocol] = [
            Reconstruction(),
            Silence(clips=silent),
            OtherSound(sounds={name: by_name[other] for name, other in pairs.items()}),
        ]
        drawn_by = digest(str(OUTPUT_VERSION), weights, DubbingSettings.of(self.config).mark())
        scored_by = digest(str(OUTPUT_VERSION), self.scorer.mark())
        results = self._results([
            ClipJob.plan(one, protocols, out_dir=self.out_dir, drawn_by=drawn_by, scored_by=scored_by) for one in clips
        ])  # fmt: skip
        compare_openings(results)
        not_done = {} if pairs else {"another clip's sound": "there is only one clip"}
        if not silent:
            not_done |= dict.fromkeys(leakage, "leakage_clips is 0: no clip is dubbed with silence")
        named = {"model": self.config.model_name, "dataset": self.config.dataset_name, "seed": self.config.run.seed}
        return write_evaluation(
            results, self.scorer, out_dir=self.out_dir, plots=self.plots, not_measured=not_done,
            videos={one.name: (one.video, Reconstruction().video(self.out_dir, one)) for one in clips},
            protocol=protocol_text(self.metrics, PROTOCOLS, **named), facts={"pairs": pairs, "fingerprint": weights},
        )  # fmt: skip

    def _results(self, jobs: list[ClipJob]) -> list[ClipResult]:
        """Return the results in the clips' order: those of an earlier evaluation, and new ones for the rest."""
        earlier = [(job.clip.name, job.earlier_result()) for job in jobs]
        results = {name: result for name, result in earlier if result is not None}
        todo = [job for job in jobs if job.clip.name not in results]
        with (
            make_detector(DETECTOR) if self.detector is None else nullcontext(self.detector) as detector,
            Dubber(self.model, self.config, device=self.device) as dubber,
            in_evaluation_mode(self.expert),
            tqdm(total=len(jobs), initial=len(results), unit="clip", desc="evaluate", disable=not self.progress) as bar,
        ):
            for job, result in self._run(todo, detector, dubber):
                results[result.name] = result
                job.keep(result)
                bar.update()
        return [results[job.clip.name] for job in jobs]

    def _run(self, todo: list[ClipJob], detector: FaceDetector, dubber: Dubber) -> Iterator[tuple[ClipJob, ClipResult]]:
        """Yield results in order. The worker thread measures the next real video, then scores what was dubbed."""
        waiting: deque[tuple[ClipJob, Future[ClipResult]]] = deque()
        with ThreadPoolExecutor(1, "measure") as worker:

            def measure(jobs: list[ClipJob]) -> list[Future[Any]]:
                settings = self.scorer.settings
                return [worker.submit(measure_real_video, job.clip.video, detector, settings) for job in jobs]

            ahead = measure(todo[:1])
            for number, job in enumerate(todo):
                measured = ahead.pop()
                ahead += measure(todo[number + 1 : number + 2])
                scored: Future[ClipResult] = Future()
                try:
                    real, faces = measured.result()
                    job.dub(dubber, faces)
                    scored = worker.submit(job.score, self.scorer, real, detector)
                except Exception as error:
                    scored.set_exception(error)
                waiting.append((job, scored))
                while waiting and (len(waiting) > 1 or number + 1 == len(todo)):
                    done, future = waiting.popleft()
                    yield done, _result_of(done.clip, future)


def _result_of(clip: EvalClip, future: Future[ClipResult]) -> ClipResult:
    try:
        return future.result()
    except Exception as error:
        return failed_result(clip.name, error, speaker_seen=clip.speaker_seen)


def check_clips(clips: Sequence[EvalClip]) -> None:
    """Refuse what cannot be evaluated.

    Raises:
        UserError: No clips, or two of one name.
    """
    if not clips:
        raise UserError(
            "evaluate: there are no test clips; run the command `prepare` for this dataset first, or look into its "
            "report: the test list is empty, or all its clips were left out"
        )
    names = [one.name for one in clips]
    if len(set(names)) != len(names):
        raise UserError(f"evaluate: two clips have one name ({next(n for n in names if names.count(n) > 1)})")


@contextmanager
def in_evaluation_mode(expert: Any) -> Iterator[None]:
    """Put the expert into evaluation mode, and back: in training mode its BatchNorm would follow the clips."""
    training = isinstance(expert, torch.nn.Module) and expert.training
    if training:
        expert.eval()
    try:
        yield
    finally:
        if training:
            expert.train()


def evaluate(
    model: Predictor,
    config: Config,
    *,
    clips: Sequence[EvalClip],
    out_dir: str | Path,
    expert: SyncExpert | None = None,
    device: torch.device | str = "cpu",
    detector: FaceDetector | None = None,
    metrics: tuple[str, ...] | None = None,
    plots: int = 6,
    progress: bool = True,
) -> Evaluation:
    """Evaluate a model on clips; see `Evaluator`.

    Args:
        model: On `device`.
        config: Its configuration: crop, mel padding, precision, how it dubs, detector, seed of the pairs.
        clips: Real videos with sound.
        out_dir: Gets videos/, silence/, clips/, plots/, metrics.json, metrics.csv, evaluation.md.
        expert: Sync expert on `device`; without one the sync metrics are listed as not measured.
        device: Where model and expert are.
        detector: Measures the videos; made and closed here if None.
        metrics: Names of `catalog.metrics`; None is all.
        plots: Clips whose opening curves are drawn, worst first.
        progress: Show a bar.

    Raises:
        UserError: No clips, two of one name, or not one clip that can be measured.
    """
    return Evaluator(
        model=model, config=config, out_dir=Path(out_dir), expert=expert, device=torch.device(device),
        detector=detector, metrics=make_metrics(metrics), plots=plots, progress=progress,
    ).evaluate(clips)  # fmt: skip
