"""Files of torch: plain data, every byte as it was written.

torch's own reader looks at no checksum (and, where it maps a file, at no byte until the tensor is used), so a flipped
bit of a disk or a download would be trained on silently. A file of torch is a zip archive, whose entries have CRCs:
they are compared before tensors are used, which takes 0.2 s for 200 MB on one core. torch's old format has none.
"""

from __future__ import annotations

import os
import pickle
import re
import zlib
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any
from zipfile import BadZipFile, ZipFile, is_zipfile

from talkingface.utils.errors import CheckpointError, DamagedError

if TYPE_CHECKING:
    from torch import Tensor

TENSOR = re.compile(r"/data/\d+$")
"""Names of the entries that hold tensors."""
CHUNK = 1 << 20
"""Bytes that are read at once."""


def read_torch_file(path: str | os.PathLike[str], *, mapped: bool = False) -> Any:
    """The contents of a file that `torch.save` wrote, on the CPU.

    Args:
        path: the file.
        mapped: leave tensors in the file, which is mapped as long as one of them lives: let go of them soon, as
            Windows cannot replace a mapped file. They have not been read, nor compared with their checksums: before
            they are used call `check_torch_file`. What cannot be mapped, such as torch's old format, is read.

    Raises:
        DamagedError: damaged.
        CheckpointError: missing, or more than plain data.
    """
    import torch

    if not Path(path).is_file():
        raise CheckpointError(f"{path}: no such checkpoint file")
    check_torch_file(path, tensors=not mapped)
    try:
        return torch.load(path, map_location="cpu", weights_only=True, mmap=mapped and is_zipfile(path))
    except pickle.UnpicklingError as error:  # damage too, where there are no checksums
        raise CheckpointError(f"{path}: holds more than plain data, or is no checkpoint; not loaded") from error
    except Exception as error:  # a damaged file makes the reader fail in any way
        raise DamagedError(f"{path}: damaged, or no checkpoint ({_reason(error)})") from error


def check_torch_file(path: str | os.PathLike[str], *, tensors: bool = True) -> None:
    """Compare a file's contents with their checksums, as far as it has any.

    Args:
        path: the file.
        tensors: those of tensors too, which make up nearly all of it.

    Raises:
        DamagedError: it is damaged; names the part that is.
    """
    if not is_zipfile(path):
        return
    try:
        with ZipFile(path) as archive:
            for entry in archive.infolist():
                if not tensors and TENSOR.search(entry.filename):
                    continue
                with archive.open(entry) as part:
                    while part.read(CHUNK):  # raises at the end where the checksum is another one
                        pass
    except (BadZipFile, EOFError, OSError, zlib.error, NotImplementedError, RuntimeError) as error:
        raise DamagedError(f"{path}: damaged ({_reason(error)}); take another checkpoint") from error


def _reason(error: Exception) -> str:
    return (str(error) or type(error).__name__).splitlines()[0]


def not_finite(contents: Any, name: str = "") -> str | None:
    """The name of a tensor in nested plain data that holds NaN or infinity, None where all numbers are finite."""
    import torch

    if isinstance(contents, torch.Tensor):
        return None if _is_finite(contents) else name
    if isinstance(contents, Mapping):
        inside = ((f"{name}.{key}" if name else str(key), value) for key, value in contents.items())
    elif isinstance(contents, list | tuple):
        inside = ((f"{name}.{number}", value) for number, value in enumerate(contents))
    else:
        return None
    return next((found for key, value in inside if (found := not_finite(value, key)) is not None), None)


def _is_finite(value: Tensor) -> bool:
    import torch

    if not (value.is_floating_point() or value.is_complex()):
        return True
    # One pass that writes nothing; only a sum that overflows needs the other, which is ten times slower.
    return bool(torch.isfinite(value.sum())) or bool(torch.isfinite(value).all())
