"""Losses of the HR decoder by hand and against plain loops."""

from __future__ import annotations

import math
from collections.abc import Iterator

import pytest
import torch
from torch.nn import functional as F

from talkingface.model.losses import cut_lips, lip_boxes, lip_l1, relativistic_loss

torch.manual_seed(0)
BOXES = torch.tensor([[3, 9, 2, 14], [0, 16, 0, 16], [7, 8, 5, 9]])


def test_boxes_of_masks():
    masks = torch.zeros(3, 1, 8, 10)
    masks[0, 0, 2:5, 3:8] = 1
    masks[1, 0, 6, 1] = masks[1, 0, 1, 9] = 1
    assert lip_boxes(masks).tolist() == [[2, 4, 3, 7], [1, 6, 1, 9], [0, 8, 0, 10]]  # the empty one: everything


def test_lip_l1_against_a_loop():
    fake, real = torch.rand(3, 3, 16, 16), torch.rand(3, 3, 16, 16)
    each = [(fake[k, :, a:b, c:d] - real[k, :, a:b, c:d]).abs().mean() for k, (a, b, c, d) in enumerate(BOXES.tolist())]
    assert lip_l1(fake, real, BOXES).item() == pytest.approx(torch.stack(each).mean().item(), rel=1e-6)


@pytest.fixture(params=[False, True], ids=["usual", "deterministic"])
def deterministic(request: pytest.FixtureRequest) -> Iterator[None]:
    torch.use_deterministic_algorithms(request.param)
    yield
    torch.use_deterministic_algorithms(False)


@pytest.mark.usefixtures("deterministic")
def test_cut_lips_against_slices():
    faces = torch.rand(2, 3, 16, 16, requires_grad=True)
    boxes = torch.tensor([[3, 9, 2, 14], [10, 16, 4, 16]])
    cut = cut_lips(faces, boxes, (6, 12))
    for k, (a, b, c, d) in enumerate(boxes.tolist()):
        torch.testing.assert_close(cut[k], faces[k, :, a:b, c:d], atol=1e-5, rtol=0)
    larger = cut_lips(faces[:1], boxes[:1], (12, 24))
    wanted = F.interpolate(faces[:1, :, 3:9, 2:14], size=(12, 24), mode="bilinear", align_corners=False)
    torch.testing.assert_close(larger[:, :, 1:-1, 1:-1], wanted[:, :, 1:-1, 1:-1], atol=1e-5, rtol=0)
    cut.sum().backward()
    assert faces.grad is not None and faces.grad[0, :, :2].abs().sum() == 0  # nothing outside the box counts


def test_repeatable_cuts_are_the_usual_ones():
    faces, boxes = torch.rand(3, 3, 16, 16), torch.tensor([[0, 5, 9, 16], [2, 16, 0, 3], [7, 8, 5, 9]])
    wanted = cut_lips(faces, boxes, (7, 9))
    torch.use_deterministic_algorithms(True)
    try:
        torch.testing.assert_close(cut_lips(faces, boxes, (7, 9)), wanted, atol=1e-5, rtol=0)
    finally:
        torch.use_deterministic_algorithms(False)


def test_relativistic_by_hand():
    real, fake = torch.tensor([[2.0], [0.0]]), torch.tensor([[-1.0], [0.0]])
    sure, unsure = [2.5, 0.5], [-2.0, -1.0]  # real - mean(fake), fake - mean(real)
    loss = sum(math.log(1 + math.exp(-v)) for v in sure) / 2 + sum(math.log(1 + math.exp(v)) for v in unsure) / 2
    assert relativistic_loss(real, fake, real_is=1).item() == pytest.approx(loss / 2, rel=1e-6)
    swapped = sum(math.log(1 + math.exp(v)) for v in sure) / 2 + sum(math.log(1 + math.exp(-v)) for v in unsure) / 2
    assert relativistic_loss(real, fake, real_is=0).item() == pytest.approx(swapped / 2, rel=1e-6)


def test_half_precision_verdicts_are_compared_in_float32():
    real, fake = torch.full((2, 1), 3.0, dtype=torch.bfloat16), torch.full((2, 1), 3.001, dtype=torch.bfloat16)
    assert relativistic_loss(real, fake, real_is=1).dtype == torch.float32
