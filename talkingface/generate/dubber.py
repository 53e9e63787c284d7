"""`Dubber`: a trained model that gives a face video or image the lips of another sound, as a stream.

    frames of the file -> faces followed -> faces drawn -> pasted into their frames -> written

Each step is a generator over the one before, so memory does not grow with length.
"""

from __future__ import annotations

import time
from collections.abc import Generator
from contextlib import ExitStack, closing
from dataclasses import replace
from types import TracebackType
from typing import Any, Self

import torch
from tqdm import tqdm

from talkingface.config.loader import Overrides
from talkingface.config.schema import Config
from talkingface.generate.dubbing import DrawnFace, DubbingSettings, GenerateSummary, Tally, Watch
from talkingface.generate.files import AnyPath, FaceSource, ahead, check_output, open_face, read_sound, user_path
from talkingface.generate.paste import paste
from talkingface.generate.synthesizer import (
    DecoderModel,
    Picture,
    Predictor,
    Samples,
    Synthesizer,
    cut_faces,
    frame_count,
)
from talkingface.model.checkpoint import checkpoint_file
from talkingface.model.trained import load_trained
from talkingface.utils.device import pick_device
from talkingface.utils.errors import MediaError, UserError
from talkingface.utils.face import FaceDetector, make_detector
from talkingface.utils.face.follow import FaceRecord, Find, follow_face
from talkingface.utils.face.sketch import Mesh
from talkingface.utils.media.mel import SAMPLE_RATE
from talkingface.utils.media.video import VideoWriter


