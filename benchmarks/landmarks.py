"""Landmarks of face crops: a new face mesh for each picture, as published, against one that is kept.

    python -m benchmarks.landmarks [video.mp4]

Without a video, crops are cut from scikit-image's astronaut. Prints milliseconds a frame, the ratio to the published
way (three new meshes a frame: sketch, mask, sketch), and how far landmarks are from those of a new mesh.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np

from talkingface.utils.face import make_detector
from talkingface.utils.face.crop import crop
from talkingface.utils.face.crop_mesh import POINTS, CropMesh
from talkingface.utils.face.mesh import load_solutions
from talkingface.utils.media.video import read_frames

FRAMES = 60
SIZE = 256
Find = Callable[[np.ndarray], np.ndarray | None]


def main() -> None:
    """Measure the three ways on the same crops, one after another in one process."""
    crops = crops_of(Path(sys.argv[1])) if len(sys.argv) > 1 else moving_photo()
    published, wanted = timed(new_mesh, crops, times=3)
    rows = [("a new mesh, three times a frame", published, 0.0)]
    for name, tracking in (("kept, each crop by itself", False), ("kept, tracking", True)):
        with CropMesh(tracking=tracking) as mesh:
            each, found = timed(mesh.find, crops, times=1)
        pairs = [(a, b) for a, b in zip(found, wanted, strict=True) if a is not None and b is not None]
        apart = float(np.mean([np.linalg.norm(a - b, axis=1).mean() * SIZE for a, b in pairs]))
        rows.append((name, each, apart))
    print(f"{len(crops)} crops of {SIZE} px")
    print(f"{'':34}{'ms a frame':>12}{'times':>8}{'px apart':>10}")
    for name, each, apart in rows:
        print(f"{name:34}{1000 * each:12.1f}{published / each:8.1f}{apart:10.2f}")


def timed(find: Find, crops: list[np.ndarray], *, times: int) -> tuple[float, list[np.ndarray | None]]:
    """Seconds a frame for calling `find` so many times on each, and what it found."""
    find(crops[0])
    began = time.perf_counter()
    found = [[find(one) for _ in range(times)][-1] for one in crops]
    return (time.perf_counter() - began) / len(crops), found


def new_mesh(crop_bgr: np.ndarray) -> np.ndarray | None:
    """What the published code does for each picture."""
    with load_solutions().face_mesh.FaceMesh(
        static_image_mode=True, max_num_faces=1, refine_landmarks=True, min_detection_confidence=0.5
    ) as mesh:
        found = mesh.process(np.ascontiguousarray(crop_bgr[..., ::-1])).multi_face_landmarks
    if not found:
        return None
    return np.array([(point.x, point.y) for point in found[0].landmark[:POINTS]], np.float32)


def crops_of(video: Path) -> list[np.ndarray]:
    """Face crops of a video's first frames."""
    crops = []
    with make_detector("mediapipe") as detector:
        for frame in read_frames(video, 25):
            face = detector.detect(frame)
            if face is not None:
                crops.append(crop(frame, face.box, SIZE))
            if len(crops) == FRAMES:
                break
    return crops


def moving_photo() -> list[np.ndarray]:
    """A photograph's face, drifting by a pixel a frame."""
    from skimage.data import astronaut

    photo = np.ascontiguousarray(astronaut()[..., ::-1])
    return [crop(photo, np.array([140 + k, 40, 300 + k, 200]), SIZE) for k in [*range(10), *range(10, 0, -1)] * 3]


if __name__ == "__main__":
    main()
