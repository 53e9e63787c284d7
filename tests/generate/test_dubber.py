"""The whole way, from files to a file, tested by reading the file back."""

from __future__ import annotations

import threading
import tracemalloc

import cv2
import numpy as np
import pytest
import torch
from stand_ins import (
    FACE,
    Painter,
    Reference,
    SquareDetector,
    config_of,
    dubber_of,
    frame_with_face,
    speechlike,
    write_clip,
)  # fmt: skip

from talkingface.generate import Dubber, DubbingSettings
from talkingface.generate.files import open_face
from talkingface.model.audio_driven_talkingface.hyperlipshr_config import HyperLipsHRConfig
from talkingface.utils.errors import UserError
from talkingface.utils.face.follow import FaceRecord, follow_face
from talkingface.utils.media.audio import read_audio, write_wav
from talkingface.utils.media.video import probe, read_frames

SIZE_BYTES = frame_with_face().nbytes
MOUTH = (slice(58, 66), slice(42, 54))


def dub(face, audio, output, model=None, *, faces=None, watch=None, **keys):
    return dubber_of(model or Painter(), **keys).write(face, audio, output, faces=faces, watch=watch)


@pytest.fixture
def clip(tmp_path):
    """20 frames of 25 fps; no face in 6, 7 and 8."""
    path = tmp_path / "face.mp4"
    write_clip(path, [frame_with_face(60, None if k in (6, 7, 8) else FACE) for k in range(20)])
    return path


def test_a_face_that_is_not_found_for_a_moment_is_drawn_all_the_same(tmp_path):
    """As preparation does; else the old lips flash. Frames that are black stay black."""
    frames = [frame_with_face() for _ in range(20)]
    for k in (6, 7):
        frames[k] = (cv2.blur(frames[k], (31, 31)) * 0.7).astype(np.uint8)  # too dark for the detector
    frames[12] = np.zeros_like(frames[12])
    write_clip(tmp_path / "face.mp4", frames)
    write_wav(tmp_path / "speech.wav", speechlike(0.8), 16000)
    seen = []
    summary = dub(tmp_path / "face.mp4", tmp_path / "speech.wav", tmp_path / "out.mp4", watch=seen.append)
    assert [k for k, one in enumerate(seen) if not one.frame.found] == [6, 7, 12]
    assert [k for k, one in enumerate(seen) if one.box is None] == [12]
    assert (summary.faces_missing, summary.faces_bridged) == (1, 2)
    out = [frame[MOUTH].mean() for frame in read_frames(tmp_path / "out.mp4")]
    assert max(out) < 20, "the lips are the drawn ones throughout, or the frame is black"


def test_frames_length_and_untouched_frames(clip, tmp_path):
    write_wav(tmp_path / "speech.wav", speechlike(0.8), 16000)
    summary = dub(clip, tmp_path / "speech.wav", tmp_path / "new" / "out.mp4")
    out = list(read_frames(tmp_path / "new" / "out.mp4"))
    assert (summary.frames, summary.faces_missing, summary.fps, summary.seconds) == (20, 3, 25.0, 0.8)
    assert len(out) == 20
    mouths = [frame[MOUTH].mean() for frame in out]
    assert [k for k, level in enumerate(mouths) if level > 50] == [6, 7, 8]
    assert abs(mouths[6] - 60) < 4


@pytest.mark.parametrize(("fps", "seconds"), [(25, 0.5), (30, 0.5), (25, 0.1), (24, 1.03)])
def test_the_sound_gives_the_length_at_the_videos_rate(tmp_path, fps, seconds):
    write_clip(tmp_path / "face.mp4", [frame_with_face()] * 20, fps=fps)
    write_wav(tmp_path / "speech.wav", speechlike(seconds), 16000)
    summary = dub(tmp_path / "face.mp4", tmp_path / "speech.wav", tmp_path / "out.mp4")
    info = probe(tmp_path / "out.mp4")
    assert summary.frames == len(list(read_frames(tmp_path / "out.mp4"))) == max(1, round(seconds * fps))
    assert info.fps == pytest.approx(fps) and info.has_audio
    assert info.duration == pytest.approx(seconds, abs=1 / fps)


