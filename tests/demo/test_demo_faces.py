"""What the drawn faces look like to somebody else: a face mesh, a second drawing, a ruler."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import cv2
import numpy as np
import pytest

from talkingface.demo.clip import draw_frames, plan_clip
from talkingface.demo.config import DemoClip
from talkingface.demo.expression import WIDEST, Expression, interocular
from talkingface.demo.head import Head, HeadPose
from talkingface.demo.identity import draw_identity
from talkingface.demo.mouth import MouthShape

if TYPE_CHECKING:
    from talkingface.demo.config import DemoConfig

SIZE = 160


@pytest.fixture(scope="module")
def heads() -> list[Head]:
    return [Head(draw_identity(who, 0), SIZE) for who in (0, 1)]


def openings(frames: list[np.ndarray]) -> np.ndarray:
    """Inner lip distance over eye distance by MediaPipe; NaN where it finds no face."""
    import mediapipe as mp

    found = []
    with mp.solutions.face_mesh.FaceMesh(static_image_mode=False, max_num_faces=1) as mesh:
        for frame in frames:
            faces = mesh.process(cv2.cvtColor(frame, cv2.COLOR_BGR2RGB)).multi_face_landmarks
            at = np.array([[p.x, p.y] for p in faces[0].landmark]) if faces else np.full((468, 2), np.nan)
            found.append(np.hypot(*(at[13] - at[14])) / np.hypot(*(at[33] - at[263])))
    return np.array(found)


def test_written_clips_show_a_face_whose_lips_follow_the_schedule_and_the_sound(tiny_clips: DemoConfig) -> None:
    from talkingface.utils.media.audio import read_audio
    from talkingface.utils.media.video import read_frames

    for who in (0, 1):
        clip = DemoClip(who, 0)
        path = Path(tiny_clips.data_root) / f"{clip.name}.mp4"
        seen, plan = openings(list(read_frames(path))), plan_clip(tiny_clips, clip)
        assert len(seen) == 40 and np.isfinite(seen).all()
        assert np.corrcoef(seen, plan.opening)[0, 1] > 0.92
        sound = np.sqrt((read_audio(path)[: 40 * 640].reshape(40, 640) ** 2).mean(axis=1))
        assert np.corrcoef(seen, np.convolve(sound, [0.25, 0.5, 0.25], "same"))[0, 1] > 0.75
        assert seen[plan.opening < 0.02].mean() < 0.045 and seen.max() > 0.15


def test_same_seed_draws_the_same_bytes(tiny_clips: DemoConfig) -> None:
    from talkingface.demo import clip as module

    clip = DemoClip(1, 1)
    plan = plan_clip(tiny_clips, clip)
    first = [frame for frame, _ in zip(draw_frames(tiny_clips, clip, plan), range(4), strict=False)]
    module._head.cache_clear()
    again = [frame for frame, _ in zip(draw_frames(tiny_clips, clip, plan), range(4), strict=False)]
    assert all((one == two).all() for one, two in zip(first, again, strict=True))
    assert (first[0] != first[3]).any()


def test_lips_meet_at_rest_and_open_by_what_is_asked(heads: list[Head]) -> None:
    for head in heads:
        eyes = interocular(head.rig.rest)
        assert MouthShape.of(head.rig.points(Expression())).gap == pytest.approx(0, abs=1e-6)
        for opening in (0.25, 1.0):
            points = head.rig.points(Expression(opening))
            assert points[14, 1] - points[13, 1] == pytest.approx(opening * WIDEST * eyes, rel=0.08)


def test_an_open_mouth_changes_the_mouth_and_not_the_forehead(heads: list[Head]) -> None:
    for head in heads:
        head.noise[:] = 0
        rng = np.random.default_rng(0)
        shut, wide = (
            head.frame(Expression(opening), HeadPose(), light=1, rng=rng).astype(int) for opening in (0.0, 1.0)
        )
        change = np.abs(wide - shut).sum(axis=2)
        assert not change[: int(0.4 * SIZE)].any()
        # Seen in a face crop of 64 px too.
        box = (slice(int(0.2 * SIZE), int(0.85 * SIZE)), slice(int(0.2 * SIZE), int(0.8 * SIZE)))
        small = [cv2.resize(f[box].astype(np.uint8), (64, 64), interpolation=cv2.INTER_AREA) for f in (shut, wide)]
        assert (np.abs(small[0].astype(int) - small[1]).max(axis=2) > 40).sum() > 60


def test_a_turned_or_closed_triangle_never_tears_the_face(heads: list[Head]) -> None:
    from talkingface.demo.topology import UNDER
    from talkingface.demo.warp import displacement

    for head in heads:
        for expression in (Expression(1, 0, 1, 1, 0.12, 0.07), Expression(0.4, -1, 0, 0, -0.12), Expression(0.6, 1)):
            points = head.rig.points(expression)
            move = displacement(head.rig.rest, points, head.rig.triangles, head.region, under=UNDER)
            assert np.abs(move).max() < 0.25 * SIZE


def test_twelve_people_are_twelve_people() -> None:
    people = [draw_identity(who, 0) for who in range(12)]
    assert people == [draw_identity(who, 0) for who in range(12)]
    assert people[3] != draw_identity(3, 1)
    looks = {(p.base, p.skin, p.hair, p.clothes, round(p.jaw, 2), round(p.length, 2)) for p in people}
    assert len(looks) == 12
    voices = np.array([[p.voice.pitch / 100, p.voice.tract] for p in people])
    apart = np.abs(voices[:, None] - voices[None]).sum(axis=2)[~np.eye(12, dtype=bool)]
    assert apart.min() > 0.005
