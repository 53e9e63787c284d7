"""The decoder on its Base: what is trained, what stays frozen, what comes out at each size."""

from __future__ import annotations

import ast
import inspect
from pathlib import Path

import pytest
import torch
from torch import nn

from talkingface.batch import GT_IMG, HYPER_IMG, HYPER_SKETCH, INDIV_MELS, INPUT_FRAMES
from talkingface.model.audio_driven_talkingface.hyperlipshr import HyperLipsHR, enlarge
from talkingface.model.audio_driven_talkingface.hyperlipshr_config import HyperLipsHRConfig
from talkingface.utils.errors import UserError


@pytest.fixture(scope="module")
def model() -> HyperLipsHR:
    torch.manual_seed(0)
    return HyperLipsHR(HyperLipsHRConfig(img_size=256, base_img_size=64))


def decoder_batch(count: int = 2) -> dict[str, torch.Tensor]:
    torch.manual_seed(1)
    sketch = (torch.rand(count, 1, 128, 128) > 0.5).float().expand(-1, 3, -1, -1)
    return {HYPER_IMG: torch.rand(count, 3, 128, 128), HYPER_SKETCH: sketch, GT_IMG: torch.rand(count, 3, 256, 256)}


@pytest.mark.parametrize(("img_size", "side"), [(128, 128), (256, 256), (512, 512)])
def test_the_output_has_the_size_of_the_configuration(img_size: int, side: int):
    model = HyperLipsHR(HyperLipsHRConfig(img_size=img_size))
    batch = {HYPER_IMG: torch.rand(1, 3, 128, 128), HYPER_SKETCH: torch.zeros(1, 3, 128, 128)}
    drawn = model.predict(batch)
    assert drawn.shape == (1, 3, side, side) and drawn.dtype == torch.float32
    assert drawn.min() >= 0 and drawn.max() <= 1


def test_detail_lies_between_the_base_face_and_the_decoder():
    torch.manual_seed(0)
    whole = HyperLipsHR(HyperLipsHRConfig(img_size=256, initial_decoder="random")).eval()
    part = HyperLipsHR(HyperLipsHRConfig(img_size=256, detail=0.25)).eval()
    part.load_state_dict(whole.state_dict())
    batch = decoder_batch()
    first, drawn = enlarge(batch[HYPER_IMG], 256), whole.predict(batch)
    torch.testing.assert_close(part.predict(batch), 0.75 * first + 0.25 * drawn)
    assert float((drawn - first).abs().mean()) > 0.05
    part.train()
    whole.train()
    torch.testing.assert_close(part.refine(batch), whole.refine(batch))  # training is the decoder's alone


def test_only_the_decoder_is_trained(model: HyperLipsHR):
    before = {key: value.clone() for key, value in model.base.state_dict().items()}
    model.train()
    assert model.decoder.training and not any(part.training for part in model.base.modules())
    losses = model.calculate_loss(decoder_batch())
    losses["loss"].backward()
    trained = {name.split(".")[0] for name, weight in model.named_parameters() if weight.grad is not None}
    assert trained == {"decoder"} and all(weight.requires_grad for weight in model.decoder.parameters())
    assert not any(weight.requires_grad for weight in model.base.parameters())
    with torch.no_grad():
        model.infer(decoder_batch())
    assert all(value.equal(before[key]) for key, value in model.base.state_dict().items())
    model.zero_grad()


@pytest.mark.parametrize("call", ["predict", "infer", "calculate_loss"])
def test_a_batch_without_base_faces_says_what_to_call(model: HyperLipsHR, call: str):
    """The network opens no face mesh: tests/generate/test_sketched_faces.py goes the whole way."""
    frames = {INPUT_FRAMES: torch.rand(2, 6, 64, 64), INDIV_MELS: torch.randn(2, 1, 80, 16)}
    with pytest.raises(UserError, match=r"no hyper_img and no hyper_sketch.*input_frames.*sketch_faces.*Dubber"):
        getattr(model, call)(frames)
    half = {HYPER_IMG: torch.rand(2, 3, 128, 128)}
    with pytest.raises(UserError, match="no hyper_sketch, got hyper_img"):
        getattr(model, call)(half)


def test_the_network_imports_no_face_mesh():
    """Neither in the module nor in its functions."""
    source = Path(inspect.getfile(HyperLipsHR)).read_text(encoding="utf-8")
    named = {node.module for node in ast.walk(ast.parse(source)) if isinstance(node, ast.ImportFrom)}
    assert not {module for module in named if module.startswith(("talkingface.utils.face", "mediapipe"))}


def test_the_checkpoint_holds_the_base_and_the_decoder_by_their_published_names(model: HyperLipsHR):
    keys = set(model.state_dict())
    assert {key.split(".")[0] for key in keys} == {"base", "decoder", "best_detail"}
    assert {"decoder.conv_base.0.conv_block.0.weight", "decoder.output_block.1.bias"} <= keys
    assert isinstance(model.base, nn.Module) and "base.face_encoder.features.0.0.weight" in keys


@pytest.mark.parametrize(
    "wrong",
    [
        {"img_size": 192},
        {"detail": 2},
        {"base_img_size": 100},
        {"lip_l1_weight": -1},
        {"l1_weight": 0, "lip_l1_weight": 0},
    ],
)
def test_configurations_that_cannot_be(wrong: dict[str, int]):
    with pytest.raises(ValueError, match=next(iter(wrong))):
        HyperLipsHRConfig(**wrong)