def test_the_sound_is_where_it_was(clip, tmp_path):
    sound = speechlike(2.0, seed=4)
    write_wav(tmp_path / "speech.wav", sound, 16000)
    dub(clip, tmp_path / "speech.wav", tmp_path / "out.mp4")
    heard = read_audio(tmp_path / "out.mp4")
    loud = [np.convolve(np.abs(one), np.ones(40) / 40, "same")[: len(sound)] for one in (sound, heard)]
    lags = range(-800, 801, 8)
    inner = slice(1000, len(sound) - 2500)
    match = [np.corrcoef(loud[0][inner], np.roll(loud[1], -lag)[inner])[0, 1] for lag in lags]
    assert abs(lags[int(np.argmax(match))]) <= 16, "within a millisecond"


@pytest.mark.parametrize("loop", ["bounce", "restart"])
def test_a_longer_sound_plays_the_video_on(tmp_path, loop):
    levels = [20, 40, 60, 80, 100]
    write_clip(tmp_path / "face.mp4", [frame_with_face(n) for n in levels])
    write_wav(tmp_path / "speech.wav", speechlike(14 / 25), 16000)
    dub(tmp_path / "face.mp4", tmp_path / "speech.wav", tmp_path / "out.mp4", loop=loop)
    seen = [round(float(frame[4:12, 4:12].mean()) / 20) for frame in read_frames(tmp_path / "out.mp4")]
    bounced, restarted = [1, 2, 3, 4, 5, 4, 3, 2, 1, 2, 3, 4, 5, 4], [1, 2, 3, 4, 5] * 3
    assert seen == (bounced if loop == "bounce" else restarted[:14])


def test_playing_backwards_in_chunks(tmp_path, monkeypatch):
    monkeypatch.setattr("talkingface.generate.files.CHUNK_BYTES", 3 * SIZE_BYTES)
    write_clip(tmp_path / "face.mp4", [frame_with_face(10 * k + 10) for k in range(10)])
    frames = open_face(tmp_path / "face.mp4").frames(20)
    seen = [(number, round(float(frame[:8, :8].mean()) / 10) - 1) for number, frame in frames]
    assert seen == [(number, number) for number in (*range(10), *range(8, 0, -1), 0, 1)]


@pytest.mark.parametrize("most_passes", [32, 2])
def test_recorded_faces_are_those_of_the_frames_however_the_reader_plays_on(tmp_path, monkeypatch, most_passes):
    monkeypatch.setattr("talkingface.generate.files.CHUNK_BYTES", 3 * SIZE_BYTES)
    monkeypatch.setattr("talkingface.generate.files.MOST_PASSES", most_passes)  # 2: too long to be played backwards
    x1, y1, x2, y2 = FACE
    write_clip(tmp_path / "face.mp4", [frame_with_face(60, (x1 + 2 * k, y1, x2 + 2 * k, y2)) for k in range(10)])
    write_wav(tmp_path / "speech.wav", speechlike(1.4), 16000)
    record = FaceRecord(SquareDetector())
    list(follow_face(open_face(tmp_path / "face.mp4").frames(10), record.find))
    boxes = []

    def watch(drawn):
        found = SquareDetector().detect(drawn.frame.frame)
        boxes.append((drawn.box.tolist(), found.box.tolist()))

    dub(
        tmp_path / "face.mp4", tmp_path / "speech.wav", tmp_path / "out.mp4", faces=record, watch=watch, box_smoothing=1
    )
    assert len(boxes) == 35 and all(drawn == real for drawn, real in boxes)
    back_again = [number for number, _ in open_face(tmp_path / "face.mp4").frames(35)][10]
    assert back_again == (8 if most_passes == 32 else 0)


def test_a_still_image_is_looked_at_once(tmp_path):
    cv2.imwrite(str(tmp_path / "face.png"), frame_with_face())
    write_wav(tmp_path / "speech.wav", speechlike(1.0), 16000)
    detector = SquareDetector()
    files = (tmp_path / "face.png", tmp_path / "speech.wav", tmp_path / "out.mp4")
    summary = dubber_of(Painter(), detector).write(*files)
    assert (summary.frames, summary.fps, detector.calls) == (25, 25.0, 1)


def test_a_videos_own_sound_and_the_reference_keep_the_picture(clip, tmp_path):
    summary = dub(clip, clip, tmp_path / "out.mp4", Reference())
    assert summary.frames == 20
    for before, after in zip(read_frames(clip), read_frames(tmp_path / "out.mp4"), strict=True):
        assert np.abs(before.astype(int) - after).mean() < 2


