"""The networks against values that the published ones gave for the same weights and inputs."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
import torch
from filled import GOLDEN, SHARED, fill, numbers_of
from golden_cases import CASES, keys_of, outputs, probe, train_once
from torch import Tensor, nn


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
