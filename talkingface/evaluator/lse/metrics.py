"""LSE-D, LSE-C and offset as metrics, the published score and the unbiased one.

The file is decoded a second time at 25 fps, so that the crops need not be kept: memory does not grow with length.
"""

from __future__ import annotations

from typing import ClassVar

from talkingface.evaluator.base import ClipPair, Direction, MeasuredVideo, Metric
from talkingface.evaluator.judges import Judges
from talkingface.evaluator.lse.crop import longest_track, mesh_boxes, tight_crops, track_crops
from talkingface.evaluator.lse.network import SYNCNET_V2, load_syncnet
from talkingface.evaluator.lse.score import Lse, LseScore, lse
from talkingface.evaluator.lse.sound import SAMPLE_RATE, SAMPLES_PER_FRAME, to_pcm
from talkingface.evaluator.sync import FPS, frames_at_25
from talkingface.utils.media.audio import read_audio
from talkingface.utils.media.video import read_frames
from talkingface.utils.weights import WeightsFile


def lse_of(video: MeasuredVideo, judges: Judges) -> Lse:
    """Score one file by the judges' protocol; NaN where no track can be scored, or there is no sound."""
    if not video.mel.shape[1]:
        return Lse()
    network = judges.network(load_syncnet, SYNCNET_V2)
    pcm = to_pcm(read_audio(video.path, SAMPLE_RATE))
    frames = read_frames(video.path, FPS)
    if judges.lse_protocol == "tight":
        return lse(tight_crops(frames), pcm, network, judges.device)
    track = longest_track(mesh_boxes(video.landmarks[frames_at_25(video)]))
    if track is None:
        return Lse()
    return lse(track_crops(frames, track), pcm[track.first * SAMPLES_PER_FRAME :], network, judges.device)


class _Lse(Metric):
    metric_type: ClassVar[str] = "sync"
    needs: ClassVar[tuple[WeightsFile, ...]] = (SYNCNET_V2,)
    unbiased: ClassVar[bool] = False

    def score(self, pair: ClipPair) -> LseScore:
        """Return the clip's score of this kind; worked out once for all six metrics."""
        return pair.lse.unbiased if self.unbiased else pair.lse.published


class LseD(_Lse):
    """Smallest of the mean distances of lips and sound over shifts of up to 15 frames (Prajwal et al. 2020)."""

    name, title, unit = "lse_d", "LSE-D", ""
    smaller: ClassVar[bool] = True
    best: ClassVar[Direction] = "lower"

    def calculate_metric(self, pair: ClipPair) -> float:
        """Return a distance."""
        return self.score(pair).distance


class LseC(_Lse):
    """Median minus minimum of the mean distances over the shifts."""

    name, title, unit = "lse_c", "LSE-C", ""

    def calculate_metric(self, pair: ClipPair) -> float:
        """Return a distance."""
        return self.score(pair).confidence


class LseOffset(_Lse):
    """Frames of 25 fps by which the lips come after the sound, by the shift of the smallest mean distance."""

    name, title, unit = "lse_offset", "LSE offset", "frames"
    best: ClassVar[Direction] = "zero"
    digits: ClassVar[int] = 1

    def calculate_metric(self, pair: ClipPair) -> float:
        """Return frames; positive is late."""
        return self.score(pair).offset


class LseDUnbiased(LseD):
    """LSE-D over windows for which the sound exists, without padding."""

    name, title, unbiased = "lse_d_unbiased", "LSE-D unb.", True


class LseCUnbiased(LseC):
    """LSE-C over windows for which the sound exists, without padding."""

    name, title, unbiased = "lse_c_unbiased", "LSE-C unb.", True


class LseOffsetUnbiased(LseOffset):
    """Offset over windows for which the sound exists, without padding."""

    name, title, unbiased = "lse_offset_unbiased", "LSE off. unb.", True
