"""A training that is killed again and again, during saves too, loses nothing; benchmarks/kills.py does more of it."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "benchmarks"))
from kills import run_kills


@pytest.mark.slow
@pytest.mark.skipif(sys.platform == "win32", reason="forks, so that a kill takes a second")
@pytest.mark.parametrize(("processes", "kills"), [(1, 3), (2, 2)])
def test_nothing_is_lost_by_kills(tmp_path: Path, processes: int, kills: int) -> None:
    outcome = run_kills(tmp_path, kills=kills, during_saves=1, processes=processes, steps=24, pause=0.02)
    assert outcome.is_good, outcome
    assert outcome.kills >= 1
