"""Opening media files so that every fault is one clear MediaError: what is not a file, what is not media."""

from __future__ import annotations

import contextlib
import os
import stat
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO, cast

from talkingface.utils.errors import MediaError

if TYPE_CHECKING:
    from av.container import InputContainer
    from av.stream import Stream

PathLike = str | os.PathLike[str]


class _Source:
    """A read-only file as PyAV wants it; its name shows only the suffix, so nothing in a file name is a pattern."""

    def __init__(self, file: BinaryIO, suffix: str) -> None:
        self.read, self.seek, self.tell, self._file = file.read, file.seek, file.tell, file
        self.name = "input" + (suffix if suffix[1:].isalnum() else "")


def open_file(path: PathLike) -> BinaryIO:
    """Open a regular, non-empty file for reading; never waits, as opening a pipe would.

    Raises:
        MediaError: it is missing, a dangling link, a folder, a pipe or device, empty, or not readable.
    """
    shown = repr(os.fspath(path))
    try:
        status = Path(path).stat()
    except (OSError, ValueError) as error:
        if Path(path).is_symlink():
            raise MediaError(f"{shown}: a link to a file that is not there; mend the link") from error
        reason = getattr(error, "strerror", None) or error
        raise MediaError(f"{shown}: cannot be opened: {reason}; check the path") from error
    if not stat.S_ISREG(status.st_mode):
        what = "a folder" if stat.S_ISDIR(status.st_mode) else "a pipe, socket or device"
        raise MediaError(f"{shown}: is {what}; wanted a video, audio or image file")
    if status.st_size == 0:
        raise MediaError(f"{shown}: the file is empty; copy or download it again")
    try:
        return Path(path).open("rb")
    except OSError as error:
        raise MediaError(f"{shown}: cannot be opened: {error.strerror}; check its permissions") from error


@contextlib.contextmanager
def open_media(path: PathLike) -> Iterator[InputContainer]:
    """Open a media file with PyAV, its log silenced.

    Nothing but this one file is ever read: playlists that name other files or addresses are refused.

    Raises:
        MediaError: as `open_file`, or the content is no known media format.
    """
    import av

    av.logging.set_level(None)
    with open_file(path) as file:
        source = _Source(file, Path(path).suffix)
        try:
            container = av.open(source, metadata_errors="replace", container_options={"protocol_whitelist": "none"})
        except (av.FFmpegError, OSError, ValueError) as error:
            raise MediaError(
                f"{os.fspath(path)!r}: not a readable media file ({reason_of(error)}); "
                "it may be damaged, unfinished, or something else under this name"
            ) from error
        with container:
            if not len(container.streams):
                raise MediaError(f"{os.fspath(path)!r}: not a readable media file (it holds no tracks)")
            yield cast("InputContainer", container)


def reason_of(error: BaseException) -> str:
    """FFmpeg's own words for an error, without its numbers."""
    return getattr(error, "strerror", None) or str(error) or type(error).__name__


def video_stream(container: InputContainer, path: PathLike) -> Any:
    """The first video stream that is not a cover picture.

    Raises:
        MediaError: there is none, or no decoder knows it.
    """
    from av.stream import Disposition

    streams = [s for s in container.streams.video if not s.disposition & Disposition.attached_pic]
    if not streams:
        has = "only sound" if container.streams.audio else "no video"
        raise MediaError(f"{os.fspath(path)!r}: has {has}; wanted a video")
    return decodable(streams[0], path)


def decodable(stream: Any, path: PathLike) -> Any:
    """The stream itself.

    Raises:
        MediaError: no decoder knows it.
    """
    if stream.codec_context is None:
        raise MediaError(f"{os.fspath(path)!r}: its {stream.type} codec is not known; convert it, for example to H.264")
    return stream


def decode(container: InputContainer, stream: Stream) -> Iterator[Any]:
    """Yield the frames of one stream, skipping packets that do not decode and stopping where the file breaks off.

    What went wrong first is raised at the end, if nothing at all was decoded.
    """
    import av

    problem: Exception | None = None
    anything = False
    packets = container.demux(stream)
    while True:
        flush = False
        try:
            packet = next(packets, None)
        except (av.FFmpegError, OSError) as error:
            problem, packet, flush = problem or error, None, True
        try:
            if packet is not None:
                frames = packet.decode()
            elif flush:
                frames = stream.codec_context.decode(None)  # type: ignore[attr-defined]
            else:
                frames = []
        except (av.FFmpegError, ValueError) as error:
            problem, frames = problem or error, []
        for frame in frames:
            anything = True
            yield frame
        if packet is None:
            break
    if problem is not None and not anything:
        raise problem
