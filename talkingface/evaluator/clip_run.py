"""The steps of one clip: look at the real video, dub it with other sounds too, score what was written.

What stands of a clip from an earlier run, so that an evaluation goes on where it was killed.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from talkingface.config.schema import Config
from talkingface.evaluator.measuring import DETECTOR, Measuring
from talkingface.evaluator.metrics.base import MeasuredVideo
from talkingface.evaluator.metrics.opening import Leakage
from talkingface.evaluator.protocols.decoder import StageScores
from talkingface.evaluator.protocols.reconstruction import from_frame, measured_from
from talkingface.evaluator.protocols.silence import silence_of
from talkingface.evaluator.results import ClipResult, EvalClip, finite, numbers, own_scores
from talkingface.generate import Dubber
from talkingface.generate.synthesizer import Predictor
from talkingface.utils.errors import UserError
from talkingface.utils.face import FaceDetector
from talkingface.utils.face.follow import FaceRecord
from talkingface.utils.files import read_json, write_json

LEAKAGE = Leakage()


@dataclass(frozen=True, kw_only=True)
class ClipWork:
    """What the steps of every clip share. `dub` may run in one thread while the others run in a second."""

    model: Predictor
    config: Config
    measuring: Measuring
    out_dir: Path

    def look_at_real(self, clip: EvalClip, detector: FaceDetector) -> tuple[MeasuredVideo, FaceRecord]:
        """Measure the real video; the faces found are kept for dubbing.

        Raises:
            UserError: It cannot be read, or has no face.
        """
        return self.measuring.look_at_real(clip.video, detector)

    def dub(self, clip: EvalClip, state: ClipState, faces: FaceRecord) -> str | None:
        """Write the videos that do not stand; return why there is none with the other clip's sound, if so.

        Raises:
            UserError: The clip's own sound or the output cannot be used.
        """
        if not state.own_stands():
            stages = StageScores()
            self._generate(clip.video, clip.video, state.own_path, faces, watch=stages)
            state.save_own(stages.means())
        if not state.silent_stands():
            with silence_of(clip.video) as silence:
                self._generate(clip.video, silence, state.silent_path, faces)
            state.save_silent()
        if state.sound is None or state.cross_stands():
            return None
        try:
            self._generate(clip.video, state.sound[1], state.cross_path, faces)
        except UserError as error:
            return str(error)
        state.save_cross()
        return None

    def score(
        self, clip: EvalClip, state: ClipState, real: MeasuredVideo, detector: FaceDetector, cross_failed: str | None
    ) -> ClipResult:
        """Measure the written files."""
        measuring = self.measuring
        made = measuring.look(state.own_path, detector, fps=real.fps, boxes=real.boxes)
        whole, first = measuring.pair(real, made), measured_from(real)
        pair = measuring.pair(from_frame(real, first), from_frame(made, first))
        result = measuring.compare(clip.name, pair, out_dir=self.out_dir, speaker_seen=clip.speaker_seen)
        result.measured_from, result.faces_missing = first, int((~whole.both).sum())
        result.stages, result.cross_failed = state.saved.get("stages", {}), cross_failed
        if state.silent:
            silent = measuring.look(state.silent_path, detector, fps=real.fps, boxes=real.boxes)
            value = LEAKAGE.calculate_metric(measuring.pair(real, silent))
            result.silence = {LEAKAGE.name: finite(value)}
        if state.sound is not None and cross_failed is None:
            crossed = measuring.look(state.cross_path, detector, fps=real.fps)
            alone = replace(pair, real=crossed, generated=crossed)
            result.sound_from = state.sound[0]
            result.opening_cross = numbers(crossed.opening)
            result.cross = own_scores(alone, [one for one in measuring.metrics if one.metric_type == "sync"])
        return result

    def _generate(
        self, face: Path, sound: Path, output: Path, faces: FaceRecord, watch: StageScores | None = None
    ) -> None:
        known = self.config.dataset.face_detector == DETECTOR
        with Dubber(self.model, self.config, device=self.measuring.device) as dubber:
            dubber.write(face, sound, output, faces=faces if known else None, watch=watch)


@dataclass(kw_only=True)
class ClipState:
    """Marks of the inputs of each output of a clip, kept in clips/<name>.json; an output stands while they agree."""

    file: Path
    own_path: Path
    cross_path: Path
    silent_path: Path
    sound: tuple[str, Path] | None
    """Name and video of the clip whose sound the cross video gets."""
    own: str
    cross: str
    silent: str
    """Empty where the clip is not dubbed with silence."""
    score: str
    saved: dict[str, Any]
    result: ClipResult | None = None
    """What was measured; None where that has to be done."""

    @classmethod
    def load(
        cls,
        out_dir: Path,
        name: str,
        sound: tuple[str, Path] | None,
        *,
        own: str,
        cross: str,
        score: str,
        silent: str = "",
    ) -> ClipState:
        """Read what stands; a missing or damaged file means nothing does."""
        file = out_dir / "clips" / f"{name}.json"
        try:
            saved = read_json(file) if file.is_file() else {}
        except UserError:
            saved = {}
        videos = out_dir / "videos"
        other = "" if sound is None else sound[0].replace("/", "-")
        state = cls(
            file=file, own_path=videos / f"{name}.mp4", cross_path=videos / f"{name}__{other}.mp4",
            silent_path=out_dir / "silence" / f"{name}.mp4", sound=sound, own=own, cross=cross, silent=silent,
            score=score, saved=saved,
        )  # fmt: skip
        videos_stand = state.own_stands() and state.silent_stands() and (sound is None or state.cross_stands())
        if videos_stand and saved.get("score") == score:
            state.result = ClipResult.from_plain(saved["result"])
        return state

    def own_stands(self) -> bool:
        """Whether the video with the clip's own sound is there and of this model."""
        return self.saved.get("own") == self.own and self.own_path.is_file()

    def cross_stands(self) -> bool:
        """Whether the video with the other clip's sound is there and of this model."""
        return self.saved.get("cross") == self.cross and self.cross_path.is_file()

    def silent_stands(self) -> bool:
        """Whether the video with silence is there and of this model, or is not wanted."""
        return not self.silent or (self.saved.get("silent") == self.silent and self.silent_path.is_file())

    def save_own(self, stages: dict[str, float | None]) -> None:
        """Note that the own video was written, and what was measured of its drawn faces (see stages.py)."""
        self._save(own=self.own, stages=stages)

    def save_cross(self) -> None:
        """Note that the cross video was written."""
        self._save(cross=self.cross)

    def save_silent(self) -> None:
        """Note that the video with silence was written."""
        self._save(silent=self.silent)

    def save_result(self, result: ClipResult) -> None:
        """Note what was measured; a failed clip is tried again next time."""
        if result.failed is None and result.cross_failed is None:
            self._save(score=self.score, result=result.plain())

    def _save(self, **values: Any) -> None:
        self.saved.update(values)
        write_json(self.file, self.saved)
