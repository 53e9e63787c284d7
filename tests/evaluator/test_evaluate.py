"""A whole evaluation on rendered people, with a model that shows the reference."""

from __future__ import annotations

import json
import shutil
from dataclasses import replace
from pathlib import Path

import pytest
import torch

from talkingface.config.schema import Config, RunConfig
from talkingface.evaluator import EvalClip, evaluate
from talkingface.model.audio_driven_talkingface.hyperlipsbase_config import HyperLipsBaseConfig
from talkingface.utils.errors import UserError
from talkingface.utils.media.video import probe


class Reference(torch.nn.Module):
    calls = 0

    def predict(self, batch):
        Reference.calls += 1
        return batch["input_frames"][:, 3:]


class TinyExpert(torch.nn.Module):
    """Two random towers; only its answers' form matters here."""

    def __init__(self):
        super().__init__()
        self.num_frames = 5
        self.audio_encoder = torch.nn.Sequential(torch.nn.Flatten(), torch.nn.Linear(80 * 16, 8))
        self.face_encoder = torch.nn.Sequential(torch.nn.Flatten(), torch.nn.Linear(15 * 8 * 16, 8), torch.nn.ReLU())

    def embed_audio(self, mel):
        return torch.nn.functional.normalize(self.audio_encoder(mel), dim=1)

    def embed_face(self, face):
        return torch.nn.functional.normalize(self.face_encoder(face), dim=1)

    def window(self, frames):
        return torch.nn.functional.interpolate(frames.flatten(1, 2), (8, 16))


@pytest.fixture(scope="module")
def setting(tiny_clips, tmp_path_factory):
    root = tmp_path_factory.mktemp("evaluation")
    videos = sorted(Path(tiny_clips.data_root).rglob("*.mp4"))[:3]
    broken = root / "broken.mp4"
    broken.write_bytes(b"not a video at all")
    clips = [EvalClip(name=f"p/{k}", video=one, speaker_seen=k > 0) for k, one in enumerate([*videos, broken])]
    config = Config(
        model_name="Stand-in", dataset_name="tiny", run=RunConfig(), dataset=tiny_clips,
        model=HyperLipsBaseConfig(img_size=64),
    )  # fmt: skip
    expert = TinyExpert().train()

    def run(chosen=clips, model=None, out=root / "out", **settings):
        changed = replace(config, run=replace(config.run, **settings))
        return evaluate(model or Reference(), changed, clips=chosen, out_dir=out, expert=expert, progress=False)

    return root / "out", clips, run, expert


@pytest.fixture(scope="module")
def evaluation(setting):
    return setting[2]()


def test_rows_and_the_broken_clip(evaluation, setting):
    assert list(evaluation.failed) == ["p/3"] and "broken.mp4" in evaluation.failed["p/3"]
    rows = evaluation.rows
    counts = {name: row["clips"] for name, row in rows.items()}
    assert counts == {"real": 3, "model": 3, "seen": 2, "new": 1, "cross": 2, "silence": 3}, (
        "one clip's partner is the broken one"
    )
    assert abs(rows["model"]["opening_r"]) < 0.6 and rows["model"]["opening_amplitude"] < 0.6, "a still mouth"
    assert 12 < rows["model"]["psnr"] < 50 and rows["model"]["sync_distance"] is not None
    assert 0 <= rows["silence"]["leakage"] < 0.6, "a still mouth moves as little with silence"
    assert setting[3].training, "the expert's mode is put back"


def test_what_is_written(evaluation, setting):
    out, clips, _, _ = setting
    saved = json.loads((out / "metrics.json").read_text())
    assert saved["clips"] == 3 and len(saved["per_clip"]) == 4
    assert set(saved["protocol"]["metrics"]) >= {"psnr", "opening_r", "sync_offset"}
    for clip in clips[:3]:
        other = saved["pairs"][clip.name]
        own, real = probe(out / "videos" / f"{clip.name}.mp4"), probe(clip.video)
        assert own.frames == real.frames and own.has_audio
        if other != "p/3":
            assert (out / "videos" / f"{clip.name}__{other.replace('/', '-')}.mp4").is_file()
    silent = sorted(path.stem for path in (out / "silence").rglob("*.mp4"))
    assert silent == ["0", "1", "2"] and all(clip["measured_from"] == 13 for clip in saved["per_clip"][:3])
    assert len(list((out / "plots").glob("*.png"))) == 3
    assert (out / "evaluation.md").is_file() and (out / "metrics.csv").is_file()


def test_what_stands_is_not_done_again(evaluation, setting):
    out, _, run, _ = setting
    before = {path: path.stat().st_mtime_ns for path in out.rglob("*.mp4")}
    Reference.calls = 0
    again = run()
    assert {path: path.stat().st_mtime_ns for path in out.rglob("*.mp4")} == before
    # the clip whose partner is broken tries that one video again, which fails before the model is asked
    assert Reference.calls == 0 and again.rows == evaluation.rows


def test_a_copied_project_goes_on_where_it_was(evaluation, setting, tmp_path):
    """Everything lies elsewhere and was written anew, later."""
    out, clips, run, _ = setting
    shutil.copytree(out, tmp_path / "out")
    moved = [replace(one, video=tmp_path / f"{one.name[-1]}.mp4") for one in clips]
    for old, new in zip(clips, moved, strict=True):
        shutil.copyfile(old.video, new.video)
    Reference.calls = 0
    again = run(moved, out=tmp_path / "out")
    assert Reference.calls == 0 and again.rows == evaluation.rows
    noted = json.loads((tmp_path / "out/metrics.json").read_text())["videos"]
    assert noted == {f"p/{k}": [f"../{k}.mp4", f"videos/p/{k}.mp4"] for k in range(3)}


@pytest.mark.parametrize(
    ("key", "value", "again"),
    [
        ("crf", 30, True), ("mel_timing", "published", True), ("generate_pads", (0, 8, 0, 0), True),
        ("paste_feather", 0.2, True), ("loop", "restart", True), ("generate_batch_size", 3, False), ("seed", 0, False),
    ],
)  # fmt: skip
def test_what_changes_the_drawn_video_makes_it_again(evaluation, setting, tmp_path, key, value, again):
    out, clips, run, _ = setting
    for name in ("clips", "videos", "silence"):
        (tmp_path / name / "p").mkdir(parents=True)
    for path in (out / "clips/p").glob("0.*"):
        shutil.copy(path, tmp_path / "clips/p")
    for folder in ("videos/p", "silence/p"):
        shutil.copy(out / folder / "0.mp4", tmp_path / folder)
    Reference.calls = 0
    run(clips[:1], out=tmp_path, **{key: value})
    assert (Reference.calls > 0) is again


def test_other_weights_do_everything_again(evaluation, setting):
    _, clips, run, _ = setting
    model = Reference()
    model.register_buffer("weight", torch.ones(1))
    Reference.calls = 0
    run(clips[:1], model)
    assert Reference.calls > 0


def test_mistakes(setting):
    _, clips, run, _ = setting
    with pytest.raises(UserError, match="there are no test clips"):
        run([])
    with pytest.raises(UserError, match="one name"):
        run([clips[0], clips[0]])
    with pytest.raises(UserError, match=r"none of 1 clips.*broken\.mp4"):
        run(clips[3:])
