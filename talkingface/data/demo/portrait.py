"""From a photograph and an identity to a portrait that can move: reshaped, recoloured, mouth closed, cut out."""

# S side of the square picture

from __future__ import annotations

from dataclasses import dataclass, replace

import cv2
import numpy as np
from numpy.typing import NDArray

from talkingface.data.demo.expression import FaceRig, close_mouth, interocular
from talkingface.data.demo.identity import Dye, Identity
from talkingface.data.demo.matte import blur, disk, grab_cut
from talkingface.data.demo.photos import EYE_HEIGHT, Photo
from talkingface.data.demo.points import (
    BROWS,
    CHIN,
    EYES,
    LOWER_INNER,
    LOWER_LIP,
    LOWER_OUTER,
    NOSE,
    NOSE_TIP,
    OUTER_CORNERS,
    OVAL,
    UPPER_INNER,
    UPPER_LIP,
    UPPER_OUTER,
)
from talkingface.data.demo.warp import FloatArray, warp

LIP_TRIM = 0.22
"""Share of each lip, from its inner edge, that is left out of the photograph: it may show teeth there."""


@dataclass(frozen=True)
class Portrait:
    """A cut-out person with closed lips."""

    picture: NDArray[np.uint8]
    """(S, S, 4) BGR and alpha."""
    source: NDArray[np.float64]
    """(N, 2) where the rig's points lie in the picture."""
    rig: FaceRig


def _polygon(points: FloatArray, size: int, soft: float) -> NDArray[np.float32]:
    """Soft (S, S) mask of the convex hull of points."""
    mask = np.zeros((size, size), np.float32)
    hull = cv2.convexHull(np.round(points * 16).astype(np.int32))
    cv2.fillConvexPoly(mask, hull, 1.0, lineType=cv2.LINE_AA, shift=4)
    return blur(mask, soft)


def _reshape(points: NDArray[np.float64], other: NDArray[np.float64], who: Identity) -> NDArray[np.float64]:
    """The identity's (468, 2) points from two faces with closed mouths."""
    centre = points[OVAL].mean(axis=0)
    out = points + who.geometry * ((other - other[OVAL].mean(axis=0)) - (points - centre))
    unit, tip = interocular(out), out[NOSE_TIP].copy()
    below = out[:, 1] - tip[1]
    out[:, 0] = tip[0] + (out[:, 0] - tip[0]) * (1 + (who.jaw - 1) * np.clip(below / (0.9 * unit), 0, 1))
    out[:, 1] = tip[1] + below * np.where(below > 0, who.length, 1 + (who.length - 1) * 0.4)
    for eye in EYES:
        middle = out[eye.contour].mean(axis=0)
        out[eye.contour] = middle + (out[eye.contour] - middle) * who.eyes
    out[NOSE, 0] = out[NOSE_TIP, 0] + (out[NOSE, 0] - out[NOSE_TIP, 0]) * who.nose
    for lip, inner in ((UPPER_LIP, UPPER_INNER), (LOWER_LIP, LOWER_INNER)):
        edge = np.interp(out[lip, 0], out[inner, 0], out[inner, 1])
        out[lip, 1] = edge + (out[lip, 1] - edge) * who.lips
    return out


def trim_lips(points: NDArray[np.float64]) -> NDArray[np.float64]:
    """Move the inner lips of (468, 2) points into the lips' flesh, away from the teeth."""
    out = points.copy()
    for inner, outer in ((UPPER_INNER, UPPER_OUTER), (LOWER_INNER, LOWER_OUTER)):
        edge = np.interp(points[inner, 0], points[outer, 0], points[outer, 1])
        out[inner, 1] += LIP_TRIM * (edge - points[inner, 1])
    return out


def _blend_skin(
    own: NDArray[np.uint8], other: NDArray[np.uint8], mask: NDArray[np.float32], share: float
) -> NDArray[np.uint8]:
    """Mix in the other picture's skin where `mask` is, in this picture's mean colour and contrast."""
    mine, theirs = (cv2.cvtColor(p, cv2.COLOR_BGR2LAB).astype(np.float32) for p in (own, other))
    inside = mask > 0.5
    theirs = (theirs - theirs[inside].mean(0)) / theirs[inside].std(0) * mine[inside].std(0) + mine[inside].mean(0)
    mixed = mine + (mask * share)[..., None] * (theirs - mine)
    return cv2.cvtColor(np.clip(mixed, 0, 255).astype(np.uint8), cv2.COLOR_LAB2BGR).astype(np.uint8)


@dataclass(frozen=True)
class _Parts:
    """Soft (S, S) masks of what is coloured apart."""

    face: NDArray[np.float32]
    skin: NDArray[np.float32]
    hair: NDArray[np.float32]
    clothes: NDArray[np.float32]
    lips: NDArray[np.float32]
    beard: NDArray[np.float32]