class Dubber:
    """Dubs any number of videos with one trained model, one after another.

    How it does so is said by the configuration, see `DubbingSettings`. Face detector and face mesh are made when they
    are first needed, serve all videos, and are freed by `close` or at the end of a `with` block.

    Args:
        network: the trained model, on `device`.
        config: its configuration.
        device: where the network is; None picks the configuration's.
        detector: finds faces, and stays the caller's; None makes the configuration's.
        mesh: finds the landmarks that sketches are drawn from, for models with a decoder; likewise.
    """

    def __init__(
        self,
        network: Predictor,
        config: Config,
        *,
        device: torch.device | str | None = None,
        detector: FaceDetector | None = None,
        mesh: Mesh | None = None,
    ) -> None:
        self.network, self.config = network, config
        self.settings = DubbingSettings.of(config)
        self.device = pick_device(config.run.device) if device is None else torch.device(device)
        self._detector, self._mesh = detector, mesh
        self._opened = ExitStack()

    @classmethod
    def from_checkpoint(
        cls, path: AnyPath, *, model: str | None = None, overrides: Overrides | None = None, **options: Any
    ) -> Self:
        """Load a trained model.

        Args:
            path: a run's folder or a .pth file, ours or an original project's.
            model: the catalog row; needed for checkpoints of original projects only.
            overrides: the user's files and flags, above the checkpoint's own values.
            options: configuration keys, above those: `device="cpu"`, `crf=23`, `loop="restart"`.

        Raises:
            CheckpointError: it is missing, damaged, of another model, or does not say of which.
            ConfigError: an option is no configuration key, or its value does not fit.
            UserError: the model draws no faces, or the device is not there.
        """
        overrides = overrides or Overrides(profile="none", flags_from="options")
        overrides = replace(overrides, flags={**overrides.flags, **options})
        trained = load_trained(checkpoint_file(user_path(path)), model=model, overrides=overrides)
        if not trained.row.makes_video:
            raise UserError(f"{path}: is of {trained.row.name}, which draws no faces; wanted a model that does")
        device = pick_device(trained.config.run.device)
        return cls(trained.network.to(device), trained.config, device=device)

    def frames(
        self, face: AnyPath, audio: AnyPath, *, faces: FaceRecord | None = None, watch: Watch | None = None
    ) -> Generator[Picture, None, None]:
        """Yield the frames of `face` speaking `audio`, uint8 (H, W, 3) BGR, as long as the sound, at the face's rate.

        The files are looked at when this is called, frames are made as they are asked for. Use the iterator up, or
        close it, before the next video.

        Args:
            face: video or still image.
            audio: sound file, or a video whose sound is used.
            faces: the faces of the video, every frame looked at, where they are known; else they are detected.
            watch: is shown every frame with what was drawn for it, before that is pasted.

        Raises:
            MediaError: a file is missing or unreadable, the sound is empty, or no face is in the whole video.
        """
        return self._dub(open_face(face), read_sound(audio), faces, watch)

    def write(
        self,
        face: AnyPath,
        audio: AnyPath,
        output: AnyPath,
        *,
        faces: FaceRecord | None = None,
        watch: Watch | None = None,
        progress: bool = False,
    ) -> GenerateSummary:
        """Write the frames and the sound as a video, H.264 and AAC.

        Args:
            face: see `frames`, as are `audio`, `faces` and `watch`.
            audio: its samples, mono at 16 kHz, become the video's sound and start with the first frame.
            output: mp4 file to write, never one of the inputs; its folder is made. It appears when it is whole.
            faces: see `frames`.
            watch: see `frames`.
            progress: show a bar.

        Raises:
            MediaError: as `frames`, or the output cannot be written.
        """
        began = time.monotonic()
        source, samples = open_face(face), read_sound(audio)
        path = check_output(output, (face, audio))
        count = frame_count(samples, source.fps)
        tally = Tally(watch)
        with (
            closing(self._dub(source, samples, faces, tally)) as frames,
            VideoWriter(path, fps=source.fps, audio=samples, sample_rate=SAMPLE_RATE, crf=self.settings.crf) as writer,
            tqdm(total=count, unit="frame", desc=path.name, disable=not progress) as bar,
        ):
            for frame in frames:
                writer.write(frame)
                bar.update()
        return tally.summary(fps=source.fps, elapsed=time.monotonic() - began)

    def close(self) -> None:
        """Free the detector and the mesh that were made here; a later video makes them again."""
        self._opened.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.close()

    def _dub(
        self, source: FaceSource, samples: Samples, faces: FaceRecord | None, watch: Watch | None
    ) -> Generator[Picture, None, None]:
        """Paste what is drawn; refuse a video that has no face in a whole pass."""
        some_face, last = False, -1
        with closing(self._draw(source, samples, faces)) as stream:
            for drawn in stream:
                some_face = some_face or drawn.face is not None
                if not some_face and drawn.frame.number <= last:  # the video is played on
                    break
                last = drawn.frame.number
                if watch is not None:
                    watch(drawn)
                yield self._paste(drawn)
        if not some_face:
            what = "the image" if source.still else f"any of {last + 1} frames"
            raise MediaError(
                f"face {source.path}: no face was found in {what}; wanted one clearly visible face, at least 48 pixels "
                "wide"
            )

    def _paste(self, drawn: DrawnFace) -> Picture:
        frame = drawn.frame
        if drawn.face is None or drawn.box is None:
            return frame.frame
        return paste(frame.frame, drawn.face, drawn.box, landmarks=frame.landmarks, options=self.settings.paste)

    def _draw(self, source: FaceSource, samples: Samples, faces: FaceRecord | None) -> Generator[DrawnFace, None, None]:
        """Follow the face and draw it in every frame that has one."""
        settings = self.settings
        synthesizer = Synthesizer(
            self.network, device=self.device, precision=settings.precision, batch_size=settings.batch_size,
            mesh=self._face_mesh() if isinstance(self.network, DecoderModel) else None,
        )  # fmt: skip
        frames = source.frames(frame_count(samples, source.fps), settings.loop)
        followed = follow_face(frames, self._finder(faces), window=settings.box_smoothing)
        with closing(ahead(followed, settings.batch_size)) as stream:
            for one in synthesizer.draw(cut_faces(stream, samples, source.fps, settings)):
                frame, box = one.item
                yield DrawnFace(frame=frame, box=box, face=one.face, base_face=one.base_face, mesh_found=one.mesh_found)

    def _finder(self, faces: FaceRecord | None) -> Find:
        """Recall recorded faces, or detect those of another clip."""
        if faces is not None:
            return faces.recall
        if self._detector is None:
            made = make_detector(self.settings.face_detector, self.settings.face_detector_weights)
            self._detector = self._opened.enter_context(made)
            self._opened.callback(setattr, self, "_detector", None)
        detector = self._detector
        detector.reset()
        return lambda _, frame: detector.detect(frame)

    def _face_mesh(self) -> Mesh:
        if self._mesh is None:
            from talkingface.utils.face.crop_mesh import CropMesh

            self._mesh = self._opened.enter_context(CropMesh())
            self._opened.callback(setattr, self, "_mesh", None)
        return self._mesh
