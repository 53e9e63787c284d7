"""Frame-to-mel arithmetic against the golden indices and hand-worked numbers."""

from __future__ import annotations

import json
import re
import zlib
from pathlib import Path

import numpy as np
import pytest

from talkingface.timing import face_mel_starts, mel_start, run_starts, valid_starts

GOLDEN = json.loads((Path(__file__).parents[2] / "golden" / "windows" / "windows.json").read_text())


def test_training_windows_are_the_golden_ones():
    for row in GOLDEN["train_windows"]:
        assert mel_start(row["frame"]) == row["mel_start"]
        if row["indiv_starts"] is not None:
            assert face_mel_starts(row["frames"], steps=10**6) == row["indiv_starts"]


@pytest.mark.parametrize("key", GOLDEN["inference_mel_chunk_starts"])
def test_inference_windows_are_the_golden_ones(key):
    fps, mel_steps = (part.split("=")[1] for part in key.split(","))
    golden = GOLDEN["inference_mel_chunk_starts"][key]
    frames = range(golden["count"])
    starts = face_mel_starts(frames, float(fps), steps=int(mel_steps), timing="published")
    assert starts[: len(golden["first"])] == golden["first"]
    assert starts[-len(golden["last"]) :] == golden["last"]
    assert zlib.crc32(np.array(starts, "<i4").tobytes()) == golden["crc32"]


@pytest.mark.parametrize(
    ("frame", "fps", "steps", "start"),
    [
        (0, 25, 100, 0), (1, 25, 100, 0), (2, 25, 100, 3), (30, 30, 400, 76), (60, 30, 400, 156), (999, 25, 100, 84),
        (5, 25, 16, 0), (24, 24, 400, 76), (25, 50, 400, 36),
    ],
)  # fmt: skip
def test_starts_worked_by_hand(frame, fps, steps, start):
    """Frame 30 of 30 fps is at 1 s; its mel starts one frame of 25 fps earlier, at 0.96 s, step 76.8."""
    assert face_mel_starts([frame], fps, steps=steps) == [start]


def test_the_mels_numbers_stand_in_one_place():
    """A copy elsewhere would keep its value when the mel's hop changes."""
    package = Path(__file__).parents[3] / "talkingface"
    given = re.compile(r"^(MEL_STEPS|MEL_BINS|MELS_PER_SECOND|HOP)\b.*=", re.MULTILINE)
    files = {str(path.relative_to(package)) for path in package.rglob("*.py") if given.search(path.read_text("utf-8"))}
    assert files == {str(Path("utils/media/mel.py"))}


def test_runs_end_at_gaps():
    present = np.array([1, 1, 1, 0, 1, 1, 1, 1], bool)
    assert run_starts(present, 3).tolist() == [0, 4, 5]
    assert run_starts(present, 9).tolist() == []


@pytest.mark.parametrize("num_frames", [1, 2, 5])
def test_valid_starts_are_those_whose_frames_and_mels_exist(num_frames):
    rng = np.random.default_rng(3)
    for _ in range(20):
        count = int(rng.integers(5, 60))
        present = rng.random(count) > 0.1
        mel_steps = int(rng.integers(16, 220))
        wanted = []
        for i in range(1, count - num_frames + 1):
            windows = [mel_start(i), *face_mel_starts(range(i, i + num_frames), steps=10**6)]
            if present[i : i + num_frames].all() and max(windows) + 16 <= mel_steps:
                wanted.append(i)
        assert valid_starts(present, mel_steps, num_frames).tolist() == wanted
