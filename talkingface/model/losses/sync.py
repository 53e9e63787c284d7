"""The sync loss of Wav2Lip (Prajwal et al. 2020, equations 1 and 2) and the window its expert looks at."""

# B batch, T frames, C channels, H/W pixels, E embedding values

from __future__ import annotations

from torch import Tensor
from torch.nn import functional as F

from talkingface.batch import stack_frames
from talkingface.model.layers.conv import wide
from talkingface.model.losses.adversarial import cross_entropy

EDGE = 1e-6
"""Cosines are kept this far from 0 and 1, so that the loss is at most 13.8 and no gradient explodes."""


def sync_loss(audio_embedding: Tensor, face_embedding: Tensor, target: Tensor | float) -> Tensor:
    """Cross entropy between the cosine of two embeddings, taken as a probability, and whether they belong together.

    Args:
        audio_embedding: (B, E), no value negative, so that the cosine lies in [0, 1].
        face_embedding: (B, E), likewise.
        target: (B, 1) or one number; 1 in sync, 0 not.

    Returns:
        The mean over the batch. Cosines that rounding or collapse put at or beyond 0 or 1 stay finite.
    """
    cosine = F.cosine_similarity(wide(audio_embedding), wide(face_embedding))
    return cross_entropy(cosine.clamp(EDGE, 1 - EDGE).unsqueeze(1), target)


def expert_window(frames: Tensor, size: tuple[int, int]) -> Tensor:
    """Turn whole faces into the window a sync expert reads: lower halves, resized, stacked on the channels.

    Args:
        frames: (B, C, T, H, W) in [0, 1].
        size: height and width the expert wants.

    Returns:
        (B, T*C, *size).
    """
    window = stack_frames(frames[..., frames.shape[-2] // 2 :, :])
    if window.shape[-2:] == size:
        return window
    return F.interpolate(window, size=size, mode="bilinear", align_corners=False)
