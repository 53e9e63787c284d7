"""The losses of the HR decoder on filled networks against a trajectory of the published recipe."""

from __future__ import annotations

import json

import pytest
import torch
from filled import GOLDEN, fill, images
from torch import Tensor, nn

from talkingface.model.layers.hr_decoder import HRDecoder, HRDecoder_disc_qual
from talkingface.model.losses import l1_loss, lip_boxes, lip_l1, relativistic_loss

F32 = torch.float32
BOXES = torch.tensor([[70, 100, 40, 90], [64, 96, 30, 80], [72, 110, 35, 95], [66, 104, 44, 86]])
"""Rows a:b and columns c:d of the trajectory's lips."""


def masks() -> Tensor:
    """Masks whose bounding boxes these are; the last row and column of a mask are outside the published slices."""
    out = torch.zeros(4, 1, 128, 128)
    for k, (a, b, c, d) in enumerate(BOXES.tolist()):
        out[k, 0, a : b + 1, c : d + 1] = 1
    return out


@pytest.mark.parametrize(("name", "rescaling", "side"), [("rescaling1_in128", 1, 128), ("rescaling2_in64", 2, 64)])
def test_three_steps_as_published(name: str, rescaling: int, side: int) -> None:
    """Verdicts are compared after the Sigmoid, as published; VGG and LPIPS are left out of the trajectory."""
    wanted = json.loads((GOLDEN / "losses" / "hyperlips_hr.json").read_text(encoding="utf-8"))["trajectory"][name]
    decoder, judge = fill(HRDecoder(rescaling), 1.3).train(), fill(HRDecoder_disc_qual(), 1.41)
    face, real = images(71, (4, 6, side, side), F32), images(72, (4, 3, 128, 128), F32)
    boxes = lip_boxes(masks())
    assert boxes.equal(BOXES)
    steps = [torch.optim.Adam(net.parameters(), lr, (0.5, 0.999)) for net, lr in ((decoder, 1e-4), (judge, 5e-4))]
    for number, golden in enumerate(wanted):
        losses = one_step(decoder, judge, steps, face, real, boxes)
        tolerance = 1e-5 if number == 0 else 1e-2
        assert losses == pytest.approx(golden, abs=tolerance), number


def one_step(
    decoder: nn.Module,
    judge: nn.Module,
    steps: list[torch.optim.Optimizer],
    face: Tensor,
    real: Tensor,
    boxes: Tensor,
) -> dict[str, float]:
    fake = decoder(face)
    losses = {
        "adv": relativistic_loss(judge(real), judge(fake), real_is=0),
        "content": l1_loss(fake, real),
        "lip_l1": lip_l1(fake, real, boxes),
    }
    losses["total_without_vgg_lpips"] = sum(losses.values())
    steps[0].zero_grad()
    losses["total_without_vgg_lpips"].backward()
    steps[0].step()
    steps[1].zero_grad()
    losses["disc"] = relativistic_loss(judge(real), judge(fake.detach()), real_is=1)
    losses["disc"].backward()
    steps[1].step()
    return {name: value.item() for name, value in losses.items()}
