"""A file of many small pieces of bytes, such as the compressed pictures of a clip, and a table that finds them.

    pieces, end to end | table: where each piece ends, and its CRC-32

The table comes last, so that pieces are written as they are made; where it begins is kept elsewhere, in the clip's row
of the index. A piece whose bytes have changed is refused: decoders of pictures fill in what they cannot read.
"""

from __future__ import annotations

import mmap
import os
import zlib
from pathlib import Path
from typing import IO

import numpy as np

from talkingface.utils.errors import UserError

_TABLE = np.dtype([("end", "<u8"), ("crc", "<u4")])


def map_file(path: Path) -> mmap.mmap:
    """A file's bytes, read-only, without holding it open. np.memmap does the same, four times as slowly."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        return mmap.mmap(descriptor, 0, access=mmap.ACCESS_READ)
    finally:
        os.close(descriptor)


class PieceWriter:
    """Writes pieces to an open file, in order."""

    def __init__(self, file: IO[bytes]) -> None:
        self._file = file
        self._end = 0
        self._rows: list[tuple[int, int]] = []

    def add(self, piece: bytes) -> None:
        """Write the next piece; it may be empty."""
        self._file.write(piece)
        self._end += len(piece)
        self._rows.append((self._end, zlib.crc32(piece)))

    def finish(self) -> int:
        """Write the table; returns the byte at which it begins."""
        self._file.write(np.array(self._rows, _TABLE).tobytes())
        return self._end


class Pieces:
    """The pieces of a file, mapped.

    Args:
        path: the file.
        table_at: byte at which its table begins.
        count: pieces in it.
        name: the clip's, for messages.

    Raises:
        UserError: the file is cut off; or, when a piece is read, its bytes have changed.
    """

    def __init__(self, path: Path, *, table_at: int, count: int, name: str) -> None:
        self.path, self.name, self.count = path, name, count
        self._table_at = table_at
        size = path.stat().st_size
        if size != table_at + count * _TABLE.itemsize:
            raise self.damaged(f"{size} bytes, wanted {table_at + count * _TABLE.itemsize}")
        data = map_file(path)
        self._bytes = memoryview(data)
        self._table = np.frombuffer(data, _TABLE, count, table_at)

    def __len__(self) -> int:
        return self.count

    def __getitem__(self, k: int) -> memoryview:
        start = int(self._table["end"][k - 1]) if k else 0
        end = int(self._table["end"][k])
        piece = self._bytes[start:end]
        if not start <= end <= self._table_at or zlib.crc32(piece) != self._table["crc"][k]:
            raise self.damaged(f"piece {k} of {self.count} has other bytes than were written")
        return piece

    def damaged(self, what: str) -> UserError:
        """An error that names clip and file, and says what to do."""
        return UserError(f"{self.name}: {self.path} is damaged ({what}); delete it, and the next run packs it again")
