"""Still images, known by their content rather than their name."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import cv2
import numpy as np

from talkingface.utils.errors import MediaError
from talkingface.utils.media.source import PathLike, open_file

if TYPE_CHECKING:
    from talkingface.utils.media.frames import Frame

_STARTS = (b"\xff\xd8\xff", b"\x89PNG\r\n\x1a\n", b"BM", b"II*\x00", b"MM\x00*")


def is_image(path: PathLike) -> bool:
    """Whether the file is a still image (JPEG, PNG, BMP, TIFF, WebP).

    Raises:
        MediaError: it is not a readable file at all.
    """
    with open_file(path) as file:
        head = file.read(16)
    return head.startswith(_STARTS) or (head.startswith(b"RIFF") and head[8:12] == b"WEBP")


def read_image(path: PathLike) -> Frame:
    """Read an image as uint8 (H, W, 3) BGR, turned as its EXIF orientation says; alpha is dropped.

    Raises:
        MediaError: it is not a readable image.
    """
    with open_file(path) as file:
        data = np.frombuffer(file.read(), dtype=np.uint8)
    try:
        picture = cv2.imdecode(data, cv2.IMREAD_COLOR)
    except cv2.error:
        picture = None
    if picture is None:
        raise MediaError(f"{os.fspath(path)!r}: the image does not decode; it may be damaged")
    return picture  # type: ignore[return-value]
