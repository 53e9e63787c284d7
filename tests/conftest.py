"""Fixtures that several packages' tests share."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import pytest

if "PYTEST_XDIST_WORKER" in os.environ:  # workers share the cores, so each takes one; read when torch is imported
    os.environ.setdefault("OMP_NUM_THREADS", "1")

if TYPE_CHECKING:
    from talkingface.data.demo.config import DemoConfig


@pytest.fixture(scope="session")
def tiny_clips(tmp_path_factory: pytest.TempPathFactory) -> DemoConfig:
    """Three rendered people, two clips of 1.6 s each at 160 px, with lists: train 4, val 1, test 1.

    The config names `data_root` and `filelist_root`, which are shared and must not be changed, and
    `preprocessed_root` and `packed_root`, which nobody has filled; use `dataclasses.replace` for folders of your own.
    """
    from talkingface.data.demo.config import DemoConfig
    from talkingface.data.demo.render import render_demo

    root = tmp_path_factory.mktemp("tiny_clips")
    config = DemoConfig(
        data_root=str(root / "data"),
        filelist_root=str(root / "filelist"),
        preprocessed_root=str(root / "preprocessed_data"),
        packed_root=str(root / "packed_data"),
        demo_identities=3,
        demo_unseen_identities=0,
        demo_clips=2,
        demo_val_clips=1,
        demo_test_clips=1,
        demo_seconds=1.6,
        demo_size=160,
        prepare_workers=1,
    )
    render_demo(config, workers=0, show_progress=False)
    return config
