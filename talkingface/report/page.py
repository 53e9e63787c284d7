"""Pages from templates, everything that is put in escaped, and the videos inside them."""

from __future__ import annotations

import base64
import hashlib
import tempfile
from dataclasses import dataclass
from functools import cache
from itertools import islice
from pathlib import Path
from typing import Any

import cv2
import jinja2
import numpy as np
from markupsafe import Markup

from talkingface.utils.errors import MediaError, UserError
from talkingface.utils.files import write_text
from talkingface.utils.media.audio import read_audio
from talkingface.utils.media.source import open_media, video_stream
from talkingface.utils.media.video import probe, read_frames
from talkingface.utils.media.writer import VideoWriter

TEMPLATES = Path(__file__).parent / "templates"


@cache
def _environment() -> jinja2.Environment:
    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(TEMPLATES), undefined=jinja2.StrictUndefined, trim_blocks=True,
        lstrip_blocks=True, autoescape=lambda name: name is not None and name.endswith(".html"),
    )  # fmt: skip
    environment.globals["style"] = lambda: Markup(_text("style.css"))  # our own files: nothing to escape
    environment.globals["script"] = lambda: Markup(_text("play.js"))
    return environment


def write_page(path: Path, template: str, **values: Any) -> None:
    """Write a page of `report/templates/<template>`."""
    write_text(path, _environment().get_template(template).render(**values))


@cache
def code_mark() -> str:
    """Hash of what writes the pages, templates and modules of `report`: pages are made again where these change."""
    files = [*sorted(TEMPLATES.iterdir()), *sorted(TEMPLATES.parent.glob("*.py"))]
    return hashlib.sha256(b"".join(file.read_bytes() for file in files)).hexdigest()[:16]


def _text(name: str) -> str:
    return (TEMPLATES / name).read_text(encoding="utf-8")


LARGE = 1_500_000
"""Bytes of a video above which it is encoded again, smaller."""
SIDE = 480
"""Longer side of such a video at most, pixels."""
SECONDS = 20.0
"""Length of such a video at most."""
POSTER = 320
"""Longer side of the picture shown before a video plays, pixels."""
QUALITY = 28
"""x264's crf of such a video."""


@dataclass(frozen=True, kw_only=True)
class EmbeddedVideo:
    """A video as a page holds it."""

    uri: str
    size: int
    """Bytes of the video."""
    note: str
    """How it differs from the file; empty if it is the file."""
    poster: str
    """Its first frame as a data URI: what is seen before it plays, in every browser."""


def embed_video(path: Path) -> EmbeddedVideo:
    """Return a video as a data URI: the file itself where browsers play it and it is small, else encoded again.

    Raises:
        UserError: it cannot be read.
    """
    if not path.is_file():
        raise UserError(f"{path}: no such file")
    if path.stat().st_size <= LARGE and _plays(path):
        data, note = path.read_bytes(), ""
    else:
        with tempfile.TemporaryDirectory() as folder:
            small = Path(folder, "small.mp4")
            note = _shrink(path, small)
            data = small.read_bytes()
    return EmbeddedVideo(uri=_uri("video/mp4", data), size=len(data), note=note, poster=_poster(path))


def _uri(kind: str, data: bytes) -> str:
    return f"data:{kind};base64,{base64.b64encode(data).decode('ascii')}"


def _poster(path: Path) -> str:
    frame = next(iter(read_frames(path)))
    scale = min(1.0, POSTER / max(frame.shape[:2]))
    small = cv2.resize(frame, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA)
    return _uri("image/jpeg", cv2.imencode(".jpg", small, [cv2.IMWRITE_JPEG_QUALITY, 70])[1].tobytes())


def _plays(path: Path) -> bool:
    """Whether every browser plays it: H.264 of 8 bits in an mp4 file."""
    with open_media(path) as container:
        codec = video_stream(container, path).codec_context
        return "mp4" in container.format.name and codec.name == "h264" and codec.pix_fmt in ("yuv420p", "yuvj420p")


def _shrink(path: Path, target: Path) -> str:
    info = probe(path)
    scale = min(1.0, SIDE / max(info.width, info.height))
    size = (max(2, round(info.width * scale)), max(2, round(info.height * scale)))
    try:
        audio = read_audio(path)[: int(SECONDS * 16000)]
    except MediaError:
        audio = None
    with VideoWriter(target, fps=info.fps, audio=audio, crf=QUALITY) as writer:
        for frame in islice(read_frames(path), max(1, int(SECONDS * info.fps))):
            writer.write(np.asarray(cv2.resize(frame, size, interpolation=cv2.INTER_AREA), dtype=np.uint8))
    cut = f", first {SECONDS:g} s" if info.duration > SECONDS else ""
    return f"encoded again, {size[0]}×{size[1]}{cut}"
