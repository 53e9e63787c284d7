"""What each face is drawn from: its crop of the frame, and its window of the sound's mel."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import numpy as np
from numpy.typing import NDArray

from talkingface.generate.settings import DubbingSettings
from talkingface.generate.synthesizer import Mel, Picture
from talkingface.timing import face_mel_starts
from talkingface.utils.face.crop import crop
from talkingface.utils.face.follow import FollowedFrame
from talkingface.utils.media.mel import HOP, MEL_STEPS, SAMPLE_RATE, melspectrogram

Samples = NDArray[np.float32]
"""(n,) mono at 16 kHz."""
Box = NDArray[np.int64]
"""(4,) x1, y1, x2, y2: padded and inside the frame."""
BLANK = 12
"""Grey levels, of 255, by which the pixels of a picture of one colour differ at most."""


def cut_faces(
    followed: Iterable[FollowedFrame], samples: Samples, fps: float, settings: DubbingSettings
) -> Iterator[tuple[tuple[FollowedFrame, Box | None], Picture | None, Mel]]:
    """Yield each frame with its padded box, its crop, and its window of the mel; no box and no crop without a face.

    Args:
        followed: frames of the output, from the first one on.
        samples: the sound; one that is shorter than a window is followed by silence.
        fps: rate of the output.
        settings: padding of boxes, size of crops, ends and timing of the mel.
    """
    shortest = MEL_STEPS * HOP
    heard = np.pad(samples, (0, max(0, shortest - len(samples))))
    mel = melspectrogram(heard, settings.mel_pad_mode)
    for number, one in enumerate(followed):
        (start,) = face_mel_starts([number], fps, steps=mel.shape[1], timing=settings.mel_timing)
        window = mel[:, start : start + MEL_STEPS]
        box = None if one.box is None else one.crop_box(settings.pads)
        if box is None or (not one.found and is_blank(one.frame, box)):
            yield (one, None), None, window
        else:
            yield (one, box), crop(one.frame, box, settings.input_size), window


def is_blank(frame: Picture, box: Box) -> bool:
    """Whether a frame shows one colour where a face should be, as the black frames of a damaged video do."""
    x1, y1, x2, y2 = box
    return int(np.ptp(frame[y1:y2, x1:x2], axis=(0, 1)).max()) <= BLANK


def frame_count(samples: Samples, fps: float) -> int:
    """Frames of a video that is as long as the sound, 1 at least."""
    return max(1, round(len(samples) / SAMPLE_RATE * fps))
