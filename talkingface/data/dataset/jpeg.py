"""Packed faces as JPEG: a seventh to a ninth of the raw bytes, for sets that would not fit on the disk.

4:2:0 as the prepared crops themselves, whose colours have no more detail to keep, and with Huffman tables made for each
picture: 5.4 KB a real face of 128 px at 45 dB, where 4:4:4 takes 6.5 KB at 46 dB and a fourth more time to decode.
"""

# N frames of the clip, T of them, S side of the crop

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from talkingface.data.dataset.pieces import Pieces

try:
    import simplejpeg
except ImportError:  # an environment from before it was required: cv2 gives the same pixels, a quarter more slowly
    simplejpeg = None

Picture = NDArray[np.uint8]
"""(H, W, 3) BGR."""
QUALITY = 95
_OPTIONS = [
    cv2.IMWRITE_JPEG_QUALITY, QUALITY, cv2.IMWRITE_JPEG_OPTIMIZE, 1, cv2.IMWRITE_JPEG_SAMPLING_FACTOR,
    cv2.IMWRITE_JPEG_SAMPLING_FACTOR_420,
]  # fmt: skip
SHARE = 0.16
"""About what is left of the raw bytes; to tell beforehand whether the disk is large enough."""


def encode(picture: Picture) -> bytes:
    """A picture as JPEG."""
    return cv2.imencode(".jpg", picture, _OPTIONS)[1].tobytes()


def decode_into(out: Picture, data: bytes | memoryview) -> None:
    """Decode a JPEG of the size of `out`, which is contiguous.

    Raises:
        ValueError: it is none, or has another size.
    """
    if simplejpeg is not None:
        decoded = simplejpeg.decode_jpeg(data, "BGR", buffer=out)
        if decoded.shape != out.shape:
            raise ValueError(f"a picture of {decoded.shape}, wanted {out.shape}")
        return
    picture = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_COLOR)
    if picture is None or picture.shape != out.shape:
        raise ValueError(f"{'no picture' if picture is None else picture.shape}, wanted {out.shape}")
    out[:] = picture


class JpegFrames:
    """The frames of a clip, decoded where they are asked for: `frames[k]`, `frames[a:b]`, or all by np.asarray.

    An empty piece is an absent frame, which is black.
    """

    def __init__(self, pieces: Pieces, size: int) -> None:
        self.pieces, self.size = pieces, size

    @property
    def shape(self) -> tuple[int, int, int, int]:
        """(N, S, S, 3)."""
        return (len(self.pieces), self.size, self.size, 3)

    def __len__(self) -> int:
        return len(self.pieces)

    def __getitem__(self, which: int | slice) -> Picture:
        """(S, S, 3) of one frame, (T, S, S, 3) of several.

        Raises:
            UserError: the bytes of one have changed.
        """
        if not isinstance(which, slice):
            k = range(len(self))[which]
            return self[k : k + 1][0]
        numbers = range(len(self))[which]
        out = np.empty((len(numbers), *self.shape[1:]), np.uint8)
        for face, k in zip(out, numbers, strict=True):
            piece = self.pieces[k]
            if not piece:
                face[:] = 0
                continue
            try:
                decode_into(face, piece)
            except ValueError as error:
                raise self.pieces.damaged(f"frame {k}: {error}") from None
        return out

    def __array__(self, dtype: object = None, copy: bool | None = None) -> Picture:
        return self[:]
