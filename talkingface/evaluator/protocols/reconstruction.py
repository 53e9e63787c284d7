"""Reconstruction without a leak: frames near the reference are left out of what is measured.

A model is shown the clip's first face whole. When the clip is dubbed with its own sound, that frame shows its own true
mouth, and its neighbours nearly theirs, so a model that copies the reference would score well there. Dubbing stretches
with references from elsewhere would avoid it too, but the face would jump where the reference changes, and the written
video would not be the one that `generate` gives. So the video stays as it is, and its first half second counts for
nothing, in the real row too.

Half a second, because by then a mouth says nothing about itself: on rendered speakers the autocorrelation of the
opening is 0.8 at one frame of 25 fps, 0.1 at four, and within 0.16 of zero from seven on.
"""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np

from talkingface.evaluator.metrics.base import MeasuredVideo

SECONDS = 0.5
"""Time after the reference that is left out."""


def measured_from(real: MeasuredVideo) -> int:
    """Return the first frame that counts; in clips of under a second, half of the frames from the reference on do.

    Args:
        real: the video that is dubbed; its first face is the reference.
    """
    faces = np.flatnonzero(real.present)
    if not len(faces):
        return 0
    reference = int(faces[0])
    return reference + min(math.ceil(SECONDS * real.fps), (len(real.boxes) - reference) // 2)


def from_frame(video: MeasuredVideo, first: int) -> MeasuredVideo:
    """Return the video with the frames before `first` marked as having no face; numbering and sound stay."""
    boxes, landmarks, crops, opening = (
        one.copy() for one in (video.boxes, video.landmarks, video.crops, video.opening)
    )
    boxes[:first], landmarks[:first], crops[:first], opening[:first] = np.nan, np.nan, 0, np.nan
    return replace(video, boxes=boxes, landmarks=landmarks, crops=crops, opening=opening)
