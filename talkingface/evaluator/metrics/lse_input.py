"""What SyncNet v2 reads: crops of 224 pixels, cut while the file is decoded, and 13 MFCC, 100 a second.

`tight`: the clip is a face crop already; each frame is stretched to the square.

`in_the_wild`: SyncNet's own preparation. Boxes are joined to tracks, gaps of up to 25 frames are filled linearly, box
centres and sizes go through a median filter of 13 frames, and a square around the box is cut with a margin of 40% of
its side, more below the face than above it. What lies outside the frame is grey. The longest track is scored, if it
has at least 50 frames and a face of at least 100 pixels. Our boxes are the extent of the face mesh's points where the
published preparation has S3FD's; the rest is the same, so compare with published numbers with that in mind, and
always with the real videos' row.
"""

# N frames; boxes are x1, y1, x2, y2 in pixels

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

import cv2
import numpy as np

from talkingface.evaluator.metrics.lse_network import SIDE
from talkingface.utils.face.follow import box_iou

MARGIN = 0.40
SMOOTHING = 13
LONGEST_GAP = 25
SHORTEST_TRACK = 50
SMALLEST_FACE = 100
SAME_FACE_IOU = 0.5
GREY = 110
SAMPLE_RATE = 16000
SAMPLES_PER_FRAME = 640
"""Samples in a frame of 25 fps."""
STEPS_PER_FRAME = 4
PCM = 32768


@dataclass(frozen=True, kw_only=True)
class Track:
    """One face over neighbouring frames."""

    first: int
    """Number of its first frame."""
    boxes: np.ndarray
    """(n, 4), without gaps."""


def mesh_boxes(landmarks: np.ndarray) -> np.ndarray:
    """(N, 468, 2) points, NaN for no face, to (N, 4) boxes around them."""
    return np.concatenate([landmarks.min(axis=1), landmarks.max(axis=1)], axis=1)


def longest_track(boxes: np.ndarray) -> Track | None:
    """Return the longest track that is long and large enough, None without one.

    Args:
        boxes: (N, 4); NaN where no face was found.
    """
    runs: list[list[int]] = []
    for frame in np.flatnonzero(~np.isnan(boxes[:, 0])):
        last = runs[-1][-1] if runs else None
        if last is None or frame - last > LONGEST_GAP or box_iou(boxes[last], boxes[frame]) <= SAME_FACE_IOU:
            runs.append([])
        runs[-1].append(int(frame))
    tracks = [_filled(run, boxes) for run in runs if run[-1] - run[0] + 1 >= SHORTEST_TRACK]
    large = [one for one in tracks if max((one.boxes[:, 2:] - one.boxes[:, :2]).mean(axis=0)) > SMALLEST_FACE]
    return max(large, key=lambda one: len(one.boxes), default=None)


def _filled(run: list[int], boxes: np.ndarray) -> Track:
    frames = np.arange(run[0], run[-1] + 1)
    columns = [np.interp(frames, run, boxes[run, side]) for side in range(4)]
    return Track(first=run[0], boxes=np.stack(columns, axis=1))


def smoothed_squares(boxes: np.ndarray) -> np.ndarray:
    """(n, 4) boxes to (n, 3) centre x, centre y and half the longer side, median-filtered.

    The filter is scipy's `medfilt`, as published, which takes zeros beyond the ends: the first and last six values are
    a little low.
    """
    from scipy.signal import medfilt

    centre = (boxes[:, :2] + boxes[:, 2:]) / 2
    half = (boxes[:, 2:] - boxes[:, :2]).max(axis=1) / 2
    return np.stack([medfilt(one, SMOOTHING) for one in (centre[:, 0], centre[:, 1], half)], axis=1)


def cut_square(frame: np.ndarray, square: np.ndarray) -> np.ndarray:
    """Cut one square with its margin, uint8 (224, 224, 3).

    The square reaches from the box's top to 40% of its side times two below its bottom: `half` above the centre,
    1.8 `half` below, 1.4 `half` to either side.
    """
    x, y, half = (float(one) for one in square)
    pad = int(half * (1 + 2 * MARGIN))
    left, right = int(x + pad - half * (1 + MARGIN)) - pad, int(x + pad + half * (1 + MARGIN)) - pad
    top, bottom = int(y + pad - half) - pad, int(y + pad + half * (1 + 2 * MARGIN)) - pad
    height, width = frame.shape[:2]
    inside = frame[max(top, 0) : max(min(bottom, height), 0), max(left, 0) : max(min(right, width), 0)]
    if inside.size == 0:
        return np.full((SIDE, SIDE, 3), GREY, np.uint8)
    sides = (max(-top, 0), max(bottom - height, 0), max(-left, 0), max(right - width, 0))
    whole = cv2.copyMakeBorder(inside, *sides, cv2.BORDER_CONSTANT, value=(GREY, GREY, GREY))
    return np.asarray(cv2.resize(whole, (SIDE, SIDE)), np.uint8)


def tight_crops(frames: Iterable[np.ndarray]) -> Iterator[np.ndarray]:
    """Yield each whole frame as a square."""
    for frame in frames:
        yield np.asarray(cv2.resize(frame, (SIDE, SIDE)), np.uint8)


def track_crops(frames: Iterable[np.ndarray], track: Track) -> Iterator[np.ndarray]:
    """Yield the track's crops; `frames` begin with the video's first."""
    squares = smoothed_squares(track.boxes)
    for number, frame in enumerate(frames):
        place = number - track.first
        if place >= len(squares):
            return
        if place >= 0:
            yield cut_square(frame, squares[place])


def to_pcm(samples: np.ndarray) -> np.ndarray:
    """Samples in [-1, 1] to int16, as a WAV file holds them."""
    return np.asarray(np.clip(np.round(samples * PCM), -PCM, PCM - 1).astype(np.int16))


def mfcc(pcm: np.ndarray) -> np.ndarray:
    """Coefficients (13, steps) float64 of int16 samples at 16 kHz, by python_speech_features' defaults.

    Windows of 25 ms every 10 ms, 26 filters, 512 points, pre-emphasis 0.97, lifter 22, log energy first. int16
    matters: the log energy depends on the scale.
    """
    from python_speech_features import mfcc as coefficients

    return np.asarray(coefficients(pcm, SAMPLE_RATE)).T
