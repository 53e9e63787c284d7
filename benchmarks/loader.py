"""How fast one loader process gives training samples, against the field's usual way.

    python -m benchmarks.loader            # about a minute
    python -m benchmarks.loader --quick    # some seconds, rougher

Ends with the table of `benchmarks.packed`: raw against JPEG.

Both read the same clips of 10 s (textured JPEG faces of 256 px, 16 kHz wav), made in a temporary folder, and give
samples of 128 px: five target frames, five reference frames, five mel windows and the sync window.

- usual way: list the clip's files, decode ten JPEGs with cv2 and resize them, compute the mel of the whole clip with
  librosa, for every sample; float32 samples;
- packed: HyperLipsBaseDataset over what `pack` wrote; uint8 samples (the device makes them float).

Three rows: `dataset[i]` alone; one worker of torch's DataLoader for both; and one worker again, where ours goes
through SharedBatchLoader (a DataLoader whose workers reuse their shared memory) and the usual way stays as it is. With
the stock DataLoader most of our time is the kernel's, finding and clearing new shared pages for every batch: how much
depends on the machine, so read that row's ratio as a statement about the transport, not about the samples.

The floor: a sample is 2 x 3 x 5 x 128 x 128 bytes of pixels and 6 x 80 x 16 x 4 of mel, 522,240 bytes. A loader
copies it three times at the least: out of the page cache, into the batch, into the training process's view. The
table gives the memory bandwidth measured in the same run and the samples a second that those three copies would allow.
"""

from __future__ import annotations

import argparse
import itertools
import random
import tempfile
import time
from collections.abc import Iterable, Iterator
from pathlib import Path
from statistics import median
from typing import Any

import cv2
import numpy as np
import torch
from torch.utils.data import DataLoader, Dataset

from benchmarks.packed import print_table
from talkingface.config.schema import Config, DatasetConfig, ModelConfig, RunConfig
from talkingface.data.dataprocess.packing import pack
from talkingface.data.dataset.hyperlipsbase_dataset import HyperLipsBaseDataset
from talkingface.data.dataset.shared_batches import SharedBatchLoader

SECONDS, FPS, RATE, FACE, SIZE, BATCH = 10, 25, 16000, 256, 128, 16
PREFETCH = 4  # batches, as in training
SAMPLE_BYTES = 2 * 3 * 5 * SIZE * SIZE + 6 * 80 * 16 * 4