class Watcher:
    """Measures the most memory from the first drawn batch on, when sound and mel are there."""

    def __init__(self):
        self.started = False

    def predict(self, batch):
        if not self.started:
            self.started = True
            tracemalloc.reset_peak()
            self.at_start = tracemalloc.get_traced_memory()[0]
        return torch.zeros_like(batch["input_frames"][:, :3])


def test_memory_does_not_grow_with_length(tmp_path):
    write_clip(tmp_path / "face.mp4", [frame_with_face(40 + k % 7) for k in range(20)])

    def growth(seconds):
        write_wav(tmp_path / "speech.wav", speechlike(seconds), 16000)
        watcher = Watcher()
        tracemalloc.start()
        dub(tmp_path / "face.mp4", tmp_path / "speech.wav", tmp_path / "out.mp4", watcher, generate_batch_size=4)
        most = tracemalloc.get_traced_memory()[1] - watcher.at_start
        tracemalloc.stop()
        return most

    short, long = growth(2), growth(12)
    assert 250 * SIZE_BYTES > 6 * 2**20, "what keeping the frames would cost"
    assert long - short < 2**20 / 2


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"face": "gone.mp4"}, "gone.mp4"),
        ({"audio": "gone.wav"}, "gone.wav"),
        ({"output": "face.mp4"}, "input"),
        ({"output": "out.avi"}, ".mp4"),
        ({"face": "speech.wav"}, "video"),
        ({"face": "empty.mp4"}, "no face"),
        ({"face": "grey.png"}, "no face"),
    ],
)
def test_mistakes_are_named_and_leave_nothing_behind(clip, tmp_path, change, words):
    write_wav(tmp_path / "speech.wav", speechlike(0.8), 16000)
    write_clip(tmp_path / "empty.mp4", [frame_with_face(60, None)] * 5)
    cv2.imwrite(str(tmp_path / "grey.png"), frame_with_face(60, None))
    before = {path.name: path.read_bytes() for path in tmp_path.iterdir()}
    names = {"face": "face.mp4", "audio": "speech.wav", "output": "out.mp4", **change}
    with pytest.raises(UserError, match=words):
        dub(*(tmp_path / names[key] for key in ("face", "audio", "output")))
    assert {path.name: path.read_bytes() for path in tmp_path.iterdir()} == before


def test_a_fault_in_the_model_ends_the_threads_and_leaves_no_file(clip, tmp_path):
    class Broken:
        def predict(self, batch):
            raise RuntimeError("out of memory")

    with pytest.raises(RuntimeError, match="out of memory"):
        dub(clip, clip, tmp_path / "out.mp4", Broken())
    assert not (tmp_path / "out.mp4").exists()
    assert not [thread for thread in threading.enumerate() if thread.name == "ahead"]


def test_frames_are_those_that_are_written(clip, tmp_path):
    dubber = dubber_of(Painter(), crf=0)
    made = list(dubber.frames(clip, clip))
    dubber.write(clip, clip, tmp_path / "out.mp4")
    assert len(made) == 20 and all(one.shape == (96, 96, 3) and one.dtype == np.uint8 for one in made)
    for frame, read in zip(made, read_frames(tmp_path / "out.mp4"), strict=True):
        assert np.abs(frame.astype(int) - read).mean() < 2


def test_frames_come_as_they_are_asked_for_and_may_be_left(clip):
    model = Painter()
    dubber = dubber_of(model, generate_batch_size=2)
    stream = dubber.frames(clip, clip)
    assert not model.frames
    next(stream)
    assert len(model.frames) == 1, "one batch"
    stream.close()
    assert not [thread for thread in threading.enumerate() if thread.name == "ahead"]
    assert len(list(dubber.frames(clip, clip))) == 20, "and the next video begins anew"


def test_mistakes_are_told_before_the_first_frame(clip):
    with pytest.raises(UserError, match=r"gone\.wav"):
        dubber_of(Painter()).frames(clip, "gone.wav")


