"""Any system's videos against the real ones: what has no partner, what is broken, what is silent, what stands."""

from __future__ import annotations

import shutil
from pathlib import Path

import av
import pytest

from talkingface.chain.evaluate_folders import folder_evaluation
from talkingface.config.loader import Overrides
from talkingface.evaluator.measured_video import MeasureSettings
from talkingface.evaluator.metrics.networks import MetricNetworks
from talkingface.evaluator.metrics.registry import make_metrics
from talkingface.evaluator.protocols.folders import evaluate_folders, pair_videos
from talkingface.evaluator.scorer import Scorer
from talkingface.utils.errors import UserError

METRICS = ("psnr", "ssim", "opening_r", "lmd")


def without_sound(source: Path, target: Path) -> None:
    """Copy the picture's packets alone."""
    with av.open(str(source)) as given, av.open(str(target), "w") as made:
        stream = given.streams.video[0]
        copy = made.add_stream_from_template(stream)
        for packet in given.demux(stream):
            if packet.dts is not None:
                packet.stream = copy
                made.mux(packet)


@pytest.fixture(scope="module")
def folders(tiny_clips, tmp_path_factory) -> tuple[Path, Path, Path]:
    root = tmp_path_factory.mktemp("folders")
    made, real = root / "made", root / "real"
    videos = sorted(Path(tiny_clips.data_root).rglob("*.mp4"))[:4]
    for number, name in enumerate(("a/same", "a/silent", "broken", "only_real")):
        for folder in (made, real):
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(videos[number], real / f"{name}.mp4")
    shutil.copy(videos[0], made / "a/same.mp4")
    without_sound(videos[1], made / "a/silent.mp4")
    (made / "broken.mov").write_bytes(b"not a video at all")
    shutil.copy(videos[3], made / "only_made.mp4")
    return made, real, root / "out"


def test_broken_and_silent_ones_do_not_keep_the_rest_from_being_measured(folders):
    made, real, out = folders
    before = sorted((path, path.stat().st_mtime_ns) for one in (made, real) for path in one.rglob("*"))
    paired = pair_videos(made, real)
    assert set(paired.pairs) == {"a/same", "a/silent", "broken"}
    assert paired.without_real == ["only_made"] and paired.without_generated == ["only_real"]
    settings = MeasureSettings(needs_sound=False)
    scorer = Scorer(metrics=make_metrics(METRICS), networks=MetricNetworks(), settings=settings)
    found = evaluate_folders(paired, scorer, out_dir=out, progress=False)
    assert list(found.failed) == ["broken"] and "broken.mov" in found.failed["broken"]
    scores = {one.name: one.model for one in found.clips}
    assert scores["a/same"]["psnr"] == float("inf") and scores["a/same"]["ssim"] == 1 and scores["a/same"]["lmd"] == 0
    assert scores["a/silent"]["psnr"] == float("inf") and found.rows["real"]["clips"] == 2
    assert "only_made" in (out / "evaluation.md").read_text() and "broken.mov" in (out / "evaluation.md").read_text()
    stood = {path: path.stat().st_mtime_ns for path in (out / "clips").rglob("*.json")}
    again = evaluate_folders(paired, scorer, out_dir=out, progress=False)
    assert again.rows == found.rows
    assert {path: path.stat().st_mtime_ns for path in (out / "clips").rglob("*.json")} == stood, "nothing twice"
    assert sorted((path, path.stat().st_mtime_ns) for one in (made, real) for path in one.rglob("*")) == before


def test_mistakes_are_refused_before_any_work(folders, tmp_path):
    made, real, _ = folders
    with pytest.raises(UserError, match=r"no such folder"):
        folder_evaluation(str(tmp_path / "none"), str(real))
    (tmp_path / "empty").mkdir()
    with pytest.raises(UserError, match=r"no video of one has the name"):
        folder_evaluation(str(tmp_path / "empty"), str(real))
    with pytest.raises(UserError, match=r"did you mean psnr\?"):
        folder_evaluation(str(made), str(real), overrides=Overrides(flags={"metrics": "psrn"}))
    with pytest.raises(UserError, match=r"results would be written into"):
        folder_evaluation(str(made), str(real), output=str(real / "results"))
