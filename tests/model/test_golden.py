"""The networks against values that the published ones gave for the same weights and inputs."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import NamedTuple

import numpy as np
import pytest
import torch
from filled import GOLDEN, SHARED, fill, images, masked_faces, mels, numbers_of
from torch import Tensor, nn

from talkingface.model.audio_driven_talkingface.hyperlipsbase import HyperCtrolDiscriminator, HyperLipsBase
from talkingface.model.audio_driven_talkingface.syncnet import SyncNet_color, SyncNetWav2Lip
from talkingface.model.audio_driven_talkingface.wav2lip import Wav2Lip, Wav2Lip_disc_qual
from talkingface.model.layers.hr_decoder import HRDecoder, HRDecoder_disc_qual


class Case(NamedTuple):
    folder: str
    network: Callable[[], nn.Module]
    keys: str
    inputs: Callable[[torch.dtype], list[Tensor]]
    float32: tuple[float, float] = (1e-4, 2e-2)
    """Tolerances of outputs and of gradient lengths when training in float32; float64 is checked to 1e-9."""


CASES = {
    "base": Case(
        "HyperLipsBase",
        HyperLipsBase,
        "HyperLipsBase",
        lambda dtype: [mels(12, (2, 1, 80, 16), dtype), masked_faces(11, (2, 6, 128, 128), dtype)],
    ),
    "base of windows": Case(
        "HyperLipsBase_5d",
        HyperLipsBase,
        "HyperLipsBase",
        lambda dtype: [mels(22, (2, 3, 1, 80, 16), dtype), masked_faces(21, (2, 6, 3, 64, 64), dtype)],
    ),
    "expert": Case(
        "SyncNet_HL",
        SyncNet_color,
        "SyncNet_HL",
        lambda dtype: [mels(43, (3, 1, 80, 16), dtype), images(44, (3, 15, 64, 128), dtype)],
    ),
    "discriminator": Case(
        "HyperCtrolDiscriminator",
        HyperCtrolDiscriminator,
        "HyperCtrolDiscriminator",
        lambda dtype: [images(41, (2, 3, 2, 128, 128), dtype)],
    ),
    "wav2lip": Case(
        "Wav2Lip",
        Wav2Lip,
        "Wav2Lip",
        lambda dtype: [mels(52, (2, 1, 80, 16), dtype), masked_faces(51, (2, 6, 96, 96), dtype)],
        # Batch normalisation over two values multiplies rounding: with one thread or two, with oneDNN or without, one
        # CPU's float32 moves outputs by up to 5.8e-4 and gradients by up to 16% of their float64 values. The case of
        # windows, below, holds the same network's training in float32 tightly; float64 holds this one.
        float32=(1e-3, 0.3),
    ),
    "wav2lip of windows": Case(
        "Wav2Lip_5d",
        Wav2Lip,
        "Wav2Lip",
        lambda dtype: [mels(54, (2, 3, 1, 80, 16), dtype), masked_faces(53, (2, 6, 3, 96, 96), dtype)],
    ),
    "wav2lip expert": Case(
        "SyncNet_W2L",
        SyncNetWav2Lip,
        "SyncNet_W2L",
        lambda dtype: [mels(56, (3, 1, 80, 16), dtype), images(57, (3, 15, 48, 96), dtype)],
    ),
    "wav2lip discriminator": Case(
        "Wav2Lip_disc_qual",
        Wav2Lip_disc_qual,
        "Wav2Lip_disc_qual",
        lambda dtype: [images(55, (2, 3, 2, 96, 96), dtype)],
    ),
    **{
        f"enlarging {r} times": Case(
            f"HRDecoder{r}",
            lambda r=r: HRDecoder(r),
            f"HRDecoder{r}",
            lambda dtype, r=r: [images(30 + r, (2, 6, 32, 32), dtype)],
        )
        for r in (1, 2, 4)
    },
    "discriminator of whole faces": Case(
        "HRDecoder_disc_qual",
        HRDecoder_disc_qual,
        "HRDecoder_disc_qual",
        lambda dtype: [images(42, (2, 3, 128, 128), dtype)],
    ),
}


def keys_of(case: Case) -> dict:
    return json.loads((GOLDEN / case.keys / "keys.json").read_text(encoding="utf-8"))


def probe(values: Tensor, count: int) -> np.ndarray:
    """The values that the golden vectors keep of a tensor: all of a small one, else `count` by a fixed draw."""
    flat = values.detach().flatten().numpy()
    return flat if flat.size <= count else flat[np.random.RandomState(7).randint(0, flat.size, count)]


def outputs(network: nn.Module, inputs: list[Tensor]) -> list[Tensor]:
    result = network(*inputs)
    return [result] if isinstance(result, Tensor) else list(result)


def train_once(network: nn.Module, inputs: list[Tensor]) -> tuple[list[Tensor], float]:
    """One forward and backward in training mode of the golden vectors' loss; returns outputs and loss."""
    results = outputs(network.train(), inputs)
    loss = torch.zeros((), dtype=inputs[0].dtype)
    for index, result in enumerate(results):
        weights = np.random.RandomState(100 + index).standard_normal(tuple(result.shape)).astype(np.float32)
        loss = loss + (result * torch.from_numpy(weights).to(result.dtype)).mean()
    loss.backward()
    return results, loss.item()


