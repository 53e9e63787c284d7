"""LSE against golden values of the published network with a known fill, and its crops."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import numpy as np
import pytest
import torch

from talkingface.evaluator.metrics import lse as lse_module
from talkingface.evaluator.metrics.lse import LseC, LseD, embed_lips, embed_sound, lse, lse_of, mean_distances, score
from talkingface.evaluator.metrics.lse_input import cut_square, longest_track, mfcc, smoothed_squares, to_pcm
from talkingface.evaluator.metrics.lse_network import SYNCNET_V2, SyncNetV2, load_syncnet
from talkingface.evaluator.metrics.networks import MetricNetworks

sys.path.append(str(Path(__file__).parents[1] / "model"))
from filled import GOLDEN, fill

CPU = torch.device("cpu")


@pytest.fixture(scope="module")
def golden():
    return np.load(GOLDEN / "SyncNetV2/golden.npz")


@pytest.fixture(scope="module")
def network():
    keys = json.loads((GOLDEN / "SyncNetV2/keys.json").read_text())
    made = SyncNetV2().eval()
    assert [name for name, _ in made.named_parameters()] == keys["parameter_names"]
    assert {k: list(v.shape) for k, v in made.state_dict().items()} == {k: v[0] for k, v in keys["state_dict"].items()}
    return fill(made, keys["gain"])


@pytest.fixture(scope="module")
def clip():
    frames = np.random.RandomState(61).randint(0, 256, (30, 224, 224, 3)).astype(np.uint8)
    return frames, np.random.RandomState(62).randint(-8000, 8001, 30 * 640).astype(np.int16)


@pytest.fixture(scope="module")
def embedded(network, clip, golden):
    windows = int(golden["n"])
    lips = embed_lips(iter(clip[0]), network, CPU)
    assert len(lips) == 26
    return lips[:windows], embed_sound(mfcc(clip[1]), windows, network, CPU)


def test_mfcc(clip, golden):
    np.testing.assert_allclose(mfcc(clip[1]).T, golden["mfcc"], rtol=0, atol=1e-9)


def test_embeddings(embedded, golden):
    for got, wanted in zip(embedded, (golden["lip"], golden["aud"]), strict=True):
        np.testing.assert_allclose(got[:3].numpy(), wanted, rtol=0, atol=1e-5 * np.abs(wanted).max())


def test_distances_and_scores(embedded, clip, network, golden):
    means = mean_distances(*embedded, unbiased=False)
    np.testing.assert_allclose(means, golden["mean_dist"], rtol=2e-6)
    for got in (score(means), lse(iter(clip[0]), clip[1], network, CPU).published):
        assert got.distance == pytest.approx(float(golden["lse_d"]), rel=2e-6)
        assert got.confidence == pytest.approx(float(golden["lse_c"]), abs=0.02), "a difference of numbers near 11100"
        assert got.offset == float(golden["offset"])


def test_padding_pulls_and_the_unbiased_score_does_not():
    """Unit steps on a line: sound i is at i, lips i at i + 3, so every shift's distance is |shift - 3|."""
    place = torch.zeros(40, 1024)
    place[:, 0] = 1000 + torch.arange(40)
    lips = place + torch.eye(1, 1024) * 3
    unbiased, padded = mean_distances(lips, place, unbiased=True), mean_distances(lips, place, unbiased=False)
    np.testing.assert_allclose(unbiased, np.abs(np.arange(-15, 16) - 3), atol=1e-3)
    assert score(unbiased).offset == -3
    assert padded[0] > 100, "windows without sound lie 1000 away"
    assert padded[15] == pytest.approx(3, abs=1e-3), "nothing is padded at shift 0"


def test_too_short(network, clip):
    assert np.isnan(lse(iter(clip[0][:8]), clip[1], network, CPU).published.distance)
    assert np.isnan(lse(iter(()), clip[1], network, CPU).unbiased.offset)


