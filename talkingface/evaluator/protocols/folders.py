"""Two folders of videos against each other: generated ones, by whatever system, and the real ones they shall equal.

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
from talkingface.evaluator.measuring import CROP_SIZE, DETECTOR, Measuring
from talkingface.evaluator.outcome import Evaluation, conclude, failed_result
from talkingface.evaluator.report import protocol
from talkingface.evaluator.results import ClipResult
from talkingface.utils.errors import UserError
from talkingface.utils.face import FaceDetector, make_detector
from talkingface.utils.files import digest, file_mark, read_json, write_json
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
    paired: Paired, measuring: Measuring, *, out_dir: Path, workers: int = 2, progress: bool = True
) -> Evaluation:
    """Measure all pairs; those whose numbers stand are not measured again, broken ones are left out by name.

    Args:
        paired: of `pair_videos`.
        measuring: how.
        out_dir: gets clips/, plots/, metrics.json, metrics.csv, evaluation.md; nothing is written elsewhere.
        workers: clips that are measured at a time.
        progress: show a bar.

    Raises:
        UserError: not one pair could be measured.
    """
    marks = {name: _mark(both, measuring) for name, both in paired.pairs.items()}
    results = {name: one for name, mark in marks.items() if (one := _standing(_file(out_dir, name), mark)) is not None}
    todo: Pairs = {name: both for name, both in paired.pairs.items() if name not in results}
    bar = tqdm(total=len(marks), initial=len(results), unit="clip", desc="evaluate", disable=not progress)
    with bar:
        for result in _measure_all(todo, measuring, workers, out_dir):
            results[result.name] = result
            if result.failed is None:
                write_json(_file(out_dir, result.name), {"mark": marks[result.name], "result": result.plain()})
            bar.update()
    how = protocol(measuring.metrics, {"crop_size": CROP_SIZE})
    shown = {key: value for key, value in how.items() if key not in ("reference", "cross", "silence")}
    silent = [one.title for one in measuring.metrics if one.metric_type == "leakage"]
    return conclude(
        [results[name] for name in marks], measuring, out_dir=out_dir, videos=paired.pairs, protocol=shown,
        facts={"pairs": {}, "without_partner": paired.alone()},
        not_measured=dict.fromkeys(silent, "needs the model, to dub clips with silence"),
    )  # fmt: skip


def _measure_all(todo: Pairs, measuring: Measuring, workers: int, out_dir: Path) -> Iterator[ClipResult]:
    """Results as they come; each thread has a detector of its own, which follows one video at a time.

    Where several clips are measured at a time, each keeps to one core: networks on two of them at once wait for each
    other more than they compute.
    """
    own = threading.local()
    with ExitStack() as opened, one_core_each(workers), ThreadPoolExecutor(workers, "measure") as threads:

        def begin(name: str, both: tuple[Path, Path]) -> ClipResult:
            if not hasattr(own, "detector"):
                own.detector = opened.enter_context(make_detector(DETECTOR))
            return measure_pair(name, both, measuring, own.detector, out_dir)

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


def measure_pair(
    name: str, both: tuple[Path, Path], measuring: Measuring, detector: FaceDetector, out_dir: Path
) -> ClipResult:
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
    real, _ = measuring.look_at_real(real_path, detector)
    size = (real_info.width, real_info.height)
    made = measuring.look(made_path, detector, fps=real.fps, boxes=real.boxes, size=size)
    if not made.present.any():
        raise UserError(f"{made_path}: no face was found in any frame where the real video has one")
    result = measuring.compare(name, measuring.pair(real, made), out_dir=out_dir)
    result.note = _note(real_info, made_info, len(real.boxes), len(made.boxes))
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


def _mark(both: tuple[Path, Path], measuring: Measuring) -> str:
    return digest(VERSION, measuring.mark(), *(file_mark(path) for path in both))


def _file(out_dir: Path, name: str) -> Path:
    return out_dir / "clips" / f"{name}.json"


def _standing(file: Path, mark: str) -> ClipResult | None:
    """The result of an earlier run with the same files and settings."""
    try:
        saved = read_json(file) if file.is_file() else {}
        return ClipResult.from_plain(saved["result"]) if saved.get("mark") == mark else None
    except (UserError, KeyError, TypeError):
        return None
