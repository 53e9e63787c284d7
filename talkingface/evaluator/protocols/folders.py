"""Two folders of videos against each other: generated ones, by whatever system, and the real ones to compare them with.

Videos belong together by their path in the folder, without the suffix. Both are measured at the real one's rate and
size, and cut at the real one's boxes, over the frames that both have.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor, as_completed
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

import torch
from tqdm import tqdm

from talkingface.data.dataprocess.steps.folders import find_videos
from talkingface.evaluator.clip_job import ClipCache
from talkingface.evaluator.clip_result import ClipResult
from talkingface.evaluator.evaluation import Evaluation, failed_result, protocol_text, write_evaluation
from talkingface.evaluator.measured_video import DETECTOR, measure_real_video
from talkingface.evaluator.scorer import Scorer
from talkingface.utils.errors import UserError
from talkingface.utils.face import FaceDetector, make_detector
from talkingface.utils.files import digest, file_mark
from talkingface.utils.media.video import VideoInfo, probe

VERSION = "1"
"""Raised when a metric changes, so that older numbers do not stand."""
SHAPES_DIFFER = 0.02
"""Relative difference of width over height from which two videos do not show the same picture."""
Pairs = dict[str, tuple[Path, Path]]
"""Clip name to (real, generated) video."""


@dataclass(frozen=True, kw_only=True)
class Paired:
    """Which videos belong together, and which are alone."""

    pairs: Pairs
    without_real: list[str]
    """Generated videos that no real one has the name of."""
    without_generated: list[str]

    def alone(self) -> list[str]:
        """A line for each kind of video without a partner."""
        kinds = (("generated", "real", self.without_real), ("real", "generated", self.without_generated))
        return [
            f"{len(names)} {one} videos without a {other} one, passed over: {', '.join(names[:5])}"
            f"{' ...' if len(names) > 5 else ''}"
            for one, other, names in kinds
            if names
        ]


def pair_videos(generated: Path, real: Path) -> Paired:
    """Find the videos of both folders that have one name.

    Raises:
        UserError: a folder is missing, two videos of one have the same name, or nothing belongs together.
    """
    made, wanted = _by_name(generated, "generated"), _by_name(real, "real")
    both = [name for name in wanted if name in made]
    if not both:
        first = [next(iter(one), "none") for one in (made, wanted)]
        raise UserError(
            f"--generated={generated} and --real={real}: no video of one has the name of one of the other "
            f"({len(made)} and {len(wanted)} videos, the first are {first[0]} and {first[1]}); they belong together by "
            "their path in the folder, without the suffix"
        )
    return Paired(
        pairs={name: (wanted[name], made[name]) for name in both},
        without_real=[name for name in made if name not in wanted],
        without_generated=[name for name in wanted if name not in made],
    )


def _by_name(folder: Path, what: str) -> dict[str, Path]:
    if not folder.is_dir():
        raise UserError(f"--{what}={folder}: no such folder; wanted one with videos")
    found: dict[str, Path] = {}
    for video in find_videos(folder):
        name = video.with_suffix("").as_posix()
        if name in found:
            raise UserError(f"--{what}={folder}: {found[name].name} and {video.name} have one name; keep one of them")
        found[name] = folder / video
    return found


def evaluate_folders(
    paired: Paired, scorer: Scorer, *, out_dir: Path, workers: int = 2, progress: bool = True
) -> Evaluation:
    """Score all pairs; those scored before from the same files are not scored again, broken ones are left out by name.

    Args:
        paired: of `pair_videos`.
        scorer: how.
        out_dir: gets clips/, plots/, metrics.json, metrics.csv, evaluation.md; nothing is written elsewhere.
        workers: clips that are scored at a time.
        progress: show a bar.

    Raises:
        UserError: not one pair could be scored.
    """
    how = scorer.mark()
    marks = {name: digest(VERSION, how, *map(file_mark, both)) for name, both in paired.pairs.items()}
    caches = {name: ClipCache.open(out_dir, name) for name in marks}
    results = {name: one for name, mark in marks.items() if (one := caches[name].result(mark)) is not None}
    todo: Pairs = {name: both for name, both in paired.pairs.items() if name not in results}
    with tqdm(total=len(marks), initial=len(results), unit="clip", desc="evaluate", disable=not progress) as bar:
        for result in _score_all(todo, scorer, workers, out_dir):
            results[result.name] = result
            caches[result.name].add_result(marks[result.name], result)
            bar.update()
    silent = [one.title for one in scorer.metrics if one.metric_type == "leakage"]
    return write_evaluation(
        [results[name] for name in marks], scorer, out_dir=out_dir, videos=paired.pairs,
        protocol=protocol_text(scorer.metrics), facts={"pairs": {}, "without_partner": paired.alone()},
        not_measured=dict.fromkeys(silent, "needs the model, to dub clips with silence"),
    )  # fmt: skip


def _score_all(todo: Pairs, scorer: Scorer, workers: int, out_dir: Path) -> Iterator[ClipResult]:
    """Yield results as they come; each thread has a detector of its own, which follows one video at a time.

    Where several clips are measured at a time, each keeps to one core: networks on two of them at once wait for each
    other more than they compute.
    """
    own = threading.local()
    with ExitStack() as opened, one_core_each(workers), ThreadPoolExecutor(workers, "score") as threads:

        def begin(name: str, both: tuple[Path, Path]) -> ClipResult:
            if not hasattr(own, "detector"):
                own.detector = opened.enter_context(make_detector(DETECTOR))
            return score_pair(name, both, scorer, own.detector, out_dir)

        waiting = {threads.submit(begin, name, both): name for name, both in todo.items()}
        try:
            for done in as_completed(waiting):
                error = done.exception()
                if error is None:
                    yield done.result()
                elif isinstance(error, Exception):
                    yield failed_result(waiting[done], error)
                else:
                    raise error
        finally:
            threads.shutdown(wait=True, cancel_futures=True)


@contextmanager
def one_core_each(workers: int) -> Iterator[None]:
    """Let torch use one thread a call while several workers call it."""
    before = torch.get_num_threads()
    torch.set_num_threads(1 if workers > 1 else before)
    try:
        yield
    finally:
        torch.set_num_threads(before)


def score_pair(name: str, both: tuple[Path, Path], scorer: Scorer, detector: FaceDetector, out_dir: Path) -> ClipResult:
    """Measure a real and a generated video and compare them.

    Raises:
        UserError: one cannot be read or has no face, or they do not show the same picture.
    """
    real_path, made_path = both
    real_info, made_info = probe(real_path), probe(made_path)
    shapes = [one.width / one.height for one in (real_info, made_info)]
    if abs(shapes[1] / shapes[0] - 1) > SHAPES_DIFFER:
        raise UserError(
            f"{made_path}: is {_size(made_info)}, the real video is {_size(real_info)}; wanted the same picture, "
            "at any scale"
        )
    real, _ = measure_real_video(real_path, detector, scorer.settings)
    size = (real_info.width, real_info.height)
    made = scorer.measure(made_path, detector, fps=real.fps, boxes=real.boxes, size=size)
    if not made.present.any():
        raise UserError(f"{made_path}: no face was found in any frame where the real video has one")
    result = ClipResult(name=name, note=_note(real_info, made_info, len(real.boxes), len(made.boxes)))
    scorer.compare(scorer.pair(real, made), result, out_dir=out_dir)
    return result


def _note(real: VideoInfo, made: VideoInfo, real_frames: int, made_frames: int) -> str | None:
    """What had to be made alike."""
    said = []
    if (made.width, made.height) != (real.width, real.height):
        said.append(f"scaled from {_size(made)} to {_size(real)}")
    if abs(made.fps - real.fps) > 1e-3:
        said.append(f"read at {real.fps:g} instead of {made.fps:g} fps")
    if made_frames != real_frames:
        said.append(f"{made_frames} frames against {real_frames}, the first {min(made_frames, real_frames)} compared")
    return "; ".join(said) or None


def _size(info: VideoInfo) -> str:
    return f"{info.width}x{info.height}"
