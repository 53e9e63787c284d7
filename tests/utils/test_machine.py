"""What a training says of its machine, on CUDA and where a system tells nothing of its memory."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
import torch

from talkingface.utils import device
from talkingface.utils.machine import GB, describe, gpu_memory, main_memory

CPU, CUDA = torch.device("cpu"), torch.device("cuda", 1)


@pytest.fixture
def card(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(device, "cuda_abilities", lambda _: frozenset({"bf16", "fp16"}))
    monkeypatch.setattr(torch.cuda, "get_device_name", lambda one: f"card {one.index}")
    monkeypatch.setattr(torch.cuda, "mem_get_info", lambda device: (10.5 * GB, 12 * GB))
    monkeypatch.setattr(torch.cuda, "max_memory_allocated", lambda device: 3 * GB)


@pytest.mark.usefixtures("card")
def test_a_card_is_told_with_its_memory() -> None:
    assert describe(CUDA, "fp32") == "cuda:1 (card 1, 10.5 of 12.0 GB free), fp32"
    assert gpu_memory(CUDA) == {"gpu_memory_gb": 3.0}


def test_a_cpu_is_told_with_threads_and_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch, "get_num_threads", lambda: 1)
    assert re.fullmatch(r"cpu \(1 thread(, [\d.]+ of [\d.]+ GB free)?\), bf16", describe(CPU, "bf16"))
    assert gpu_memory(CPU) == {}


def files(monkeypatch: pytest.MonkeyPatch, **texts: str) -> None:
    """Let these be the only files, by their last name without dots."""

    def read_text(path: Path, **_: Any) -> str:
        if (name := path.name.replace(".", "_")) not in texts:
            raise FileNotFoundError(path)
        return texts[name]

    monkeypatch.setattr(Path, "read_text", read_text)


MEMORY = "MemTotal:       8388608 kB\nMemFree:  1048576 kB\nMemAvailable:   4194304 kB\nHugePages_Total:       0\n"


def test_memory_of_a_system_that_does_not_tell(monkeypatch: pytest.MonkeyPatch) -> None:
    files(monkeypatch)
    assert main_memory() is None
    monkeypatch.setattr(torch, "get_num_threads", lambda: 4)
    assert describe(CPU, "fp32") == "cpu (4 threads), fp32"


def test_a_containers_limit_counts(monkeypatch: pytest.MonkeyPatch) -> None:
    files(monkeypatch, meminfo=MEMORY)
    assert main_memory() == (4 * GB, 8 * GB)
    files(monkeypatch, meminfo=MEMORY, memory_max="max\n", memory_current="1\n")
    assert main_memory() == (4 * GB, 8 * GB)
    files(monkeypatch, meminfo=MEMORY, memory_max=f"{2 * GB}\n", memory_current=f"{GB}\n")
    assert main_memory() == (GB, 2 * GB)
