"""From a photograph and an identity to a portrait that can move: reshaped, recoloured, mouth closed, cut out."""

# S side of the square picture

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from talkingface.demo.expression import FaceRig, close_mouth, interocular
from talkingface.demo.identity import Dye, Identity
from talkingface.demo.photos import EYE_HEIGHT, Photo, blur, disk, grab_cut
from talkingface.demo.topology import (
    BEARD,
    BROWS,
    EYES,
    INNER_CORNERS,
    LOWER_INNER,
    LOWER_LIP,
    LOWER_OUTER,
    NOSE,
    NOSE_TIP,
    OUTER_CORNERS,
    OVAL,
    UNDER,
    UPPER_INNER,
    UPPER_LIP,
    UPPER_OUTER,
)
from talkingface.demo.warp import FloatArray, warp

LIP_TRIM = 0.22
"""Share of each lip, from its inner edge, that is left out of the photograph: it may show teeth there."""


@dataclass(frozen=True)
class Portrait:
    """A cut-out person with closed lips."""

    picture: NDArray[np.uint8]
    """(S, S, 4) BGR and alpha."""
    rig: FaceRig
    """Its points at rest are where the picture shows them."""


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


def clean_seam(image: NDArray[np.uint8], points: NDArray[np.float64]) -> NDArray[np.uint8]:
    """Paint lip colour over the dark line and corners of the photographed mouth; the head draws its own."""
    unit = interocular(points)
    line = points[[INNER_CORNERS[0], *UPPER_INNER, INNER_CORNERS[1]]].copy()
    line[1:-1, 1] = (points[UPPER_INNER, 1] + points[LOWER_INNER, 1]) / 2
    line[0, 0] -= 0.03 * unit
    line[-1, 0] += 0.03 * unit
    mask = np.zeros(image.shape[:2], np.uint8)
    width = max(3, round(0.085 * unit))
    cv2.polylines(mask, [np.round(line * 16).astype(np.int32)], False, 255, width, cv2.LINE_8, shift=4)
    filled = cv2.inpaint(image, mask, 0.05 * unit, cv2.INPAINT_TELEA)
    soft = blur(mask / 255, 0.01 * unit)[..., None]
    return np.round(image + soft * (filled.astype(np.float32) - image)).astype(np.uint8)


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