class UsualDataset(Dataset[dict[str, np.ndarray]]):
    """The field's usual way, written from its description: everything anew for every sample."""

    def __init__(self, root: Path, length: int) -> None:
        self.clips, self.length = sorted(root.glob("*/*")), length
        self.basis: np.ndarray | None = None

    def __len__(self) -> int:
        return self.length

    def __getitem__(self, _: int) -> dict[str, np.ndarray]:
        folder = random.choice(self.clips)
        files = list(folder.glob("*.jpg"))
        numbers = {int(path.stem) for path in files}
        starts = [k for k in numbers if k >= 1 and all(k + j in numbers for j in range(5)) and k < SECONDS * FPS - 12]
        start, other = random.sample(starts, 2)
        mel = self._mel(folder / "audio.wav")
        gt, reference = self._window(folder, start), self._window(folder, other)
        masked = gt.copy()
        masked[:, :, SIZE // 2 :] = 0
        indiv = [mel[:, int(80 * (k - 1) / FPS) :][:, :16] for k in range(start, start + 5)]
        return {
            "input_frames": np.concatenate([masked, reference]),
            "gt": gt,
            "indiv_mels": np.stack(indiv)[:, None],
            "mels": mel[None, :, int(80 * start / FPS) :][..., :16].copy(),
        }

    def _window(self, folder: Path, start: int) -> np.ndarray:
        frames = [cv2.resize(cv2.imread(str(folder / f"{k}.jpg")), (SIZE, SIZE)) for k in range(start, start + 5)]
        return (np.asarray(frames) / 255.0).transpose(3, 0, 1, 2).astype(np.float32)

    def _mel(self, path: Path) -> np.ndarray:
        import librosa
        from scipy.signal import lfilter

        wav = librosa.load(path, sr=RATE)[0]
        spectrum = np.abs(librosa.stft(y=lfilter([1, -0.97], [1], wav), n_fft=800, hop_length=200, win_length=800))
        if self.basis is None:
            self.basis = librosa.filters.mel(sr=RATE, n_fft=800, n_mels=80, fmin=55, fmax=7600)
        decibels = 20 * np.log10(np.maximum(1e-5, self.basis @ spectrum)) - 20
        return np.clip((decibels + 100) / 100 * 8 - 4, -4, 4).astype(np.float32)


def make_clips(root: Path, count: int) -> None:
    """Faces with the detail of photographs: smooth shading and fine noise, about 16 kB a JPEG."""
    import soundfile

    rng = np.random.default_rng(0)
    for k in range(count):
        folder = root / "imgs" / "speaker" / f"clip{k}"
        folder.mkdir(parents=True)
        base = cv2.resize(
            rng.integers(40, 215, (12, 12, 3), dtype=np.uint8), (FACE, FACE), interpolation=cv2.INTER_CUBIC
        )
        for number in range(SECONDS * FPS):
            noise = rng.normal(0, 4, (FACE, FACE, 3))
            image = np.clip(np.roll(base, number, axis=1) + noise, 0, 255).astype(np.uint8)
            cv2.imwrite(str(folder / f"{number}.jpg"), image, [cv2.IMWRITE_JPEG_QUALITY, 95])
        soundfile.write(folder / "audio.wav", rng.normal(0, 0.1, SECONDS * RATE).astype(np.float32), RATE)


def make_config(root: Path) -> Config:
    """The configuration of a dataset whose clips are all for training."""
    lists = root / "filelist"
    lists.mkdir()
    clips = sorted((root / "prepared" / "imgs").glob("*/*"))
    (lists / "train.txt").write_text("".join(f"{clip.parent.name}/{clip.name}\n" for clip in clips))
    data = DatasetConfig(
        data_root=str(root / "data"),
        filelist_root=str(lists),
        preprocessed_root=str(root / "prepared"),
        packed_root=str(root / "packed"),
    )
    model = ModelConfig(img_size=SIZE)
    return Config(model_name="benchmark", dataset_name="benchmark", run=RunConfig(), dataset=data, model=model)


def per_process(dataset: Dataset[Any], batches: int) -> Iterator[float]:
    """Samples a second of `dataset[i]` in this process, once for every `batches` batches."""
    numbers = itertools.count()
    while True:
        begin = time.perf_counter()
        for k in itertools.islice(numbers, batches * BATCH):
            dataset[k]
        yield batches * BATCH / (time.perf_counter() - begin)


def with_loader(dataset: Dataset[Any], batches: int) -> Iterator[float]:
    """The same through one worker of torch's DataLoader as it is."""
    return _rates(DataLoader(dataset, batch_sampler=Batches(), num_workers=1, prefetch_factor=PREFETCH), batches)


def with_shared_memory(dataset: Dataset[Any], batches: int) -> Iterator[float]:
    """The usual way through DataLoader as it is, ours through DataLoader with shared memory that is reused."""
    if isinstance(dataset, UsualDataset):
        return with_loader(dataset, batches)
    options: dict[str, Any] = {"largest_batch": BATCH, "num_workers": 1, "prefetch_factor": PREFETCH}
    return _rates(SharedBatchLoader(dataset, batch_sampler=Batches(), **options), batches)


def _rates(loader: Iterable[Any], batches: int) -> Iterator[float]:
    stream = iter(loader)
    while True:
        for _ in range(PREFETCH + 2):  # what was made while nobody asked
            next(stream)
        begin = time.perf_counter()
        for _ in range(batches):
            next(stream)
        yield batches * BATCH / (time.perf_counter() - begin)


def compare(measure: Any, usual: Dataset[Any], packed: Dataset[Any], rounds: int) -> tuple[float, float]:
    """Medians of alternating rounds, so that what else the machine does falls on both. The first is not counted.

    A round reads 30 times as many batches the fast way, so that both take about as long.
    """
    slow, fast = measure(usual, 2), measure(packed, 60)
    pairs = [(next(slow), next(fast)) for _ in range(rounds + 1)][1:]
    return median(pair[0] for pair in pairs), median(pair[1] for pair in pairs)


class Batches(torch.utils.data.Sampler[list[int]]):
    """0 .. 15, 16 .. 31, ..."""

    def __iter__(self) -> Iterator[list[int]]:
        return (list(range(k, k + BATCH)) for k in itertools.count(0, BATCH))


def bandwidth() -> float:
    """Bytes a second of one memory copy in this process."""
    source = np.ones(64 << 20, np.uint8)
    target = np.empty_like(source)
    best = float("inf")
    for _ in range(5):
        begin = time.perf_counter()
        np.copyto(target, source)
        best = min(best, time.perf_counter() - begin)
    return len(source) / best


def main() -> None:
    """Make the data, time both ways, print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="less data and shorter timing")
    quick = parser.parse_args().quick
    cv2.setNumThreads(1)
    torch.set_num_threads(1)
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder)
        make_clips(root / "prepared", 2 if quick else 6)
        config = make_config(root)
        begin = time.perf_counter()
        frames = pack(config.dataset, img_size=SIZE, mel_pad_mode="constant", show_progress=False).frames
        packing = time.perf_counter() - begin
        usual, packed = UsualDataset(root / "prepared" / "imgs", 1 << 30), HyperLipsBaseDataset(config, "train")
        ways = [
            ("in one process", per_process),
            ("DataLoader, one worker", with_loader),
            ("ours: SharedBatchLoader, one worker", with_shared_memory),
        ]
        print(f"| {SIZE} px, clips of {SECONDS} s | usual way, samples/s | packed, samples/s | ratio |")
        print("|---|---|---|---|")
        for name, measure in ways:
            slow, fast = compare(measure, usual, packed, rounds=2 if quick else 7)
            print(f"| {name} | {slow:.1f} | {fast:.0f} | {fast / slow:.1f}x |", flush=True)
        copies = bandwidth()
        print(
            f"\nFloor: {SAMPLE_BYTES} bytes a sample, memory copies {copies / 1e9:.1f} GB/s: three copies allow ",
            end="",
        )
        print(f"{copies / 3 / SAMPLE_BYTES:.0f} samples/s. Packing {frames} frames took {packing:.1f} s, once.\n")
        print_table(config.dataset, quick=quick)


if __name__ == "__main__":
    main()
