"""Frames of a speaking head: expression, movement of the head, mouth, and the background, drawn from a seed."""

# S side of the square frame

from __future__ import annotations

from typing import NamedTuple

import cv2
import numpy as np
from numpy.typing import NDArray

from talkingface.demo.expression import Expression, interocular
from talkingface.demo.identity import Identity
from talkingface.demo.mouth import MouthShape, paint_mouth
from talkingface.demo.photos import blur, load_photos
from talkingface.demo.portrait import make_portrait
from talkingface.demo.topology import CHIN, INNER_LIPS, OUTER_CORNERS, UNDER
from talkingface.demo.warp import Region, displacement

NOISE = 1.2
"""Standard deviation of the camera's noise, of 255."""


class HeadPose(NamedTuple):
    """Where the head is in one frame."""

    roll: float = 0.0
    """Tilt about the neck, degrees."""
    scale: float = 1.0
    x: float = 0.0
    """Shift, share of the picture's side."""
    y: float = 0.0


class Head:
    """One person, ready to be drawn in any expression and pose."""

    def __init__(self, who: Identity, size: int) -> None:
        portrait = make_portrait(load_photos(size), who)
        self.size, self.who, self.rig = size, who, portrait.rig
        self.picture = portrait.picture
        self.backdrop = make_backdrop(size, who.backdrop, who.seed).astype(np.float32)
        self.unit = interocular(self.rig.rest)
        self.region = Region.around(self.rig.rest, size, margin=1)
        self.noise = np.random.default_rng(who.seed).standard_normal((2 * size, 2 * size, 1), dtype=np.float32) * NOISE
        self._x, self._y = Region(0, 0, size, size).grid()
        chin = float(self.rig.rest[CHIN, 1]) + 0.25 * self.unit
        fall = np.clip((self._y - chin) / (size * 1.02 - chin), 0, 1)
        self._stiff = (1 - fall * fall * (3 - 2 * fall)).astype(np.float32)
        skin = self.picture[tuple(np.round(self.rig.rest[CHIN]).astype(int)[::-1])][:3]
        self._light = 0.8 + 0.2 * float(np.clip(skin.mean() / 150, 0, 1))

    def _matrix(self, pose: HeadPose) -> NDArray[np.float64]:
        """(2, 3) from the portrait to the frame, for the head."""
        pivot = (self.size / 2, self.size * 0.8)
        matrix = np.asarray(cv2.getRotationMatrix2D(pivot, pose.roll, pose.scale * self.who.zoom), np.float64)
        matrix[:, 2] += np.array([pose.x, pose.y]) * self.size
        return matrix

    def _rigid(self, pose: HeadPose) -> tuple[NDArray[np.float32], NDArray[np.float32], NDArray[np.float64]]:
        """Where each pixel of the frame lies in the portrait, (S, S) x and y: the head moves, shoulders stay."""
        matrix = self._matrix(pose)
        (a, b, c), (d, e, f) = cv2.invertAffineTransform(matrix).astype(np.float32)
        still = cv2.invertAffineTransform(self._matrix(HeadPose())).astype(np.float32)
        rest_x, rest_y = still[0, 0] * self._x + still[0, 2], still[1, 1] * self._y + still[1, 2]
        moved_x, moved_y = a * self._x + b * self._y + c, d * self._x + e * self._y + f
        return (
            rest_x + self._stiff * (moved_x - rest_x),
            rest_y + self._stiff * (moved_y - rest_y),
            matrix,
        )

    def frame(
        self, expression: Expression, pose: HeadPose, *, light: float, rng: np.random.Generator
    ) -> NDArray[np.uint8]:
        """Draw one frame.

        Args:
            expression: lips, eyes, brows, turn.
            pose: place of the head.
            light: factor on the brightness.
            rng: of the camera's noise.

        Returns:
            (S, S, 3) BGR.
        """
        points = self.rig.points(expression)
        x, y, matrix = self._rigid(pose)
        move = displacement(self.rig.rest, points, self.rig.triangles, self.region, under=UNDER)
        local = cv2.remap(
            move, x - self.region.x0, y - self.region.y0, cv2.INTER_LINEAR, borderMode=cv2.BORDER_CONSTANT
        )
        drawn = cv2.remap(
            self.picture, x + local[..., 0], y + local[..., 1], cv2.INTER_CUBIC, borderMode=cv2.BORDER_REPLICATE
        ).astype(np.float32)
        colour, alpha = drawn[..., :3], drawn[..., 3:] / 255
        mouth = points[[*INNER_LIPS, *OUTER_CORNERS]] @ matrix[:, :2].T + matrix[:, 2]
        part = Region.around(mouth, self.size, margin=6).slices
        shape = MouthShape.of(points)
        colour[part] = paint_mouth(
            colour[part], x[part], y[part], shape, width=expression.width, unit=self.unit, light=self._light
        )
        frame = self.backdrop + alpha * (colour - self.backdrop)
        top, left = rng.integers(self.size, size=2)
        frame = frame * light + self.noise[top : top + self.size, left : left + self.size]
        pixels = np.clip(np.round(frame), 0, 255).astype(np.uint8)
        return np.ascontiguousarray(pixels[:, ::-1]) if self.who.mirror else pixels


def _colour(hue: float, saturation: float, value: float) -> NDArray[np.float32]:
    """BGR (3,) of a colour in OpenCV's HSV: hue 0..180, the others 0..255."""
    pixel = np.array([[[hue % 180, saturation, value]]], np.uint8)
    return cv2.cvtColor(pixel, cv2.COLOR_HSV2BGR)[0, 0].astype(np.float32)


def make_backdrop(size: int, kind: int, seed: int) -> NDArray[np.uint8]:
    """A (size, size, 3) BGR background.

    Args:
        size: side, pixels.
        kind: 0 a lit wall, 1 a curtain, 2 soft spots.
        seed: of colours and places.
    """
    rng = np.random.default_rng([seed, 2])
    ramp = np.linspace(0, 1, size, dtype=np.float32)
    hue, turn = rng.uniform(0, 180), rng.uniform(10, 40)
    near = _colour(hue, rng.uniform(40, 110), rng.uniform(120, 215))
    far = _colour(hue + turn, rng.uniform(40, 110), rng.uniform(60, 130))
    mix = (0.6 * ramp[:, None] + 0.4 * ramp[None, :])[..., None]
    wall = near + mix * (far - near)
    if kind == 1:
        folds = np.interp(np.arange(size), np.linspace(0, size, 22), rng.uniform(0.65, 1.1, 22))
        wall = wall * folds.astype(np.float32)[None, :, None]
    if kind == 2:
        spots = blur(rng.standard_normal((size, size)), size / 14)[..., None]
        wall = wall * (1 + 0.16 * spots / spots.std())
    return np.clip(blur(wall, size / 100), 0, 255).astype(np.uint8)
