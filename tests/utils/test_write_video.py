"""Writing videos: what is read back is what was written, in colour, length and sound."""

from __future__ import annotations

from fractions import Fraction

import av
import cv2
import numpy as np
import pytest
from media_files import lag, numbered, quadrants, speech_like

from talkingface.utils.errors import MediaError
from talkingface.utils.media.audio import read_audio
from talkingface.utils.media.video import VideoWriter, probe, read_frames


def _picture(width, height, seed=0):
    small = np.random.default_rng(seed).integers(0, 256, (6, 8, 3), dtype=np.uint8)
    return cv2.resize(small, (width, height), interpolation=cv2.INTER_CUBIC)


@pytest.mark.parametrize(("width", "height"), [(320, 240), (1280, 720)], ids=["BT.601", "BT.709"])
def test_colours_come_back(tmp_path, width, height):
    path, picture = tmp_path / "a.mp4", _picture(width, height)
    with VideoWriter(path, fps=25, crf=12) as writer:
        for _ in range(3):
            writer.write(picture)
    difference = list(read_frames(path))[-1].astype(float) - picture
    assert np.abs(difference.mean(axis=(0, 1))).max() < 0.25  # no step in any channel
    assert 10 * np.log10(255**2 / np.mean(difference**2)) > 40
    with av.open(str(path)) as container:
        stream = container.streams.video[0]
        frame = next(container.decode(stream))
        assert frame.colorspace == (1 if height >= 720 else 6)
        assert frame.color_range == 1
        assert stream.codec_context.pix_fmt == "yuv420p"


def test_generations_do_not_drift(tmp_path):
    path, picture = tmp_path / "a.mp4", cv2.GaussianBlur(_picture(128, 128), (0, 0), 3)
    frame = picture
    for _ in range(4):
        with VideoWriter(path, fps=25, crf=8) as writer:
            writer.write(frame)
        frame = next(read_frames(path))
    assert np.abs((frame.astype(float) - picture).mean(axis=(0, 1))).max() < 0.4


def test_odd_sizes_are_padded_by_their_edge(tmp_path):
    path, picture = tmp_path / "a.mp4", quadrants(63, 47)
    with VideoWriter(path, fps=25, crf=4) as writer:
        writer.write(picture)
    frame = next(read_frames(path))
    assert frame.shape == (48, 64, 3)
    assert np.abs(frame[:47, :63].astype(int) - picture).mean() < 8
    assert np.abs(frame[47].astype(int) - frame[46]).mean() < 4


@pytest.mark.parametrize("fps", [25, Fraction(30000, 1001), 29.97, 12])
def test_video_lasts_frames_over_fps(tmp_path, fps):
    path = tmp_path / "a.mp4"
    with VideoWriter(path, fps=fps, audio=speech_like(0.5, 16000)) as writer:
        for k in range(37):
            writer.write(numbered(k))
    with av.open(str(path)) as container:
        stream = container.streams.video[0]
        assert stream.duration * stream.time_base == pytest.approx(37 / float(fps), rel=1e-4)
        times = [float(frame.pts * frame.time_base) for frame in container.decode(stream)]
    assert times == pytest.approx([k / float(fps) for k in range(37)], abs=1e-3)
    assert probe(path).frames == 37


@pytest.mark.parametrize(("seconds", "rate"), [(1.2, 16000), (2.0831, 16000), (0.7, 16000), (1.3, 44100)])
def test_sound_comes_back_in_step_and_in_full(tmp_path, seconds, rate):
    path, given = tmp_path / "a.mp4", speech_like(seconds, rate)
    with VideoWriter(path, fps=25, audio=given, sample_rate=rate) as writer:
        for k in range(30):
            writer.write(numbered(k))
    heard = read_audio(path, rate)
    assert len(heard) == len(given)
    assert lag(heard, given) == 0
    assert np.corrcoef(heard, given)[0, 1] > 0.9


def test_index_comes_before_the_data(tmp_path):
    path = tmp_path / "a.mp4"
    with VideoWriter(path, fps=25) as writer:
        writer.write(numbered(0))
    data = path.read_bytes()
    assert data.index(b"moov") < data.index(b"mdat")


def test_an_error_leaves_the_old_file_and_nothing_else(tmp_path):
    path = tmp_path / "a.mp4"
    path.write_bytes(b"old")
    with pytest.raises(RuntimeError), VideoWriter(path, fps=25) as writer:
        writer.write(numbered(0))
        raise RuntimeError
    assert path.read_bytes() == b"old"
    assert [p.name for p in tmp_path.iterdir()] == ["a.mp4"]


def test_no_frames_is_an_error(tmp_path):
    with pytest.raises(MediaError, match="no frame"), VideoWriter(tmp_path / "a.mp4", fps=25):
        pass
    assert not list(tmp_path.iterdir())


def test_place_that_cannot_be_written(tmp_path):
    (tmp_path / "file").touch()
    for path in (tmp_path / "file" / "a.mp4", tmp_path):
        with pytest.raises(MediaError), VideoWriter(path, fps=25):
            pass


def test_wrong_frames_are_refused(tmp_path):
    with VideoWriter(tmp_path / "a.mp4", fps=25) as writer:
        writer.write(numbered(0))
        with pytest.raises(ValueError, match="64x48"):
            writer.write(numbered(0, 32, 32))
        with pytest.raises(ValueError, match="uint8"):
            writer.write(numbered(0).astype(np.float32))