def gradients(network: nn.Module) -> tuple[np.ndarray, np.ndarray]:
    """Length of every parameter's gradient and its product with a fixed random vector."""
    lengths, products = [], []
    for key, weight in network.named_parameters():
        flat = weight.grad.double().flatten().numpy()
        lengths.append(np.linalg.norm(flat))
        products.append(flat @ numbers_of(key).standard_normal(flat.size))
    return np.array(lengths), np.array(products)


NETWORKS = [name for name in CASES if "windows" not in name]


@pytest.mark.parametrize("name", NETWORKS)
def test_keys_shapes_and_order(name: str) -> None:
    keys, network = keys_of(CASES[name]), CASES[name].network()
    assert {key: list(value.shape) for key, value in network.state_dict().items()} == {
        key: shape for key, (shape, _) in keys["state_dict"].items()
    }
    assert [key for key, _ in network.named_parameters()] == keys["parameter_names"]
    assert sum(weight.numel() for weight in network.parameters()) == keys["params"]


@pytest.mark.parametrize("name", list(CASES))
def test_float64(name: str) -> None:
    case = CASES[name]
    wanted = np.load(GOLDEN / case.folder / "golden64.npz")
    network = fill(case.network(), keys_of(case)["gain"]).double()
    inputs = case.inputs(torch.float64)
    with torch.no_grad():
        for index, result in enumerate(outputs(network.eval(), inputs)):
            np.testing.assert_allclose(probe(result, 1024), wanted[f"eval_out{index}_probe"], atol=1e-12)
    results, loss = train_once(network, inputs)
    for index, result in enumerate(results):
        np.testing.assert_allclose(probe(result, 1024), wanted[f"train_out{index}_probe"], atol=1e-10)
    assert loss == pytest.approx(float(wanted["train_loss"]), rel=1e-9)
    lengths, products = gradients(network)
    largest = wanted["train_grad_l2"].max()
    np.testing.assert_allclose(lengths, wanted["train_grad_l2"], rtol=1e-9, atol=1e-12 * largest)
    large = wanted["train_grad_l2"] > 1e-6 * largest
    difference = np.abs(products - wanted["train_grad_dot"])
    assert (difference[large] < 1e-9 * wanted["train_grad_l2"][large]).all()
    if "train_buffer_l2" in wanted:
        buffers = [value.norm().item() for key, value in network.state_dict().items() if "running" in key]
        np.testing.assert_allclose(buffers, wanted["train_buffer_l2"], rtol=1e-9)


@pytest.mark.skipif(not SHARED.is_dir(), reason="the float32 vectors lie beside some checkouts only")
@pytest.mark.parametrize("name", list(CASES))
def test_float32(name: str) -> None:
    case = CASES[name]
    wanted = np.load(SHARED / case.folder / "golden.npz")
    network = fill(case.network(), keys_of(case)["gain"]).eval()
    taps: dict[str, Tensor] = {}
    for key in wanted.files:
        if key.startswith("eval_probe/"):
            _, module, index = key.split("/")
            network.get_submodule(module).register_forward_hook(keep(taps, module))
    with torch.no_grad():
        for index, result in enumerate(outputs(network, case.inputs(torch.float32))):
            # float64 agrees to 1e-12; in float32 sums in another order differ by up to 2.1e-6
            np.testing.assert_allclose(result.numpy(), wanted[f"eval_out{index}"], atol=3e-6)
    for key in wanted.files:
        if key.startswith("eval_probe/") and key[len("eval_probe/") :] in taps:
            tap = taps[key[len("eval_probe/") :]]
            values = tap.flatten().numpy()[np.random.RandomState(7).randint(0, tap.numel(), 64)]
            np.testing.assert_allclose(values, wanted[key], rtol=1e-3, atol=1e-4 * np.abs(wanted[key]).max())
    results, loss = train_once(fill(network, keys_of(case)["gain"]), case.inputs(torch.float32))
    for index, result in enumerate(results):
        np.testing.assert_allclose(probe(result, 4096), wanted[f"train_out{index}_probe4096"], atol=case.float32[0])
    # a mean of differences that nearly cancel: 55,296 outputs that move by 2e-4 each move it by 1e-6
    assert loss == pytest.approx(float(wanted["train_loss"]), rel=2e-4, abs=1e-6)
    lengths, large = gradients(network)[0], wanted["train_grad_l2"] > 1e-6 * wanted["train_grad_l2"].max()
    np.testing.assert_allclose(lengths[large], wanted["train_grad_l2"][large], rtol=case.float32[1])


def keep(taps: dict[str, Tensor], module: str) -> Callable[..., None]:
    def hook(_module: nn.Module, _inputs: object, output: Tensor | list[Tensor]) -> None:
        for index, value in enumerate([output] if isinstance(output, Tensor) else list(output)):
            taps[f"{module}/{index}"] = value.clone()

    return hook
