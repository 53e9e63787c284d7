"""Which networks an evaluation looked through is told by contents, and each is asked once."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from videos import measured, pair

from talkingface.evaluator.metrics.networks import MetricNetworks
from talkingface.utils.errors import MissingWeightsError
from talkingface.utils.weights import WeightsFile

FILE = WeightsFile(name="some-network.pth", source="https://example.org")


@pytest.fixture(autouse=True)
def no_cache(tmp_path, monkeypatch):
    monkeypatch.setenv("TORCH_HOME", str(tmp_path / "torch"))


def test_the_mark_follows_contents_and_not_places(tmp_path):
    marks = []
    for folder, content in (("here", b"a"), ("there", b"a"), ("other", b"b")):
        (tmp_path / folder).mkdir()
        (tmp_path / folder / FILE.name).write_bytes(content)
        marks.append(MetricNetworks(checkpoints_dir=str(tmp_path / folder)).mark((FILE,)))
    assert marks[0] == marks[1] != marks[2]
    assert MetricNetworks().mark(()) != MetricNetworks(lse_protocol="tight").mark(())
    experts = [torch.nn.Linear(2, 2) for _ in range(2)]
    assert MetricNetworks(expert=experts[0]).mark(()) != MetricNetworks(expert=experts[1]).mark(())


def test_a_network_is_read_once(tmp_path):
    networks, read = MetricNetworks(checkpoints_dir=str(tmp_path)), []

    def load(path):
        read.append(path)
        return object()

    with pytest.raises(MissingWeightsError, match="some-network"):
        networks.network(load, FILE)
    (tmp_path / FILE.name).write_bytes(b"a")
    assert networks.network(load, FILE) is networks.network(load, FILE)
    assert read == [tmp_path / FILE.name]


def test_metrics_share_an_answer_about_a_pair():
    both, asked = pair(measured(np.zeros(3)), measured(np.zeros(3))), []
    answers = [both.once(key, lambda: len(asked) or asked.append(1) or 7) for key in ("a", "a", "b")]
    assert answers == [7, 7, 1]