def test_the_detector_is_made_once_when_it_is_needed_and_told_of_each_clip(clip, tmp_path, monkeypatch):
    made = []

    class Made(SquareDetector):
        closed = False

        def __exit__(self, *_exc):
            self.closed = True

    def make(name, weights):
        assert (name, weights) == ("sfd", "w.pth")
        made.append(Made())
        return made[-1]

    monkeypatch.setattr("talkingface.generate.dubber.make_detector", make)
    config = config_of(face_detector="sfd", face_detector_weights="w.pth")
    with Dubber(Painter(), config) as dubber:
        record = FaceRecord(SquareDetector())
        list(follow_face(open_face(clip).frames(20), record.find))
        dubber.write(clip, clip, tmp_path / "out.mp4", faces=record)
        assert not made, "faces are known"
        dubber.write(clip, clip, tmp_path / "out.mp4")
        list(dubber.frames(clip, clip))
        assert len(made) == 1 and made[0].resets == 2 and made[0].calls == 40 and not made[0].closed
    assert made[0].closed
    list(dubber.frames(clip, clip))
    assert len(made) == 2, "a closed one is not asked again"


def test_a_detector_that_was_given_stays_open(clip):
    class Open(SquareDetector):
        def close(self):
            raise AssertionError("is the caller's")

        __exit__ = close

    with dubber_of(Painter(), Open()) as dubber:
        list(dubber.frames(clip, clip))


def test_home_is_found_in_paths(clip, tmp_path, monkeypatch):
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("USERPROFILE", str(tmp_path))
    monkeypatch.chdir(tmp_path)
    assert dub("~/face.mp4", "~/face.mp4", "~/new/out.mp4").frames == 20
    assert (tmp_path / "new" / "out.mp4").is_file() and not (tmp_path / "~").exists()
    before = clip.read_bytes()
    with pytest.raises(UserError, match="input"):
        dub("~/face.mp4", "~/face.mp4", clip)
    assert clip.read_bytes() == before


KEYS = {
    "loop": "restart", "mel_timing": "published", "generate_pads": (0, 10, 0, 0), "crop_pads": (1, 1, 1, 1),
    "paste_feather": 0.2, "paste_chin_room": 0.2, "paste_match_colour": False, "crf": 30, "precision": "bf16",
    "mel_pad_mode": "reflect", "box_smoothing": 1, "face_detector": "sfd", "face_detector_weights": "w.pth",
    "img_size": 48,
}  # fmt: skip


@pytest.mark.parametrize("key", KEYS)
def test_the_mark_changes_with_every_key_that_changes_the_video(key):
    plain = DubbingSettings.of(config_of()).mark()
    assert DubbingSettings.of(config_of(**{key: KEYS[key]})).mark() != plain
    assert DubbingSettings.of(config_of()).mark() == plain


@pytest.mark.parametrize("key", ["detail", "landmark_smoothing", "inference_sketch"])
def test_the_mark_knows_what_the_decoder_does(key):
    base = {"model": HyperLipsHRConfig, "img_size": 128}
    changed = {"detail": 0.5, "landmark_smoothing": 0, "inference_sketch": "published"}[key]
    assert (
        DubbingSettings.of(config_of(**base)).mark() != DubbingSettings.of(config_of(**base, **{key: changed})).mark()
    )


def test_the_mark_does_not_change_with_what_only_costs_time():
    for keys in ({"generate_batch_size": 3}, {"evaluate_batch_size": 3}, {"log_every": 7}, {"show_progress": False}):
        assert DubbingSettings.of(config_of(**keys)).mark() == DubbingSettings.of(config_of()).mark()


def test_settings_that_default_to_others():
    settings = DubbingSettings.of(config_of(crop_pads=(1, 2, 3, 4), evaluate_batch_size=7))
    assert (settings.pads, settings.batch_size) == ((1, 2, 3, 4), 7)
    settings = DubbingSettings.of(config_of(crop_pads=(1, 2, 3, 4), generate_pads=(0, 0, 0, 0), generate_batch_size=2))
    assert (settings.pads, settings.batch_size) == ((0, 0, 0, 0), 2)


def test_settings_reach_the_video(clip, tmp_path):
    """Pads widen the crop, the published timing is a frame later, a coarser quality makes a smaller file."""
    plain, other = Painter(), Painter()
    files = (tmp_path / "a.mp4", tmp_path / "b.mp4")
    dub(clip, clip, files[0], plain, crf=0)
    dub(clip, clip, files[1], other, generate_pads=(0, 10, 0, 0), mel_timing="published", crf=40)
    assert not torch.equal(plain.frames[0], other.frames[0])
    assert torch.equal(torch.cat(plain.mels)[5], torch.cat(other.mels)[4])
    assert files[1].stat().st_size < files[0].stat().st_size
