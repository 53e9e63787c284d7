"""FID: network and distance against the package pytorch-fid 0.3.0, directions, and the files between clips and set."""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from ladder import LADDERS, face_crops
from scipy.linalg import sqrtm
from videos import measured, pair, scores

from talkingface.evaluator.clip_result import RowClip
from talkingface.evaluator.metrics.fid import FID, INCEPTION, FidInception, FIDMouth, frechet_distance, load_inception
from talkingface.evaluator.metrics.networks import MetricNetworks
from talkingface.evaluator.scorer import Scorer, set_file
from talkingface.utils.errors import MissingWeightsError

sys.path.append(str(Path(__file__).parents[1] / "model"))
from filled import fill, images


@pytest.fixture(scope="module")
def networks(tmp_path_factory):
    folder = tmp_path_factory.mktemp("weights")
    state = fill(FidInception().eval(), 1.3).state_dict()
    torch.save({**state, "fc.weight": torch.zeros(1008, 2048)}, folder / INCEPTION.name)
    return MetricNetworks(checkpoints_dir=str(folder))


def test_features_are_the_packages(networks):
    """Its numbers on the same made-up weights and pictures."""
    got = networks.network(load_inception, INCEPTION).features(images(3, (2, 3, 128, 128), torch.float32))
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


def test_worse_pictures_are_further_and_clips_are_pooled(networks, tmp_path):
    crops, scorer = face_crops(11), Scorer(metrics=[FID()], networks=networks)
    fid = {}
    for name, worsen in {"same": None, **LADDERS}.items():
        for strength in (1, 2, 3) if worsen else (0,):
            made = worsen(crops, strength) if worsen else crops
            both = pair(measured(crops=crops), measured(crops=made))
            both.networks = networks
            scorer.save_set_files(both, tmp_path, f"{name}/{strength}")
            fid[name, strength] = FID().of_set([set_file(tmp_path, f"{name}/{strength}", "fid")])
    assert fid["same", 0] == pytest.approx(0, abs=1e-3)
    assert all(0.01 < fid[kind, 1] < fid[kind, 2] < fid[kind, 3] for kind in LADDERS), fid
    assert scores(both, [FID(), FIDMouth()]) == {}, "one clip has no value"
    clips = [RowClip(name=name, scores={}) for name in ("noise/1", "noise/3")]
    single = [scorer.set_scores([one], tmp_path)["fid"] for one in clips]
    assert single == pytest.approx([fid["noise", 1], fid["noise", 3]])
    assert 0 < scorer.set_scores(clips, tmp_path)["fid"] != single[1]
    set_file(tmp_path, "noise/3", "fid").unlink()
    assert scorer.set_scores(clips, tmp_path) == {"fid": None} and scorer.set_scores(clips[:1], tmp_path)["fid"] > 0


def test_a_set_may_have_more_clips_than_a_process_may_open_files(tmp_path):
    """As LRS2's test list with the usual 1024 open files."""
    resource = pytest.importorskip("resource", reason="the number of open files can be limited on POSIX only")
    files, rng = [tmp_path / f"{number}.npz" for number in range(1100)], np.random.default_rng(0)
    for file in files:
        np.savez(file, real=rng.random((1, 4)), generated=rng.random((1, 4)))
    before = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (256, before[1]))
    try:
        assert FID().of_set(files) >= 0
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, before)


def test_absent_and_wrong_weights(tmp_path):
    both = pair(measured(np.zeros(3)), measured(np.zeros(3)))
    both.networks = MetricNetworks(checkpoints_dir=str(tmp_path))
    assert INCEPTION.name in FID().not_measured(both.networks)
    Scorer(metrics=[FID()], networks=both.networks).save_set_files(both, tmp_path, "clip")
    assert not list(tmp_path.rglob("*.npz"))
    torch.save({"other": torch.zeros(1)}, tmp_path / INCEPTION.name)
    with pytest.raises(MissingWeightsError, match="does not fit"):
        load_inception(tmp_path / INCEPTION.name)
