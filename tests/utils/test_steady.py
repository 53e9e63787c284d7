"""Landmarks of a stream: worked by hand, with one point of one number."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pytest

from talkingface.utils.face.landmarks import PATIENCE, nearest_landmarks, steady_landmarks


def points(value: float) -> np.ndarray:
    return np.array([[value, -value]], np.float32)


def stream(values: list[float | None]) -> list[tuple[int, np.ndarray | None]]:
    return [(number, None if value is None else points(value)) for number, value in enumerate(values)]


def values_of(found: Iterator[tuple[int, np.ndarray | None]]) -> list[float | None]:
    out = list(found)
    assert [number for number, _ in out] == list(range(len(out)))
    return [None if value is None else round(float(value[0, 0]), 4) for _, value in out]


def test_averages_over_as_many_frames_before_as_after():
    given = stream([0, 10, 20, 60, 40, 50])
    assert values_of(steady_landmarks(given, reach=2)) == [0, 10, 26, 36, 50, 50]
    assert [float(value[0, 0]) for _, value in given] == [0, 10, 20, 60, 40, 50]  # what later windows read


def test_a_straight_movement_stays_as_it_is_to_both_ends():
    line = [float(v) for v in range(9)]
    assert values_of(steady_landmarks(stream(line), reach=3)) == line


@pytest.mark.parametrize("reach", [0, 1, 2, 5])
@pytest.mark.parametrize("length", [0, 1, 2, 3, 4, 20])
def test_any_length_against_a_plain_loop(reach: int, length: int):
    values = [float(v) for v in np.random.default_rng(length).integers(0, 100, length)]
    wanted = []
    for i in range(length):
        r = min(reach, i, length - 1 - i)  # as many on either side
        wanted.append(round(float(np.mean(values[i - r : i + r + 1])), 4))
    assert values_of(steady_landmarks(stream(values), reach=reach)) == pytest.approx(wanted, abs=1e-3)


def test_nothing_is_averaged_over_a_frame_without_landmarks():
    assert values_of(steady_landmarks(stream([0, 6, None, 8, 4, 9]), reach=2)) == [0, 6, None, 8, 7, 9]


def test_the_nearest_frame_lends_its_landmarks():
    given = [None, None, 1, None, None, None, None, 2, None, 3, None]
    assert values_of(nearest_landmarks(stream(given))) == [1, 1, 1, 1, 1, 2, 2, 2, 2, 3, 3]


@pytest.mark.parametrize("seed", range(8))
def test_nearest_against_a_plain_search(seed: int):
    random = np.random.default_rng(seed)
    given = [float(k) if random.random() < 0.3 else None for k in range(60)]
    there = [k for k, value in enumerate(given) if value is not None]
    wanted = [float(min(there, key=lambda other: (abs(other - k), other))) for k in range(60)]
    assert values_of(nearest_landmarks(stream(given))) == wanted


def test_no_landmarks_at_all_and_bounded_waiting():
    assert values_of(nearest_landmarks(stream([None] * 5))) == [None] * 5
    taken = 0

    def endless() -> Iterator[tuple[int, np.ndarray | None]]:
        nonlocal taken
        while True:
            yield taken, points(1) if taken == 3 else None
            taken += 1

    found = nearest_landmarks(endless())
    for number in range(1000):
        assert next(found)[0] == number
        assert taken - number <= PATIENCE + 1
