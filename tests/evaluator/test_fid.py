"""FID: network and distance against the package pytorch-fid 0.3.0, directions, and the files between clips and set."""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from ladder import LADDERS, face_crops
from scipy.linalg import sqrtm
from videos import measured, pair

from talkingface.evaluator.metrics.fid import FID, INCEPTION, FidInception, FIDMouth, frechet_distance, load_inception
from talkingface.evaluator.metrics.networks import Judges
from talkingface.evaluator.outcome import add_set_scores, part, save_parts
from talkingface.evaluator.results import ClipResult, own_scores
from talkingface.utils.errors import MissingWeightsError

sys.path.append(str(Path(__file__).parents[1] / "model"))
from filled import fill, images


@pytest.fixture(scope="module")
def judges(tmp_path_factory):
    folder = tmp_path_factory.mktemp("weights")
    state = fill(FidInception().eval(), 1.3).state_dict()
    torch.save({**state, "fc.weight": torch.zeros(1008, 2048)}, folder / INCEPTION.name)
    return Judges(checkpoints_dir=str(folder))


def test_features_are_the_packages(judges):
    """Its numbers on the same made-up weights and pictures."""
    got = judges.network(load_inception, INCEPTION).features(images(3, (2, 3, 128, 128), torch.float32))
    assert got.shape == (2, 2048)
    assert got[0, 1:3].tolist() == pytest.approx([1.2324090, 0.12035020], rel=1e-5)
    assert float(got.mean()) == pytest.approx(0.27161902, rel=1e-5)


@pytest.mark.parametrize("pictures", [(50, 40), (500, 7)])
def test_distance_is_the_formula(pictures):
    draw = np.random.RandomState(4)
    a, b = (draw.standard_normal((count, 6)) * k + k for k, count in enumerate(pictures, 1))
    cov_a, cov_b = np.cov(a, rowvar=False), np.cov(b, rowvar=False)
    wanted = np.square(a.mean(0) - b.mean(0)).sum() + np.trace(cov_a + cov_b - 2 * sqrtm(cov_a @ cov_b).real)
    assert frechet_distance(a, b) == pytest.approx(wanted, rel=1e-9)
    assert frechet_distance(a, a) == pytest.approx(0, abs=1e-9)
    assert frechet_distance(a, a + 2) == pytest.approx(6 * 4)


def test_worse_pictures_are_further_and_clips_are_pooled(judges, tmp_path):
    crops = face_crops(11)
    scores = {}
    for name, worsen in {"same": None, **LADDERS}.items():
        for strength in (1, 2, 3) if worsen else (0,):
            made = worsen(crops, strength) if worsen else crops
            judged = pair(measured(crops=crops), measured(crops=made))
            judged.judges = judges
            save_parts(judged, [FID()], tmp_path, f"{name}/{strength}")
            scores[name, strength] = FID().of_set([part(tmp_path, f"{name}/{strength}", "fid")])
    assert scores["same", 0] == pytest.approx(0, abs=1e-3)
    assert all(0.01 < scores[kind, 1] < scores[kind, 2] < scores[kind, 3] for kind in LADDERS), scores
    assert own_scores(judged, [FID(), FIDMouth()]) == {}, "one clip has no value"
    results = [ClipResult(name=name, speaker_seen=name == "noise/1") for name in ("noise/1", "noise/3")]
    rows = {name: {} for name in ("model", "seen", "new", "real")}
    add_set_scores(rows, results, [FID()], judged, tmp_path)
    assert rows["seen"]["fid"] == pytest.approx(scores["noise", 1]) and rows["real"] == {}
    assert rows["new"]["fid"] == pytest.approx(scores["noise", 3])
    assert 0 < rows["model"]["fid"] != rows["new"]["fid"]
    part(tmp_path, "noise/3", "fid").unlink()
    add_set_scores(rows, results, [FID()], judged, tmp_path)
    assert rows["model"]["fid"] is None and rows["seen"]["fid"] > 0


def test_absent_and_wrong_weights(tmp_path):
    judged = pair(measured(np.zeros(3)), measured(np.zeros(3)))
    judged.judges = Judges(checkpoints_dir=str(tmp_path))
    assert INCEPTION.name in FID().not_measured(judged)
    save_parts(judged, [FID()], tmp_path, "clip")
    assert not list(tmp_path.rglob("*.npz"))
    torch.save({"other": torch.zeros(1)}, tmp_path / INCEPTION.name)
    with pytest.raises(MissingWeightsError, match="does not fit"):
        load_inception(tmp_path / INCEPTION.name)
