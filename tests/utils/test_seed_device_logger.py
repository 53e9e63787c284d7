"""Seed, device and log."""

from __future__ import annotations

import logging
import random

import numpy as np
import pytest
import torch

from talkingface.utils import device
from talkingface.utils.device import arithmetic, autocast, pick_device, set_policy
from talkingface.utils.errors import UserError
from talkingface.utils.logger import init_logger
from talkingface.utils.seed import init_seed


def test_seed_repeats_everything():
    draws = []
    for _ in range(2):
        init_seed(7)
        draws.append((random.random(), np.random.rand(), torch.rand(1).item()))
    assert draws[0] == draws[1]


def test_device_is_the_one_asked_for():
    assert pick_device("cpu") == torch.device("cpu")
    assert pick_device("auto").type == ("cuda" if torch.cuda.is_available() else "cpu")
    for name in ("gpu", "cuda:x", "cpu:1", "", f"cuda:{torch.cuda.device_count()}"):
        with pytest.raises(UserError, match="device"):
            pick_device(name)


@pytest.fixture
def without_bf16(monkeypatch):
    monkeypatch.setattr(device, "cpu_has_bf16", lambda: False)


def test_precision(without_bf16):
    cpu = torch.device("cpu")
    meant = {name: arithmetic(cpu, name) for name in ("auto", "fp32", "tf32", "bf16", "fp16")}
    assert meant == {"auto": "fp32", "fp32": "fp32", "tf32": "fp32", "bf16": "bf16", "fp16": "fp16"}
    layer = torch.nn.Linear(4, 4)
    with autocast(cpu, "bf16"):
        assert layer(torch.ones(1, 4)).dtype == torch.bfloat16
    with autocast(cpu, "auto"):
        assert layer(torch.ones(1, 4)).dtype == torch.float32
    with pytest.raises(UserError, match="half"):
        autocast(cpu, "half")


@pytest.mark.parametrize("name", ["_is_amx_tile_supported", "_is_avx512_bf16_supported"])
def test_auto_is_bf16_where_the_cpu_multiplies_it(monkeypatch, name):
    for other in ("_is_amx_tile_supported", "_is_avx512_bf16_supported"):
        monkeypatch.setattr(torch.cpu, other, lambda other=other: other == name, raising=False)
    device.cpu_has_bf16.cache_clear()
    cpu = torch.device("cpu")
    assert arithmetic(cpu, "auto") == "bf16" and arithmetic(cpu, "fp32") == "fp32"
    for other in ("_is_amx_tile_supported", "_is_avx512_bf16_supported"):
        monkeypatch.delattr(torch.cpu, other)
    device.cpu_has_bf16.cache_clear()
    assert arithmetic(cpu, "auto") == "fp32" and arithmetic(cpu, "bf16") == "bf16", "a torch that does not tell"
    device.cpu_has_bf16.cache_clear()


@pytest.mark.parametrize(
    ("has", "auto"), [({"bf16", "fp16"}, "bf16"), ({"fp16"}, "fp16"), (set(), "fp32")], ids=["Ampere", "Turing", "old"]
)
def test_a_card_computes_in_what_it_has_in_hardware(monkeypatch, has, auto):
    monkeypatch.setattr(device, "cuda_abilities", lambda device: frozenset(has))
    monkeypatch.setattr(torch.cuda, "get_device_name", lambda device: "a card")
    cuda = torch.device("cuda")
    assert arithmetic(cuda, "auto") == auto and arithmetic(cuda, "tf32") == "tf32"
    if "bf16" in has:
        assert arithmetic(cuda, "bf16") == "bf16"
    else:
        with pytest.raises(UserError, match=r"bf16 .* \(a card\) would emulate it; use fp16 or auto"):
            arithmetic(cuda, "bf16")


def test_policy(monkeypatch):
    """TF32 only where it is asked for; repeatable kernels, or the fastest ones."""
    monkeypatch.setattr(device, "cuda_abilities", lambda device: frozenset({"bf16", "fp16"}))
    try:
        for precision, tf32 in (("fp32", False), ("tf32", True), ("bf16", False)):
            set_policy(torch.device("cuda"), precision=precision, deterministic=False)
            assert torch.backends.cudnn.allow_tf32 == torch.backends.cuda.matmul.allow_tf32 == tf32
            assert torch.backends.cudnn.benchmark and not torch.are_deterministic_algorithms_enabled()
        set_policy(torch.device("cpu"), precision="tf32", deterministic=True)
        assert torch.are_deterministic_algorithms_enabled() and torch.backends.cudnn.deterministic
        assert not torch.backends.cudnn.benchmark and not torch.backends.cudnn.allow_tf32
    finally:
        set_policy(torch.device("cpu"), precision="fp32", deterministic=False)


def test_log_goes_to_terminal_and_file(tmp_path, capfd):
    file = tmp_path / "made" / "run.log"
    init_logger(tmp_path / "earlier.log")
    init_logger(file)
    logging.getLogger("talkingface.part").info("one line")
    init_logger()
    assert capfd.readouterr().err == "one line\n"
    assert file.read_text().endswith(" INFO one line\n")
    assert (tmp_path / "earlier.log").read_text() == ""
    logging.getLogger("talkingface").handlers.clear()
    logging.getLogger("talkingface").propagate = True
