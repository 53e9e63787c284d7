"""One mesh for many crops gives what a new mesh for each would give."""

from __future__ import annotations

import numpy as np
import pytest

from talkingface.utils.face.crop_mesh import POINTS, CropMesh
from talkingface.utils.face.mesh import load_solutions


@pytest.fixture(scope="module")
def crops() -> list[np.ndarray]:
    from skimage.data import astronaut

    face = np.ascontiguousarray(astronaut()[..., ::-1][40:200, 150:290])
    return [face, face[:, ::-1].copy(), face[6:, 4:].copy(), face]


def fresh(crop: np.ndarray) -> np.ndarray:
    with load_solutions().face_mesh.FaceMesh(static_image_mode=True, refine_landmarks=True) as mesh:
        found = mesh.process(np.ascontiguousarray(crop[..., ::-1])).multi_face_landmarks[0]
    return np.array([(point.x, point.y) for point in found.landmark[:POINTS]], np.float32)


def test_landmarks_are_those_of_a_new_mesh(crops: list[np.ndarray]):
    with CropMesh() as mesh:
        assert mesh.find(np.zeros((128, 128, 3), np.uint8)) is None
        for crop in crops:
            found = mesh.find(crop)
            assert found is not None and found.shape == (POINTS, 2)
            np.testing.assert_array_equal(found, fresh(crop))


def test_tracking_is_close(crops: list[np.ndarray]):
    with CropMesh(tracking=True) as mesh:
        for _ in range(4):
            found = mesh.find(crops[0])
        assert found is not None
        assert np.abs(found - fresh(crops[0])).mean() * 150 < 3  # pixels
        mesh.reset()
        assert mesh.find(crops[1]) is not None
