"""Perceptual losses on random perceptual: against plain formulas, and where their files are looked for."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from talkingface.model.losses import perceptual
from talkingface.model.losses.perceptual import LPIPS_TAPS, LPIPS_WIDTHS, Lpips, VggContent
from talkingface.utils.errors import MissingWeightsError

MEAN, SPREAD = (torch.tensor(v).view(1, 3, 1, 1) for v in ((0.485, 0.456, 0.406), (0.229, 0.224, 0.225)))


def pictures() -> tuple[torch.Tensor, torch.Tensor]:
    torch.manual_seed(1)
    return torch.rand(2, 3, 32, 48, requires_grad=True), torch.rand(2, 3, 32, 48)


def test_content_is_the_l1_of_features_of_normalised_rgb():
    torch.manual_seed(0)
    features = perceptual.make_features("vgg19")
    fake, real = pictures()
    by_hand = [features[:35]((x[:, [2, 1, 0]] - MEAN) / SPREAD) for x in (fake, real)]
    wanted = (by_hand[0] - by_hand[1]).abs().mean()
    loss = VggContent(features)(fake, real)
    assert loss.item() == pytest.approx(wanted.item(), rel=1e-5)
    loss.backward()
    assert fake.grad is not None and all(weight.grad is None for weight in features.parameters())
    raw = VggContent(features, as_published=True)(fake, real)
    assert raw.item() == pytest.approx((features[:35](fake) - features[:35](real)).abs().mean().item(), rel=1e-5)


def test_lpips_is_the_formula():
    torch.manual_seed(0)
    features = perceptual.make_features("vgg16")
    heads = [torch.rand(width) for width in LPIPS_WIDTHS]
    fake, real = pictures()
    loss = Lpips(features, heads)(fake, real)
    wanted = 0.0
    for number, head in zip(LPIPS_TAPS, heads, strict=True):
        taps = [features[: number + 1]((x[:, [2, 1, 0]] - MEAN) / SPREAD) for x in (fake, real)]
        unit = [tap / (tap.norm(dim=1, keepdim=True) + 1e-10) for tap in taps]
        wanted += ((unit[0] - unit[1]) ** 2 * head.view(1, -1, 1, 1)).sum(1).mean(dim=(1, 2)).mean().item()
    assert loss.item() == pytest.approx(wanted, rel=1e-4)
    assert Lpips(features, heads)(real, real).item() == 0


def test_layers_are_numbered_as_torchvisions():
    from torchvision.models import vgg16

    with torch.device("meta"):
        own, theirs = perceptual.make_features("vgg16"), vgg16().features
    assert list(own.state_dict()) == list(theirs.state_dict())


def test_files_are_found_and_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("TORCH_HOME", str(tmp_path / "torch"))
    with pytest.raises(MissingWeightsError, match=r"vgg19-dcbb9e9d\.pth.*--vgg19_weights.*--perceptual=none"):
        perceptual.find_weights_file(perceptual.VGG19, None, str(tmp_path / "checkpoints"))
    with pytest.raises(MissingWeightsError, match="nowhere"):
        perceptual.find_weights_file(perceptual.VGG19, "nowhere.pth", str(tmp_path))
    place = tmp_path / "torch/hub/checkpoints" / perceptual.VGG16.name
    place.parent.mkdir(parents=True)
    features = perceptual.make_features("vgg16")
    state = {f"features.{key}": value for key, value in features.state_dict().items()}
    torch.save(state | {"classifier.0.bias": torch.zeros(3)}, place)
    assert perceptual.find_weights_file(perceptual.VGG16, None, str(tmp_path)) == place
    heads = tmp_path / perceptual.LPIPS_HEADS.name
    torch.save({f"lin{k}.model.1.weight": torch.rand(1, w, 1, 1) for k, w in enumerate(LPIPS_WIDTHS)}, heads)
    loaded = perceptual.load_lpips(place, perceptual.find_weights_file(perceptual.LPIPS_HEADS, None, str(tmp_path)))
    torch.testing.assert_close(loaded.features[0].weight, features[0].weight)
    with pytest.raises(MissingWeightsError, match="does not fit"):
        perceptual.load_content(place)
    with pytest.raises(MissingWeightsError, match="heads of LPIPS"):
        perceptual.load_lpips(place, place)
    torch.save({f"lin{k}.model.1.weight": torch.rand(1, 8, 1, 1) for k in range(5)}, heads)
    with pytest.raises(MissingWeightsError, match="heads of 8, 8, 8, 8, 8 channels"):
        perceptual.load_lpips(place, heads)
    heads.write_bytes(b"nothing")
    with pytest.raises(MissingWeightsError, match="no checkpoint"):
        perceptual.load_lpips(place, heads)
