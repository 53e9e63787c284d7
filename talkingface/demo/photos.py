"""The two photographs behind all faces: found, aligned, and cut out without a rim of the old background.

Eileen Collins (NASA, public domain) ships with scikit-image and Grace Hopper (US Navy, public domain) with
matplotlib; both files are read where pip put them, nothing is downloaded.
"""

# S side of the square working picture, pixels

from __future__ import annotations

import importlib.util
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from talkingface.demo.topology import EYE_CORNERS
from talkingface.utils.errors import MediaError
from talkingface.utils.logger import without_native_chatter

_FILES = (("skimage", "data/astronaut.png"), ("matplotlib", "mpl-data/sample_data/grace_hopper.jpg"))
EYE_HEIGHT = 0.43
"""Where the eyes are put, as a share of the picture's height."""
EYE_DISTANCE = 0.255
"""Distance of the outer eye corners as a share of the picture's width."""
_UPRIGHT = 0.6
"""Share of the head's tilt that is taken out; all of it would tilt the shoulders."""


@dataclass(frozen=True)
class Photo:
    """One aligned photograph."""

    image: NDArray[np.uint8]
    """(S, S, 3) BGR without the background's share of colour at the edges."""
    alpha: NDArray[np.float32]
    """(S, S), 1 where the person is."""
    points: NDArray[np.float64]
    """(468, 3) face mesh: x, y in pixels, z (depth) in the same unit, smaller is nearer."""


def _file(package: str, inside: str) -> Path:
    spec = importlib.util.find_spec(package)
    folders = (spec.submodule_search_locations or []) if spec else []
    for folder in folders:
        if (path := Path(folder) / inside).is_file():
            return path
    raise MediaError(
        f"demo faces: {inside} of the package {package} is not there; wanted the photograph that its wheel holds; "
        f"install it again: pip install --force-reinstall {'scikit-image' if package == 'skimage' else package}"
    )


def _mesh(image: NDArray[np.uint8]) -> NDArray[np.float64]:
    """Face mesh (468, 3) of a BGR image, pixels."""
    import mediapipe as mp

    with mp.solutions.face_mesh.FaceMesh(static_image_mode=True, max_num_faces=1) as mesh:
        found = mesh.process(cv2.cvtColor(image, cv2.COLOR_BGR2RGB)).multi_face_landmarks  # BGR to RGB
    if not found:
        raise MediaError("demo faces: no face found in a photograph that is known to hold one; reinstall mediapipe")
    height, width = image.shape[:2]
    # MediaPipe gives depth in the unit of x.
    return np.array([[p.x * width, p.y * height, p.z * width] for p in found[0].landmark])


def _person(image: NDArray[np.uint8]) -> NDArray[np.float32]:
    """Probability (S, S) that a pixel belongs to the person."""
    import mediapipe as mp

    with mp.solutions.selfie_segmentation.SelfieSegmentation(model_selection=0) as segmenter:
        return segmenter.process(cv2.cvtColor(image, cv2.COLOR_BGR2RGB)).segmentation_mask  # BGR to RGB


def _align(
    image: NDArray[np.uint8], points: NDArray[np.float64], size: int
) -> tuple[NDArray[np.uint8], NDArray[np.float64]]:
    """Turn, scale and shift so that the eyes are where `EYE_HEIGHT` and `EYE_DISTANCE` say."""
    left, right = points[EYE_CORNERS[0], :2], points[EYE_CORNERS[1], :2]
    centre, across = (left + right) / 2, right - left
    scale = EYE_DISTANCE * size / float(np.hypot(*across))
    tilt = float(np.degrees(np.arctan2(across[1], across[0]))) * _UPRIGHT
    matrix = np.array(cv2.getRotationMatrix2D((float(centre[0]), float(centre[1])), tilt, scale), np.float64)
    matrix[:, 2] += np.array([size / 2, size * EYE_HEIGHT]) - centre
    kind = cv2.INTER_CUBIC if scale > 1 else cv2.INTER_AREA
    aligned = cv2.warpAffine(image, matrix, (size, size), flags=kind, borderMode=cv2.BORDER_REPLICATE)
    moved = np.column_stack([points[:, :2] @ matrix[:, :2].T + matrix[:, 2], points[:, 2] * scale])
    return aligned.astype(np.uint8), moved


def _photo(path: Path, size: int) -> Photo:
    image = cv2.imread(str(path), cv2.IMREAD_COLOR)
    if image is None:
        raise MediaError(f"demo faces: {path} cannot be read as a picture; install its package again")
    picture = image.astype(np.uint8)
    aligned, points = _align(picture, _mesh(picture), size)
    alpha = head_matte(aligned, _person(aligned))
    return Photo(foreground_colours(aligned, alpha), alpha, points)