def _parts(image: NDArray[np.uint8], alpha: NDArray[np.float32], points: NDArray[np.float64]) -> _Parts:
    """Find skin, hair and clothes: colours decide, starting from what the mesh is sure of."""
    size, unit = image.shape[0], image.shape[0] / 256
    face = _polygon(points[OVAL], size, 3 * unit)
    solid = (alpha > 0.5).astype(np.uint8)
    labels = np.where(solid > 0, cv2.GC_PR_BGD, cv2.GC_BGD).astype(np.uint8)
    hull = (_polygon(points[OVAL], size, 0.5) > 0.5).astype(np.uint8)
    near = cv2.dilate(hull, disk(0.28 * interocular(points))).astype(np.uint8) & solid
    labels[near > 0] = cv2.GC_PR_FGD
    brow = points[BROWS, 1].min()
    sure = cv2.erode(hull, disk(5 * unit))
    sure[: int(brow)] = 0
    labels[sure > 0] = cv2.GC_FGD
    labels[(cv2.dilate(near, disk(14 * unit)) == 0) & (solid > 0)] = cv2.GC_BGD
    skin = grab_cut(image, labels) & cv2.dilate(near, disk(10 * unit)).astype(np.uint8)
    skin_soft = blur(cv2.morphologyEx(skin, cv2.MORPH_OPEN, disk(1)).astype(np.float32), 1.5 * unit)
    for eye in EYES:
        skin_soft *= 1 - _polygon(points[eye.contour], size, 1.0 * unit)
    rows = np.arange(size, dtype=np.float32)[:, None]
    chin = float(points[CHIN, 1])
    above = np.clip((chin + 4 * unit - rows) / (8 * unit), 0, 1)
    lips = _polygon(points[[*OUTER_CORNERS, *UPPER_OUTER, *LOWER_OUTER]], size, 1.2 * unit)
    nose = float(points[NOSE_TIP, 1])
    low = np.clip((rows - nose - 10 * unit) / (8 * unit), 0, 1)
    return _Parts(
        face=face,
        skin=skin_soft,
        hair=(1 - np.maximum(skin_soft, face * (rows > brow))) * alpha * above,
        clothes=(1 - skin_soft) * alpha * (1 - above),
        lips=lips,
        beard=face * low * (1 - _polygon(points[[*OUTER_CORNERS, *UPPER_OUTER, *LOWER_OUTER]], size, 2 * unit)),
    )


def _dyed(lab: NDArray[np.float32], mask: NDArray[np.float32], dye: Dye) -> NDArray[np.float32]:
    """Recolour a float L*a*b* picture (S, S, 3) where `mask` is."""
    new = lab.copy()
    new[..., 0] = lab[..., 0] * dye.scale + dye.lift * (1 - lab[..., 0] / 255)
    light = np.clip(new[..., 0] / 110, 0.35, 1.2)
    new[..., 1] = 128 + (lab[..., 1] - 128) * dye.keep + dye.a * light
    new[..., 2] = 128 + (lab[..., 2] - 128) * dye.keep + dye.b * light
    return lab + mask[..., None] * (new - lab)


def _recolour(image: NDArray[np.uint8], parts: _Parts, who: Identity, rng: np.random.Generator) -> NDArray[np.uint8]:
    """Skin, hair, clothes, lips, age and beard of the identity."""
    unit = image.shape[0] / 256
    lab = cv2.cvtColor(image, cv2.COLOR_BGR2LAB).astype(np.float32)
    fine = lab[..., 0] - blur(lab[..., 0], 3 * unit)
    amount = who.age if who.age > 0 else 0.7 * who.age
    lab[..., 0] += parts.face * (1 - parts.lips) * fine * amount
    for mask, dye in ((parts.skin, who.skin), (parts.hair, who.hair), (parts.clothes, who.clothes)):
        lab = _dyed(lab, mask, dye)
    lab[..., 1] += parts.lips * 16 * who.rouge
    lab[..., 0] -= parts.lips * 8 * who.rouge
    if who.beard:
        grain = blur(rng.standard_normal(lab.shape[:2]), 0.8 * unit) * 1.6 * unit
        cover = parts.beard * who.beard * np.clip(0.75 + 0.3 * grain, 0.3, 1)
        lab[..., 0] *= 1 - 0.6 * cover
        lab[..., 1:] += 0.6 * cover[..., None] * (128 - lab[..., 1:])
    return cv2.cvtColor(np.clip(lab, 0, 255).astype(np.uint8), cv2.COLOR_LAB2BGR).astype(np.uint8)


def make_portrait(photos: tuple[Photo, ...], who: Identity) -> Portrait:
    """Shape and colour a person."""
    photo, other = photos[who.base], photos[1 - who.base]
    size = photo.image.shape[0]
    own, foreign = photo.points[:, :2], other.points[:, :2]
    target = _reshape(close_mouth(own), close_mouth(foreign), who)
    eyes = np.array([size / 2, size * EYE_HEIGHT])
    depth = photo.points[:, 2]
    rig = FaceRig.of(target, depth, size)

    def bring(image: NDArray[np.uint8] | NDArray[np.float32], points: NDArray[np.float64]) -> NDArray[np.uint8]:
        fixed = rig.rest[len(points) :]
        return warp(image, np.vstack([trim_lips(points), fixed]), rig.rest, rig.triangles)

    image = bring(photo.image, own)
    alpha = np.clip(bring(photo.alpha, own), 0, 1).astype(np.float32)
    lower = _polygon(target[OVAL], size, 0.5) * np.clip((np.arange(size)[:, None] - eyes[1]) / (0.1 * size) - 0.9, 0, 1)
    lower = blur(cv2.erode(lower.astype(np.float32), disk(size / 40)), size / 40)
    if who.texture:
        image = _blend_skin(image, bring(other.image, foreign), lower, who.texture)
    image = _recolour(image, _parts(image, alpha, target), who, np.random.default_rng(who.seed))
    picture = np.dstack([image, np.round(alpha * 255).astype(np.uint8)])
    return Portrait(picture, rig.rest, replace(rig))
