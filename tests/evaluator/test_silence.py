"""Which clips are dubbed with silence, and what the silence is."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from talkingface.config.schema import RunConfig
from talkingface.evaluator.clip_result import ClipResult, EvalClip
from talkingface.evaluator.protocols.silence import Silence, silent_clips
from talkingface.evaluator.summary import summarise
from talkingface.utils.media.audio import read_audio


def test_clips_are_few_and_spread_over_the_speakers():
    names = [f"{speaker}/{clip}" for speaker in "abcd" for clip in range(5)]
    assert {name[0] for name in silent_clips(names, 4)} == set("abcd")
    assert silent_clips(names, 4) == silent_clips(list(reversed(names)), 4)
    assert silent_clips(names[:2], 4) == set(names[:2])
    assert silent_clips(names, 0) == silent_clips([], 4) == set()


def test_silence_is_zeros_of_the_clip_s_own_length(tiny_clips):
    video = next(Path(tiny_clips.data_root).rglob("*.mp4"))
    clip = EvalClip(name="a", video=video, speaker_seen=True)
    with Silence(clips={"a"}).sound(clip) as path:
        sound = read_audio(path)
        assert len(sound) == len(read_audio(video)) and not np.any(sound)
    assert not path.exists()


def test_the_row_is_of_the_clips_that_were_dubbed_with_silence():
    clips = [ClipResult(name=name, silence=values) for name, values in (("a", {"leakage": 0.2}), ("b", {}))]
    clips.append(ClipResult(name="c", silence={"leakage": 0.4}))
    row = summarise(clips)["silence"]
    assert row["clips"] == 2 and row["leakage"] == pytest.approx(0.3)
    assert "silence" not in summarise(clips[1:2])
    old = {key: value for key, value in clips[0].plain().items() if key != "silence"}
    assert ClipResult.from_plain(old).silence == {}, "results of before are read"


def test_fewer_than_none_is_refused():
    with pytest.raises(ValueError, match="leakage_clips: wanted 0 or more, got -1"):
        RunConfig(leakage_clips=-1)
