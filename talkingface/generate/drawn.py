"""What dubbing tells about its frames: each face that was drawn, and a summary of all."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from talkingface.generate.cut import Box
from talkingface.generate.synthesizer import Picture
from talkingface.utils.face.follow import FollowedFrame


@dataclass(frozen=True, kw_only=True)
class DrawnFace:
    """A frame and the face that was drawn for it, before it is pasted."""

    frame: FollowedFrame
    box: Box | None
    """Where the face was cut out; None where there is none."""
    face: Picture | None
    """(S, S, 3) BGR; None where there is no face."""
    base_face: Picture | None = None
    """(s, s, 3) BGR: what the Base drew, of models with a decoder."""
    mesh_found: bool = True
    """False where the sketch is that of the nearest frame in which the face mesh was found."""


Watch = Callable[[DrawnFace], None]


@dataclass(frozen=True, kw_only=True)
class GenerateSummary:
    """What was written."""

    frames: int
    """Frames of the output."""
    faces_missing: int
    """Frames without a face; they are the input's own."""
    faces_bridged: int
    """Frames in which no face was found; it was drawn between where the frames before and after have it."""
    meshes_missing: int
    """Frames whose sketch is that of the nearest frame with a face mesh, of models that sketch."""
    fps: float
    """Frame rate of the output."""
    seconds: float
    """Length of the output."""
    elapsed: float
    """Seconds that it took."""


class Tally:
    """Counts the frames of a video by what became of their faces, and passes them on to `watch`."""

    def __init__(self, watch: Watch | None) -> None:
        self.watch = watch
        self.frames = self.faces_missing = self.faces_bridged = self.meshes_missing = 0

    def __call__(self, drawn: DrawnFace) -> None:
        """Count one frame."""
        self.frames += 1
        self.faces_missing += drawn.face is None
        self.faces_bridged += drawn.face is not None and not drawn.frame.found
        self.meshes_missing += not drawn.mesh_found
        if self.watch is not None:
            self.watch(drawn)

    def summary(self, *, fps: float, elapsed: float) -> GenerateSummary:
        """The counts of a video that has been written."""
        return GenerateSummary(
            frames=self.frames, faces_missing=self.faces_missing, faces_bridged=self.faces_bridged,
            meshes_missing=self.meshes_missing, fps=fps, seconds=self.frames / fps, elapsed=elapsed,
        )  # fmt: skip
