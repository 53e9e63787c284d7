"""The triangle warp and the mesh against hand-worked cases."""

from __future__ import annotations

from itertools import combinations

import numpy as np

from talkingface.demo.topology import FRINGE, MESH, RIM, UNDER, all_triangles, mesh_triangles
from talkingface.demo.warp import Region, displacement, warp

SQUARE = np.array([[2.0, 2.0], [30.0, 2.0], [30.0, 30.0], [2.0, 30.0]])
TWO = np.array([[0, 1, 2], [0, 2, 3]], np.int32)
ALL = Region(0, 0, 40, 40)


def test_points_at_rest_move_nothing() -> None:
    assert np.abs(displacement(SQUARE, SQUARE, TWO, ALL)).max() < 1e-5


def test_an_affine_map_is_exact_inside_and_absent_outside() -> None:
    matrix, shift = np.array([[0.9, 0.1], [-0.05, 0.8]]), np.array([3.0, 4.0])
    target = SQUARE @ matrix.T + shift
    move = displacement(SQUARE, target, TWO, ALL)
    for x, y in ((12, 12), (20, 15), (15, 22)):
        source = np.linalg.solve(matrix, np.array([x, y]) - shift)
        assert np.abs(move[y, x] - (source - (x, y))).max() < 1e-3
    assert not move[0].any() and not move[:, 0].any()


def test_a_shifted_square_shows_the_picture_shifted() -> None:
    picture = np.random.default_rng(0).integers(0, 255, (40, 40, 3)).astype(np.uint8)
    shifted = warp(picture, SQUARE, SQUARE + np.array([5, 3]), TWO)
    assert (shifted[10:30, 12:30] == picture[7:27, 7:25]).all()


def test_lower_triangles_show_only_where_others_do_not() -> None:
    triangles = np.array([[0, 1, 2], [3, 4, 5]], np.int32)
    corners = np.array([[0.0, 0.0], [39.0, 0.0], [0.0, 39.0]])
    small = np.array([[4.0, 4.0], [14.0, 4.0], [4.0, 14.0]])
    source = np.vstack([corners, small])
    target = np.vstack([corners + np.array([2, 0]), small + np.array([0, 1])])
    move = displacement(source, target, triangles, ALL, under=1)
    assert np.allclose(move[7, 6], (0, -1), atol=1e-5) and np.allclose(move[25, 6], (-2, 0), atol=1e-5)


def test_mesh_has_its_published_triangles_and_only_surfaces() -> None:
    triangles = mesh_triangles()
    assert len(triangles) == 852 and set(np.unique(triangles)) == set(range(MESH))
    sides: dict[tuple[int, int], int] = {}
    for corners in triangles:
        for side in combinations(sorted(corners), 2):
            sides[side] = sides.get(side, 0) + 1
    assert max(sides.values()) == 2
    # Open edges: the contour's 36, 16 for each eye, 20 for the mouth.
    assert sum(count == 1 for count in sides.values()) == 36 + 16 + 16 + 20
    whole = all_triangles()
    assert whole.max() == MESH + RIM + FRINGE - 1 and (whole[:UNDER].max(axis=1) >= MESH + RIM).all()