def test_pcm():
    assert to_pcm(np.float32([0, 0.5, 1, -1, 2])).tolist() == [0, 16384, 32767, -32768, 32767]


def test_the_longest_track_with_its_gap_filled():
    boxes = np.full((200, 4), np.nan)
    boxes[10:70] = [0, 0, 150, 160]
    boxes[100:120] = [300, 0, 450, 160]
    boxes[130:190] = [310, 0, 460, 160]
    track = longest_track(boxes)
    assert (track.first, len(track.boxes)) == (100, 90)
    assert track.boxes[24, 0] == pytest.approx(300 + 10 * 5 / 11)
    assert longest_track(boxes[:60]) is not None
    assert longest_track(boxes[:50]) is None, "40 frames are too few"
    assert longest_track(boxes / 2) is None, "a face of 80 pixels is too small"
    assert longest_track(np.full((9, 4), np.nan)) is None


def test_the_square_and_its_margin():
    frame = np.zeros((400, 500, 3), np.uint8)
    frame[:, :, 0], frame[:, :, 1] = np.linspace(0, 249, 500), np.linspace(0, 199, 400)[:, None]
    got = cut_square(frame, np.array([250.0, 150.0, 50.0]))
    # 100 px box: x 180..320, y 100..240
    assert got[0, 0, 0] == pytest.approx(90, abs=1) and got[-1, -1, 0] == pytest.approx(160, abs=1)
    assert got[0, 0, 1] == pytest.approx(50, abs=1) and got[-1, -1, 1] == pytest.approx(119, abs=1)
    outside = cut_square(frame, np.array([10.0, 390.0, 50.0]))
    assert (outside[-1, 0] == 110).all() and outside.shape == (224, 224, 3)
    assert (cut_square(frame, np.array([-900.0, 10.0, 50.0])) == 110).all()


def test_smoothing_ignores_one_wild_box():
    boxes = np.tile([100.0, 100, 200, 220], (40, 1))
    boxes[20] += 70
    assert (smoothed_squares(boxes)[6:-6] == [150, 160, 60]).all()


def test_a_file_by_either_protocol(network, tiny_clips, tmp_path, monkeypatch):
    from videos import measured

    video = sorted(Path(tiny_clips.data_root).rglob("*.mp4"))[0]
    from talkingface.utils.media.video import probe

    info = probe(video)
    count = int(info.duration * info.fps)
    networks = MetricNetworks(checkpoints_dir=str(tmp_path), lse_protocol="tight")
    plain = measured(np.zeros(count), fps=info.fps)
    seen = type(plain)(**{**plain.__dict__, "path": video})
    assert LseD().not_measured(_pair(seen, networks).networks) is not None
    monkeypatch.setattr(lse_module, "load_syncnet", lambda path: network)
    (tmp_path / SYNCNET_V2.name).write_bytes(b"")
    pair = _pair(seen, networks)
    assert LseD().not_measured(pair.networks) is None
    assert LseD().calculate_metric(pair) > 0 and LseC().calculate_metric(pair) >= 0
    wild = MetricNetworks(checkpoints_dir=str(tmp_path))
    assert np.isnan(lse_of(seen, wild).published.distance), "no face of 100 pixels"


def _pair(video, networks):
    from talkingface.evaluator.metrics.base import ClipPair

    return ClipPair(real=video, generated=video, networks=networks)


def test_absent_or_wrong_weights_are_named(tmp_path):
    from talkingface.utils.errors import MissingWeightsError

    reason = MetricNetworks(checkpoints_dir=str(tmp_path)).missing((SYNCNET_V2,))
    assert "syncnet_v2.model" in reason and str(tmp_path) in reason and "--lse_weights" in reason
    torch.save({"other": torch.zeros(1)}, tmp_path / SYNCNET_V2.name)
    with pytest.raises(MissingWeightsError, match="does not fit SyncNet v2"):
        load_syncnet(tmp_path / SYNCNET_V2.name)
