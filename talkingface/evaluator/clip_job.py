"""One clip of an evaluation: what an earlier, interrupted one has written of it, what is dubbed, what is measured."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from talkingface.evaluator.clip_result import ClipResult, EvalClip
from talkingface.evaluator.measured_video import DETECTOR, MeasuredVideo
from talkingface.evaluator.protocols.decoder import DecoderScores
from talkingface.evaluator.protocols.dubbing import DubbingProtocol
from talkingface.evaluator.scorer import Scorer
from talkingface.generate import Dubber
from talkingface.utils.errors import UserError
from talkingface.utils.face import FaceDetector
from talkingface.utils.face.follow import FaceRecord
from talkingface.utils.files import digest, file_mark, read_json, write_json

SCORE, RESULT = "score", "result"


@dataclass(kw_only=True)
class ClipCache:
    """The file clips/<name>.json: marks of the inputs of each dubbed video and of the scores, and the scores.

    A mark is a text that changes with whatever the thing was made from.
    """

    file: Path
    saved: dict[str, Any]

    @classmethod
    def open(cls, out_dir: Path, name: str) -> ClipCache:
        """Read what there is; a missing or damaged file holds nothing."""
        file = out_dir / "clips" / f"{name}.json"
        try:
            saved = read_json(file) if file.is_file() else {}
        except UserError:
            saved = {}
        return cls(file=file, saved=saved if isinstance(saved, dict) else {})

    def has_video(self, key: str, mark: str, video: Path) -> bool:
        """Whether the video is there and was made from what the mark says."""
        return self.saved.get(key) == mark and video.is_file()

    def add_video(self, key: str, mark: str, **more: Any) -> None:
        """Note what a video that has just been written was made from, and what else was seen while it was drawn."""
        self._add({key: mark, **more})

    def result(self, mark: str) -> ClipResult | None:
        """Return the scores, if they were taken from what the mark says."""
        if self.saved.get(SCORE) != mark:
            return None
        try:
            return ClipResult.from_plain(self.saved[RESULT])
        except (KeyError, TypeError, AttributeError):  # a file that somebody has changed
            return None

    def add_result(self, mark: str, result: ClipResult) -> None:
        """Keep the scores; those of a clip that failed, wholly or in part, are taken again next time."""
        if result.failed is None and result.cross_failed is None:
            self._add({SCORE: mark, RESULT: result.plain()})

    def _add(self, values: dict[str, Any]) -> None:
        self.saved.update(values)
        write_json(self.file, self.saved)


DECODER = "decoder"
"""Key of a clip's file in clips/: scores of the HR decoder, taken while the clip was dubbed with its own sound."""


@dataclass(frozen=True, kw_only=True)
class PlannedVideo:
    """A dubbed video of a clip."""

    protocol: DubbingProtocol
    path: Path
    mark: str
    """Changes with everything that the video is made from."""


@dataclass(kw_only=True)
class ClipJob:
    """One clip, its videos, and what an earlier evaluation has written of them."""

    clip: EvalClip
    out_dir: Path
    videos: Sequence[PlannedVideo]
    mark: str
    """Changes with everything that the scores are made from."""
    cache: ClipCache
    failed: dict[str, str] = field(default_factory=dict)
    """Protocols that may fail and did, by their key, with the reason."""

    @classmethod
    def plan(
        cls, clip: EvalClip, protocols: Sequence[DubbingProtocol], *, out_dir: Path, drawn_by: str, scored_by: str
    ) -> ClipJob:
        """Say what the clip needs.

        Args:
            clip: that is evaluated.
            protocols: by which it may be dubbed.
            out_dir: of the evaluation.
            drawn_by: mark of the model and of how it dubs.
            scored_by: mark of the metrics.
        """
        face, videos = file_mark(clip.video), []
        for protocol in protocols:
            sound = protocol.sound_mark(clip)
            if sound is not None:
                mark = digest(drawn_by, face, protocol.key, sound)
                videos.append(PlannedVideo(protocol=protocol, path=protocol.video(out_dir, clip), mark=mark))
        mark = digest(scored_by, repr(clip.speaker_seen), *(one.mark for one in videos))
        return cls(clip=clip, out_dir=out_dir, videos=videos, mark=mark, cache=ClipCache.open(out_dir, clip.name))

    def earlier_result(self) -> ClipResult | None:
        """Return the scores of an earlier evaluation, if all its videos and scores are of today's inputs."""
        return self.cache.result(self.mark) if all(map(self._is_there, self.videos)) else None

    def _is_there(self, video: PlannedVideo) -> bool:
        return self.cache.has_video(video.protocol.key, video.mark, video.path)

    def dub(self, dubber: Dubber, faces: FaceRecord) -> None:
        """Write the videos that are not there.

        Args:
            dubber: of the model.
            faces: found in the real video by the detector that measures; the dubber uses them where it is its own.

        Raises:
            UserError: a sound or an output cannot be used, in a protocol that may not fail.
        """
        known = faces if dubber.settings.face_detector == DETECTOR else None
        for video in self.videos:
            if self._is_there(video):
                continue
            decoder = DecoderScores() if video.protocol.own_sound else None
            try:
                with video.protocol.sound(self.clip) as sound:
                    dubber.write(self.clip.video, sound, video.path, faces=known, watch=decoder)
            except UserError as error:
                if not video.protocol.may_fail:
                    raise
                self.failed[video.protocol.key] = str(error)
                continue
            more = {} if decoder is None else {DECODER: decoder.means()}
            self.cache.add_video(video.protocol.key, video.mark, **more)

    def score(self, scorer: Scorer, real: MeasuredVideo, detector: FaceDetector) -> ClipResult:
        """Measure the written videos."""
        result = ClipResult(name=self.clip.name, speaker_seen=self.clip.speaker_seen)
        result.cross_failed = next(iter(self.failed.values()), None)
        result.decoder = self.cache.saved.get(DECODER, {})
        for video in self.videos:
            if video.protocol.key not in self.failed:
                boxes = real.boxes if video.protocol.at_real_boxes else None
                made = scorer.measure(video.path, detector, fps=real.fps, boxes=boxes)
                video.protocol.score(result, scorer, real=real, made=made, out_dir=self.out_dir)
        return result

    def keep(self, result: ClipResult) -> None:
        """Keep the scores for a later evaluation."""
        self.cache.add_result(self.mark, result)
