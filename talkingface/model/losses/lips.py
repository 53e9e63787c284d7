"""The lips' box of each face, and what is measured inside it, for a whole batch at once."""

# B batch, C channels, H/W pixels

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional as F

from talkingface.model.layers.conv import wide


def lip_boxes(mask: Tensor) -> Tensor:
    """Bounding boxes of the lip masks.

    Args:
        mask: (B, 1, H, W), above 0 around the lips.

    Returns:
        (B, 4) whole numbers: rows first .. last, columns first .. last; the last ones are exclusive as slices are,
        and are those of the last masked row and column, as published (so these two are left out). An empty mask
        gives the whole face.
    """
    height, width = mask.shape[-2:]
    rows, columns = (mask > 0).any(dim=3).flatten(1), (mask > 0).any(dim=2).flatten(1)
    found = torch.stack([*_span(rows), *_span(columns)], dim=1)
    whole = torch.tensor([0, height, 0, width], device=mask.device)
    usable = rows.any(dim=1) & (found[:, 1] > found[:, 0]) & (found[:, 3] > found[:, 2])
    return torch.where(usable[:, None], found, whole)


def _span(on: Tensor) -> tuple[Tensor, Tensor]:
    """First and last true place of each row, (B, N) bool to two (B,)."""
    places = on.to(torch.int8)
    return places.argmax(dim=1), on.shape[1] - 1 - places.flip(1).argmax(dim=1)


def lip_l1(fake: Tensor, real: Tensor, boxes: Tensor) -> Tensor:
    """Mean over the batch of each face's mean absolute error inside its box.

    Args:
        fake: (B, C, H, W) in [0, 1].
        real: like `fake`.
        boxes: (B, 4) of `lip_boxes`.
    """
    error = (wide(fake) - real).abs().mean(dim=1)
    inside = box_mask(boxes, *error.shape[-2:])
    return ((error * inside).sum(dim=(1, 2)) / inside.sum(dim=(1, 2))).mean()


def box_mask(boxes: Tensor, height: int, width: int) -> Tensor:
    """(B, H, W) float: 1 inside each box."""
    first_row, last_row, first_column, last_column = boxes[:, :, None].unbind(1)
    rows, columns = (torch.arange(count, device=boxes.device)[None] for count in (height, width))
    in_rows, in_columns = (rows >= first_row) & (rows < last_row), (columns >= first_column) & (columns < last_column)
    return (in_rows[:, :, None] & in_columns[:, None]).float()


def cut_lips(faces: Tensor, boxes: Tensor, size: tuple[int, int]) -> Tensor:
    """The boxes' contents, all sampled (bilinearly) at one size, so that a network can look at them in one call.

    Args:
        faces: (B, C, H, W).
        boxes: (B, 4) of `lip_boxes`.
        size: height and width wanted; a box of this size gives its own pixels.

    Returns:
        (B, C, *size) float32.
    """
    height, width = faces.shape[-2:]
    top, bottom, left, right = wide(boxes.float())[:, :, None].unbind(1)
    y = top + (bottom - top) * _centres(size[0], boxes.device)
    x = left + (right - left) * _centres(size[1], boxes.device)
    if torch.are_deterministic_algorithms_enabled():  # CUDA's gradient of grid_sample adds up in any order
        with torch.autocast(faces.device.type, enabled=False):
            faces = wide(faces)
            return _shares(y, height).to(faces)[:, None] @ faces @ _shares(x, width).to(faces).mT[:, None]
    y, x = 2 * y / height - 1, 2 * x / width - 1  # grid_sample's coordinates: -1 and 1 are the outer edges
    grid = torch.stack(torch.broadcast_tensors(x[:, None, :], y[:, :, None]), dim=-1)
    faces = wide(faces)
    return F.grid_sample(faces, grid.to(faces.dtype), align_corners=False, padding_mode="border")


def _shares(places: Tensor, count: int) -> Tensor:
    """(B, n) places, of which 0 and `count` are the outer edges, to the shares (B, n, count) that pixels have there."""
    nearest = (places - 0.5).clamp(0, count - 1)
    return (1 - (nearest[..., None] - torch.arange(count, device=places.device)).abs()).clamp_min(0)


def _centres(count: int, device: torch.device) -> Tensor:
    return (torch.arange(count, device=device) + 0.5) / count
