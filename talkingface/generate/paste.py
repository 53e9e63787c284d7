"""Put a drawn face back into its frame: only the mouth region, with soft edges and the frame's own colours.

All work happens inside the face box with a one-channel mask. Pixels where the mask is zero keep their bytes.
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np

from talkingface.utils.face.landmarks import FACE_OVAL

JAW = FACE_OVAL[7:30]
"""Points of the face's outline from one temple along the jaw to the other."""
MASK_SIZE = 128
"""Side of the square on which masks are drawn before they are resized to the box."""
TOP = 0.5
"""The model sees everything above this share of the box's height, so nothing above it is replaced."""
SIDES = (0.15, 0.85)
"""Shares of the box's width between which pixels may be replaced."""


@dataclass(frozen=True, kw_only=True)
class PasteOptions:
    """How a drawn face is blended into its frame."""

    feather: float = 0.09
    """Width of the soft edge as a share of the box's side."""
    chin_room: float = 0.07
    """Share of the box's height by which the region reaches below the chin, so that a dropping jaw is drawn."""
    match_colour: bool = True
    """Carry the frame's colours at the region's edge into the drawn face (slow colour changes only)."""


def paste(
    frame: np.ndarray,
    face: np.ndarray,
    box: np.ndarray,
    *,
    landmarks: np.ndarray | None = None,
    options: PasteOptions | None = None,
) -> np.ndarray:
    """Return a copy of the frame with the mouth region of the drawn face in it.

    Args:
        frame: uint8 (H, W, 3) BGR.
        face: uint8 (S, S, 3) BGR, the drawn face.
        box: int (4,) x1, y1, x2, y2 inside the frame: where the face was cut out.
        landmarks: float (468, 2) pixels of the frame; the region then follows the jaw. None: a rounded region.
        options: Feathering and colours.
    """
    options = options or PasteOptions()
    x1, y1, x2, y2 = (int(value) for value in box)
    original = frame[y1:y2, x1:x2]
    height, width = original.shape[:2]
    mask = region_mask(box, landmarks, options)
    shrinks = face.shape[0] > height and face.shape[1] > width
    way = cv2.INTER_AREA if shrinks else cv2.INTER_CUBIC  # as crops are shrunk; a cubic would skip pixels
    drawn = cv2.resize(face, (width, height), interpolation=way).astype(np.float32)
    if options.match_colour:
        drawn += cv2.resize(_colour_step(original, face, mask), (width, height), interpolation=cv2.INTER_LINEAR)
    weight = cv2.resize(mask, (width, height), interpolation=cv2.INTER_LINEAR)[..., None]
    base = original.astype(np.float32)
    blended = np.clip(base + weight * (drawn - base) + 0.5, 0, 255).astype(np.uint8)
    result = frame.copy()
    result[y1:y2, x1:x2] = blended
    return result


def region_mask(box: np.ndarray, landmarks: np.ndarray | None, options: PasteOptions) -> np.ndarray:
    """Return float32 (MASK_SIZE, MASK_SIZE) in [0, 1] over the box: 1 at the mouth, 0 at all four sides."""
    outline = _rounded_outline() if landmarks is None else _jaw_outline(box, landmarks, options.chin_room)
    shape = np.zeros((MASK_SIZE, MASK_SIZE), np.uint8)
    cv2.fillPoly(shape, [np.round(outline * MASK_SIZE).astype(np.int32)], 255)
    shape[: round(TOP * MASK_SIZE)] = 0
    shape[:, : round(SIDES[0] * MASK_SIZE)] = 0
    shape[:, round(SIDES[1] * MASK_SIZE) :] = 0
    shape[-1:] = 0
    inside = cv2.distanceTransform(shape, cv2.DIST_L2, 5) / max(options.feather * MASK_SIZE, 1e-6)
    share = np.clip(inside, 0, 1)
    return np.asarray(share * share * (3 - 2 * share), dtype=np.float32)


def _jaw_outline(box: np.ndarray, landmarks: np.ndarray, chin_room: float) -> np.ndarray:
    """Return (P, 2) points in shares of the box: the jaw line, lowered towards the chin."""
    x1, y1, x2, y2 = (float(value) for value in box)
    points = (landmarks[list(JAW)] - (x1, y1)) / (x2 - x1, y2 - y1)
    depth = (points[:, 1] - points[:, 1].min()) / max(float(np.ptp(points[:, 1])), 1e-6)
    points[:, 1] += chin_room * np.clip((depth - 0.5) / 0.5, 0, 1)
    return np.asarray(points)


def _rounded_outline() -> np.ndarray:
    """Return (P, 2) points in shares of the box of an ellipse that covers mouth and chin."""
    angle = np.linspace(0, 2 * np.pi, 64, endpoint=False)
    return np.stack([0.5 + 0.35 * np.cos(angle), 0.6 + 0.36 * np.sin(angle)], axis=1)


def _colour_step(original: np.ndarray, face: np.ndarray, mask: np.ndarray) -> np.ndarray:
    """Return float32 (MASK_SIZE, MASK_SIZE, 3) to add to the drawn face: the slow part of original - drawn.

    Measured on the mask's soft edge only, where both shall show the same skin; pixels that differ much (a moved jaw,
    the background) count little. Spread over the region by normalised convolution.
    """
    size = (MASK_SIZE, MASK_SIZE)
    step = cv2.resize(original, size, interpolation=cv2.INTER_AREA).astype(np.float32)
    step -= cv2.resize(face, size, interpolation=cv2.INTER_AREA).astype(np.float32)
    edge = 4 * mask * (1 - mask)
    weight = edge * np.exp(-np.square(np.abs(step).max(axis=2) / 40))
    sigma = 0.12 * MASK_SIZE
    total = cv2.GaussianBlur(weight, (0, 0), sigma)
    spread = cv2.GaussianBlur(step * weight[..., None], (0, 0), sigma)
    return np.asarray(spread / (total[..., None] + 1e-3), dtype=np.float32)
