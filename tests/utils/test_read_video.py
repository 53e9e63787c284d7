"""Reading videos: timestamps, rotation, pixel shape, pixel formats."""

from __future__ import annotations

import gc
from pathlib import Path

import av
import cv2
import numpy as np
import pytest
from media_files import number_of, numbered, quadrants, set_display_matrix, write_video

from talkingface.utils.errors import MediaError
from talkingface.utils.media.audio import write_wav
from talkingface.utils.media.video import is_image, probe, read_frames


def _nearest(times_ms, fps, count):
    """By brute force: the source frame nearest to each output time, a long one until half an output before the next."""
    wanted = []
    for k in range(count):
        at = 1000 * k / fps
        shown = 0
        for j in range(1, len(times_ms)):
            change = max((times_ms[j - 1] + times_ms[j]) / 2, times_ms[j] - 500 / fps)
            if at > change - 1e-6:
                shown = j
        wanted.append(shown)
    return wanted


@pytest.mark.parametrize("fps", [25, 30, 12.5, 60])
@pytest.mark.parametrize(
    "times_ms",
    [
        [40 * k for k in range(20)],
        [round(1000 * k / 30) for k in range(24)],
        [20 * k for k in range(40)],
        [0, 40, 80, 120, 600, 640, 680, 1200, 1213, 1226, 1239, 1300],
        [500 + 100 * k + 13 * (k % 3) for k in range(8)],
    ],
    ids=["25", "30", "50", "pauses", "late jitter"],
)
def test_frames_are_taken_by_their_timestamps(tmp_path, times_ms, fps):
    path = write_video(tmp_path / "a.mkv", [numbered(k) for k in range(len(times_ms))], times_ms=times_ms)
    got = [number_of(frame) for frame in read_frames(path, fps)]
    since = [t - times_ms[0] for t in times_ms]
    assert got == _nearest(since, fps, len(got))
    own = len(got) / fps - since[-1] / 1000  # how long the last frame stays
    assert -0.5 / fps <= own <= 0.13 + 0.5 / fps


def test_constant_rate_is_read_frame_by_frame(tmp_path):
    path = write_video(tmp_path / "a.mp4", [numbered(k) for k in range(30)], options={"bf": "3"})
    assert [number_of(frame) for frame in read_frames(path)] == list(range(30))
    assert [number_of(frame) for frame in read_frames(path, 25)] == list(range(30))
    info = probe(path)
    assert (info.width, info.height, info.fps, info.frames) == (64, 48, 25, 30)
    assert info.duration == pytest.approx(1.2)
    assert not info.has_audio


@pytest.mark.parametrize(
    ("matrix", "wanted"),
    [
        ((0, 1, -1, 0), lambda p: np.rot90(p, -1)),
        ((-1, 0, 0, -1), lambda p: np.rot90(p, 2)),
        ((0, -1, 1, 0), lambda p: np.rot90(p, 1)),
        ((-1, 0, 0, 1), lambda p: p[:, ::-1]),
        ((1, 0, 0, -1), lambda p: p[::-1]),
        ((0, 1, 1, 0), lambda p: p.transpose(1, 0, 2)),
    ],
    ids=["90", "180", "270", "mirror", "upside down", "transpose"],
)
def test_display_rotation_is_applied(tmp_path, matrix, wanted):
    path = write_video(tmp_path / "a.mp4", [quadrants()] * 3)
    set_display_matrix(path, matrix)
    frame = next(read_frames(path))
    expected = wanted(quadrants())
    assert frame.shape == expected.shape
    assert np.abs(frame.astype(int) - expected).mean() < 8
    info = probe(path)
    assert (info.height, info.width) == expected.shape[:2]


def test_pixels_become_square(tmp_path):
    path = write_video(tmp_path / "a.mp4", [quadrants(64, 48)] * 2, sar="3/2")
    frame = next(read_frames(path))
    assert frame.shape == (48, 96, 3)
    assert np.abs(frame.astype(int) - quadrants(96, 48)).mean() < 8
    assert (probe(path).width, probe(path).height) == (96, 48)


@pytest.mark.parametrize(
    ("name", "codec", "pix_fmt"),
    [
        ("odd.mp4", "libx264", "yuv444p"),
        ("ten_bit.mp4", "libx265", "yuv420p10le"),
        ("gray.mkv", "ffv1", "gray"),
        ("alpha.webm", "libvpx-vp9", "yuva420p"),
        ("rgb.mkv", "ffv1", "bgra"),
        ("old.avi", "mpeg4", "yuv420p"),
    ],
)
def test_pixel_formats(tmp_path, name, codec, pix_fmt):
    if codec not in av.codecs_available:
        pytest.skip(f"this PyAV has no {codec}")
    width, height = (63, 47) if pix_fmt == "yuv444p" else (64, 48)
    picture = quadrants(width, height)
    if pix_fmt == "gray":
        picture = np.repeat(cv2.cvtColor(picture, cv2.COLOR_BGR2GRAY)[..., None], 3, axis=2)
    options = {"x265-params": "log-level=none"} if codec == "libx265" else {"crf": "4"} if codec == "libx264" else {}
    path = write_video(tmp_path / name, [picture] * 4, codec=codec, pix_fmt=pix_fmt, options=options)
    frames = list(read_frames(path, 25))
    assert len(frames) == 4
    assert frames[0].dtype == np.uint8 and frames[0].shape == (height, width, 3)
    assert np.abs(frames[-1].astype(int) - picture).mean() < 8


def test_image_gives_one_frame(tmp_path):
    path = tmp_path / "picture.mp4"  # the content counts, not the name
    path.write_bytes(cv2.imencode(".png", quadrants())[1].tobytes())
    assert is_image(path)
    frames = list(read_frames(path, 25))
    assert len(frames) == 1
    assert (frames[0] == quadrants()).all()
    assert not is_image(write_video(tmp_path / "a.png.mp4", [quadrants()]))


def test_reading_is_lazy_and_may_be_left_early(tmp_path):
    path = write_video(tmp_path / "a.mp4", [numbered(k) for k in range(30)])
    frames = read_frames(path)
    assert number_of(next(frames)) == 0
    frames.close()
    path.unlink()


def test_frames_may_be_written_into(tmp_path):
    path = write_video(tmp_path / "a.mp4", [numbered(0), numbered(1)], times_ms=[0, 200])
    levels = []
    for frame in read_frames(path, 25):
        levels.append(number_of(frame))
        frame[:] = 255
    assert levels[:5] == [0] * 5 or levels[:4] == [0] * 4
    assert max(levels) <= 1


def test_only_sound_is_no_video(tmp_path):
    write_wav(tmp_path / "a.mp4", np.zeros(1000, np.float32), 16000)
    with pytest.raises(MediaError, match="only sound"):
        probe(tmp_path / "a.mp4")


def test_memory_does_not_grow_with_the_video(tmp_path):
    def resident():
        return int(Path("/proc/self/statm").read_text().split()[1]) * 4096 / 2**20

    path = write_video(
        tmp_path / "a.mp4", [numbered(k % 40, 640, 360) for k in range(40)] * 6, options={"preset": "ultrafast"}
    )
    gc.collect()
    gc.disable()  # frames must not wait for it
    try:
        frames = read_frames(path)
        for _ in range(40):
            next(frames)
        before = resident()
        for _ in frames:
            pass
        assert resident() - before < 30  # MiB; 200 frames are 65 as YUV, 130 as BGR
    finally:
        gc.enable()