@lru_cache(maxsize=2)
def load_photos(size: int) -> tuple[Photo, ...]:
    """The aligned photographs; kept for the process, so that one worker prepares them once.

    Raises:
        MediaError: a package's file is missing.
    """
    with without_native_chatter():
        return tuple(_photo(_file(package, inside), size) for package, inside in _FILES)


def disk(radius: float) -> NDArray[np.uint8]:
    """Round structuring element."""
    side = 2 * max(1, round(radius)) + 1
    return cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (side, side)).astype(np.uint8)


def blur(picture: NDArray[Any], sigma: float) -> NDArray[np.float32]:
    """Gaussian blur; `sigma` in pixels."""
    return np.asarray(cv2.GaussianBlur(picture.astype(np.float32), (0, 0), sigma), np.float32)


def grab_cut(image: NDArray[np.uint8], labels: NDArray[np.uint8], rounds: int = 4) -> NDArray[np.uint8]:
    """1 where the colours say foreground, else 0; `labels` are OpenCV's GC_* values. Same result every time."""
    cv2.setRNGSeed(0)
    work, back, fore = labels.copy(), np.zeros((1, 65)), np.zeros((1, 65))
    nowhere = (0, 0, 0, 0)  # the rectangle that this mode ignores
    cv2.grabCut(image, work, nowhere, back, fore, rounds, cv2.GC_INIT_WITH_MASK)
    return np.isin(work, (cv2.GC_FGD, cv2.GC_PR_FGD)).astype(np.uint8)


def _largest(mask: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """The biggest connected part of a 0/1 mask, holes filled."""
    count, parts, stats, _ = cv2.connectedComponentsWithStats(mask)
    if count < 2:
        return mask
    kept = (parts == 1 + int(np.argmax(stats[1:, cv2.CC_STAT_AREA]))).astype(np.uint8)
    contours, _ = cv2.findContours(kept, cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_NONE)
    return np.asarray(cv2.drawContours(kept, contours, -1, 1, cv2.FILLED), np.uint8)


def head_matte(image: NDArray[np.uint8], person: NDArray[np.float32]) -> NDArray[np.float32]:
    """Soft outline of the person.

    The network's mask is too wide for hair and takes in what stands behind; colours decide in a band around it, and
    the outline is drawn a little inside, where no background shines through.

    Args:
        image: (S, S, 3) BGR.
        person: (S, S) probability of being the person.

    Returns:
        (S, S) in [0, 1].
    """
    unit = image.shape[0] / 256
    labels = np.where(person > 0.5, cv2.GC_PR_FGD, cv2.GC_PR_BGD).astype(np.uint8)
    trunk = cv2.morphologyEx((person > 0.6).astype(np.uint8), cv2.MORPH_OPEN, disk(10 * unit))
    labels[cv2.erode(trunk, disk(4 * unit)) > 0] = cv2.GC_FGD
    labels[cv2.dilate((person > 0.1).astype(np.uint8), disk(5 * unit)) == 0] = cv2.GC_BGD
    mask = cv2.morphologyEx(grab_cut(image, labels), cv2.MORPH_OPEN, disk(3 * unit)).astype(np.uint8)
    smooth = blur(_largest(mask), 1.8 * unit)
    # The steep ramp keeps the outline sharp; its middle lies 1 px inside.
    return blur(np.clip((smooth - 0.58) / 0.3, 0, 1), 0.7 * unit)


def foreground_colours(image: NDArray[np.uint8], alpha: NDArray[np.float32]) -> NDArray[np.uint8]:
    """The image with the colours at and beyond the outline replaced by the nearest ones from inside."""
    unit = image.shape[0] / 256
    inside = cv2.erode((alpha > 0.98).astype(np.float32), disk(2 * unit))
    known, weight = image.astype(np.float32) * inside[..., None], inside.copy()
    filled, done = known.copy(), inside.copy()
    for sigma in (1.2 * unit, 3 * unit, 8 * unit):  # nearest colours first, then ever wider for what is still unknown
        near = blur(weight, sigma)
        guess = blur(known, sigma) / np.maximum(near, 1e-6)[..., None]
        take = np.clip(near / 0.02, 0, 1) * (1 - done)
        filled, done = filled + guess * take[..., None], done + take
    filled = filled + image * (1 - done)[..., None]
    soft = blur(inside, 0.8 * unit)[..., None]
    return np.clip(image * soft + filled * (1 - soft), 0, 255).astype(np.uint8)