def _hair_volume(
    points: NDArray[np.float64], size: int, volume: float
) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Maps (S, S) of x and y that draw what surrounds the upper face, hair or cap, `volume` times as far from it."""
    oval = points[OVAL]
    centre, (half, tall) = oval.mean(axis=0), np.ptp(oval, axis=0) / 2
    x, y = (np.arange(size) - centre[0])[None, :], (np.arange(size) - centre[1])[:, None]
    radius = np.hypot(x / half, y / tall)
    fade = np.clip((points[OUTER_CORNERS, 1].mean() - centre[1] - y) / (0.5 * tall), 0, 1)
    beyond = np.maximum(radius - 0.95, 0)
    factor = 1 + fade * fade * (3 - 2 * fade) * (1 / volume - 1) * beyond / np.maximum(radius, 1e-6)
    return (x * factor + centre[0]).astype(np.float32), (y * factor + centre[1]).astype(np.float32)


def _find_skin(image: NDArray[np.uint8], solid: NDArray[np.uint8], points: NDArray[np.float64]) -> NDArray[np.uint8]:
    """(S, S) 1 on face, ears and neck: colours decide, starting from what the mesh is sure of."""
    size, unit = image.shape[0], image.shape[0] / 256
    labels = np.where(solid > 0, cv2.GC_PR_BGD, cv2.GC_BGD).astype(np.uint8)
    hull = (_polygon(points[OVAL], size, 0.5) > 0.5).astype(np.uint8)
    near = cv2.dilate(hull, disk(0.28 * interocular(points))).astype(np.uint8) & solid
    labels[near > 0] = cv2.GC_PR_FGD
    brow = int(points[BROWS, 1].min())
    labels[:brow][near[:brow] > 0] = cv2.GC_PR_BGD  # forehead or fringe: colours decide
    sure = cv2.erode(hull, disk(5 * unit))
    sure[:brow] = 0
    labels[sure > 0] = cv2.GC_FGD
    labels[(cv2.dilate(near, disk(26 * unit)) == 0) & (solid > 0)] = cv2.GC_BGD
    skin = grab_cut(image, labels) & cv2.dilate(near, disk(22 * unit)).astype(np.uint8)
    return cv2.morphologyEx(skin, cv2.MORPH_OPEN, disk(1)).astype(np.uint8)


def _beard_area(points: NDArray[np.float64], size: int, lips: NDArray[np.float32]) -> NDArray[np.float32]:
    """Soft (S, S) mask of cheeks below the ears, chin and upper lip."""
    mask = np.zeros((size, size), np.float32)
    outline = np.round(points[BEARD] * 16).astype(np.int32)
    cv2.fillPoly(mask, [outline], 1.0, lineType=cv2.LINE_AA, shift=4)
    soft = blur(cv2.erode(mask, disk(size / 128)), size / 90)
    return soft * (1 - lips)


def _parts(image: NDArray[np.uint8], alpha: NDArray[np.float32], points: NDArray[np.float64]) -> _Parts:
    """Find what is coloured apart."""
    size, unit = image.shape[0], image.shape[0] / 256
    face = _polygon(points[OVAL], size, 3 * unit)
    solid = (alpha > 0.5).astype(np.uint8)
    # Divided by what is well inside, the mask goes on beyond the outline and leaves no rim in the old colour.
    inside = cv2.erode(solid, disk(3 * unit)).astype(np.uint8)
    near = np.maximum(blur(inside, 2 * unit), 1e-4)
    skin = np.clip(blur(_find_skin(image, solid, points) & inside, 2 * unit) / near, 0, 1).astype(np.float32)
    brow = int(points[BROWS, 1].min())
    rows = np.arange(size, dtype=np.float32)[:, None]
    mouth = float(points[OUTER_CORNERS, 1].mean())
    above = np.clip((mouth - rows) / (10 * unit) + 0.5, 0, 1)
    lips = _polygon(points[[*OUTER_CORNERS, *UPPER_OUTER, *LOWER_OUTER]], size, 1.2 * unit)
    hair = ((1 - np.maximum(skin, face * (rows > brow))) * above).astype(np.float32)
    clothes = ((1 - skin) * (1 - above)).astype(np.float32)
    for eye in EYES:
        skin *= 1 - 0.6 * _polygon(points[eye.contour], size, 1.0 * unit)
    return _Parts(face, skin, hair, clothes, lips, _beard_area(points, size, lips))


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
        grain = blur(rng.standard_normal(lab.shape[:2]), 0.55 * unit) * 1.8 * unit
        cover = parts.beard * who.beard * np.clip(0.85 + 0.12 * grain, 0.4, 1)
        lab[..., 0] *= 1 - 0.62 * cover
        lab[..., 1:] += 0.5 * cover[..., None] * (130 - lab[..., 1:])
    return cv2.cvtColor(np.clip(lab, 0, 255).astype(np.uint8), cv2.COLOR_LAB2BGR).astype(np.uint8)


def make_portrait(photos: tuple[Photo, ...], who: Identity) -> Portrait:
    """Shape and colour a person."""
    photo, other = photos[who.base], photos[1 - who.base]
    size = photo.image.shape[0]
    own, foreign = photo.points[:, :2], other.points[:, :2]
    target = _reshape(close_mouth(own), close_mouth(foreign), who)
    rig = FaceRig.of(target, photo.points[:, 2], size)

    def bring(image: NDArray[np.uint8] | NDArray[np.float32], points: NDArray[np.float64]) -> NDArray[np.uint8]:
        source = rig.around(trim_lips(points))
        return warp(image, source, rig.rest, rig.triangles, under=UNDER)

    image = bring(photo.image, own)
    alpha = np.clip(bring(photo.alpha, own), 0, 1).astype(np.float32)
    x, y = _hair_volume(target, size, who.volume)
    image = cv2.remap(image, x, y, cv2.INTER_CUBIC, borderMode=cv2.BORDER_REPLICATE).astype(np.uint8)
    alpha = cv2.remap(alpha, x, y, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE).astype(np.float32)
    if who.texture:
        below_eyes = np.clip((np.arange(size)[:, None] / size - EYE_HEIGHT) * 10 - 0.9, 0, 1)
        lower = (_polygon(target[OVAL], size, 0.5) * below_eyes).astype(np.float32)
        lower = blur(cv2.erode(lower, disk(size / 40)), size / 40)
        image = _blend_skin(image, bring(other.image, foreign), lower, who.texture)
    image = clean_seam(image, target)
    image = _recolour(image, _parts(image, alpha, target), who, np.random.default_rng(who.seed))
    picture = np.dstack([image, np.round(alpha * 255).astype(np.uint8)])
    return Portrait(picture, rig)
