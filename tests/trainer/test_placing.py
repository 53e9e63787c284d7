"""Networks made ready to train: less memory and compiled code change no result."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
import torch
from tiny import TinySet, tiny_config, tiny_trainer
from torch import Tensor, nn

from talkingface.batch import GT, INDIV_MELS, INPUT_FRAMES, Batch
from talkingface.config.schema import RunConfig
from talkingface.model.audio_driven_talkingface.hyperlipsbase import HyperLipsBase
from talkingface.model.audio_driven_talkingface.hyperlipshr import HRDecoder_disc_qual, HyperLipsHR
from talkingface.model.audio_driven_talkingface.syncnet import SyncNet_color
from talkingface.model.audio_driven_talkingface.wav2lip import Wav2Lip
from talkingface.model.layers.conv import Conv, ConvNoNorm
from talkingface.trainer import placing
from talkingface.trainer.placing import place
from talkingface.trainer.trainer import Trainer
from talkingface.utils.errors import UserError

CPU = torch.device("cpu")


class Blocks(nn.Module):
    """Blocks as networks here are made of, with batch statistics."""

    def __init__(self) -> None:
        super().__init__()
        self.blocks = nn.Sequential(
            *(nn.Sequential(Conv(6, 6, 3, padding=1, residual=True), Conv(6, 6, 1), ConvNoNorm(6, 6, 1)) for _ in "abc")
        )

    @property
    def segments(self) -> list[nn.Module]:
        return list(self.blocks)

    def forward(self, x: Tensor) -> Tensor:
        drawn: Tensor = self.blocks(x)
        return drawn


def placed(make: type[nn.Module], **run: Any) -> nn.Module:
    torch.manual_seed(0)
    return place(make(), CPU, RunConfig(**run))


def base_batch(side: int = 32) -> Batch:
    random = torch.Generator().manual_seed(1)
    return {
        INPUT_FRAMES: torch.rand(2, 6, side, side, generator=random),
        INDIV_MELS: torch.randn(2, 1, 80, 16, generator=random),
        GT: torch.rand(2, 3, side, side, generator=random),
    }


@contextmanager
def kept_bytes(network: nn.Module) -> Iterator[list[int]]:
    """Counts what autograd keeps for the backward pass apart from weights, and from inputs of checkpoints."""
    weights = {value.untyped_storage().data_ptr() for value in network.parameters()}
    seen: dict[int, int] = {}
    total: list[int] = []

    def keep(value: Tensor) -> Tensor:
        storage = value.untyped_storage()
        if storage.data_ptr() not in weights:
            seen[storage.data_ptr()] = storage.nbytes()
        return value

    with torch.autograd.graph.saved_tensors_hooks(keep, lambda value: value):
        yield total
    total.append(sum(seen.values()))


def test_activations_computed_again_give_the_same_gradients_and_statistics_from_less_memory() -> None:
    states, kept = [], []
    for again in (False, True):
        network = placed(Blocks, checkpoint_activations=again)
        with kept_bytes(network) as total:
            loss = network(torch.rand(2, 6, 32, 32, generator=torch.Generator().manual_seed(1))).square().mean()
        loss.backward()
        kept += total
        gradients = {name: value.grad for name, value in network.named_parameters()}
        states.append((loss, gradients, {key: value.clone() for key, value in network.state_dict().items()}))
    (plain, wanted, before), (loss, gradients, after) = states
    assert loss == plain and gradients.keys() == wanted.keys()
    for name, value in wanted.items():
        assert value is None or torch.equal(value, gradients[name]), name
    assert before.keys() == after.keys()
    assert all(torch.equal(value, after[key]) for key, value in before.items()), "statistics are counted once"
    assert kept[1] < 0.25 * kept[0]


@pytest.mark.parametrize("make", [HyperLipsBase, Wav2Lip, SyncNet_color, HyperLipsHR])
def test_each_network_names_parts_of_its_own(make: type[nn.Module]) -> None:
    network = make()
    own = set(network.modules())
    assert network.segments and set(network.segments) <= own
    assert set(getattr(network, "compiled_parts", [network])) <= own


def test_what_recipes_call_is_compiled(monkeypatch: pytest.MonkeyPatch) -> None:
    """With a compiler that only counts: torch's own takes a minute for a network."""
    called: list[str] = []

    def compiled(function: Any, *, mode: str) -> Any:
        def call(*inputs: Any, **options: Any) -> Any:
            called.append(mode)
            return function(*inputs, **options)

        return call

    monkeypatch.setattr(torch, "compile", compiled)
    base = placed(HyperLipsBase, compile="default")
    base.infer(base_batch())
    assert called == ["default"]
    expert = placed(SyncNet_color, compile="max").eval()
    expert.generated_loss(torch.randn(1, 1, 80, 16), torch.rand(1, 3, 5, 128, 128))
    assert called[1:] == ["max-autotune-no-cudagraphs"] * 2
    placed(HRDecoder_disc_qual, compile="default").logits(torch.rand(1, 3, 64, 64))
    assert len(called) == 4


def test_a_compiled_network_trains_the_same(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("torch._dynamo")
    monkeypatch.setitem(placing.MODES, "default", "default")
    compile_module = nn.Module.compile
    monkeypatch.setattr(nn.Module, "compile", lambda self, mode: compile_module(self, backend="aot_eager"))
    weights = []
    for how in ("none", "default"):
        config = tiny_config(tmp_path / how, max_steps=2, log_every=1)
        object.__setattr__(config.run, "compile", how)
        trainer = tiny_trainer(config, kind=Trainer)
        trainer.fit(TinySet(4))
        weights.append(trainer.model.state_dict())
    assert weights[0].keys() == weights[1].keys()
    for key, value in weights[0].items():
        torch.testing.assert_close(weights[1][key], value)


def test_a_card_without_a_compiler(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    placing.check_compiler(CPU)
    with pytest.raises(UserError, match="compile: needs Triton"):
        placing.check_compiler(torch.device("cuda"))
