"""What packing faces as JPEG costs and saves, against raw, in one run.

    python -m benchmarks.packed                                                # made-up faces, half a minute
    python -m benchmarks.packed --prepared=dataset/mine/preprocessed_data      # your own, the first 8 clips of them

Rates are samples a second of one core's processor time (`dataset[i]` in this process), so that what else the machine
does counts less; formats take turns, medians are printed. A generator's sample of T frames reads 2T faces, an expert's
T, a sample of the HR decoder two faces, two sketches and a mask.
"""

from __future__ import annotations

import argparse
import tempfile
import time
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from pathlib import Path
from statistics import median
from typing import Any

import cv2
import numpy as np
import torch

from talkingface.config.schema import Config, DatasetConfig, ModelConfig, RunConfig
from talkingface.data.dataprocess.packing import pack
from talkingface.data.dataprocess.steps.folders import find_clip_folders, frame_files
from talkingface.data.dataprocess.steps.hr_folders import pictures_state
from talkingface.data.dataprocess.steps.pack_hr import PackHRTask, pack_hr_clip
from talkingface.data.dataset.hr_store import LINES, PICTURES, HRClip, hr_path, side_of
from talkingface.data.dataset.hyperlipsbase_dataset import HyperLipsBaseDataset
from talkingface.data.dataset.store import Clip, open_clips
from talkingface.data.dataset.syncnet_dataset import SyncNetDataset

FORMATS = ("raw", "jpeg")
SIZE, HR_SIZE, HR_FRAMES, MOST_CLIPS = 128, 512, 12, 8


def config_of(data: DatasetConfig, num_frames: int) -> Config:
    """The configuration of a model that reads such windows."""
    model = ModelConfig(img_size=SIZE, num_frames=num_frames)
    return Config(model_name="benchmark", dataset_name="benchmark", run=RunConfig(), dataset=data, model=model)


def rates(ways: dict[str, Callable[[int], Any]], *, seconds: float, rounds: int) -> list[str]:
    """Calls a second of processor time, by way; each round calls all ways in turn."""
    found: dict[str, list[float]] = {name: [] for name in ways}
    for k in range(rounds + 1):
        for name, call in ways.items():
            count, began = 0, time.thread_time()
            while (spent := time.thread_time() - began) < seconds:
                for _ in range(8):
                    call(count)
                    count += 1
            if k:  # the first round reads files and fills caches
                found[name].append(count / spent)
    return [f"{median(values):.0f}" for values in found.values()]


def psnr(one: np.ndarray, other: np.ndarray) -> float:
    """Of two stacks of pictures, over all pixels."""
    return float(10 * np.log10(255**2 / np.square(one.astype(np.float64) - other).mean()))


def read_five(clip: Clip, starts: int, k: int) -> np.ndarray:
    """Five faces in a row, decoded or copied."""
    return np.array(clip.frames[k % starts : k % starts + 5])


def read_all(clip: HRClip, k: int) -> dict[str, np.ndarray]:
    """The pictures of one frame, decoded or copied."""
    frame = clip.frame(k % clip.count)
    return {key: np.array(frame[key]) for key in PICTURES}


def face_rows(data: DatasetConfig, *, seconds: float, rounds: int) -> list[list[str]]:
    """Rows of the table about faces of 128 px."""
    configs = [replace(data, pack_format=kind) for kind in FORMATS]
    sizes = []
    for config in configs:
        frames = pack(config, img_size=SIZE, show_progress=False).frames
        clips = open_clips(config, "train", SIZE, "constant")
        sizes.append(f"{sum(clip.frames_path.stat().st_size for clip in clips) / frames:.0f}")
    stacks = []
    for config in configs:
        shown = [np.asarray(clip.frames)[clip.present][::10] for clip in open_clips(config, "train", SIZE, "constant")]
        stacks.append(np.concatenate(shown))
    rows = [["bytes a face", *sizes], ["PSNR, dB", "", f"{psnr(*stacks):.1f}"]]
    first = {config.pack_format: open_clips(config, "train", SIZE, "constant")[0] for config in configs}
    starts = first["raw"].num_frames - 5
    ways = {name: partial(read_five, clip, starts) for name, clip in first.items()}
    rows.append(["fives of faces/s", *rates(ways, seconds=seconds, rounds=rounds)])
    for what, kind, num_frames in (
        ("generator, T=5", HyperLipsBaseDataset, 5),
        ("generator, T=1", HyperLipsBaseDataset, 1),
        ("expert, T=5", SyncNetDataset, 5),
    ):
        datasets = {one.pack_format: kind(config_of(one, num_frames), "train") for one in configs}
        calls = {name: dataset.__getitem__ for name, dataset in datasets.items()}
        rows.append([f"samples/s: {what}", *rates(calls, seconds=seconds, rounds=rounds)])
    return rows


def hr_rows(data: DatasetConfig, root: Path, *, seconds: float, rounds: int) -> list[list[str]]:
    """Rows of the table about HR frames of 512 px: prepared faces enlarged, with lines like a sketch's."""
    folder = next(iter(find_clip_folders(data.preprocessed_root).values()))
    for number, path in list(frame_files(folder).items())[:HR_FRAMES]:
        face = cv2.imread(str(path))
        for key, name in PICTURES.items():
            side = side_of(key, HR_SIZE)
            picture = cv2.resize(face, (side, side), interpolation=cv2.INTER_CUBIC)
            if key in LINES:
                picture[:] = 0
                for k in range(1, 8):
                    centre = (side // 2 + k, side // 2 + number)
                    cv2.ellipse(picture, centre, (side * k // 18, side * k // 16), 0, 0, 360, (255, 255, 255), 2)
            place = root / name / "s/a"
            place.mkdir(parents=True, exist_ok=True)
            cv2.imwrite(str(place / f"{number}.jpg"), picture, [cv2.IMWRITE_JPEG_QUALITY, 98])
    clips, sizes = {}, []
    for kind in FORMATS:
        config = replace(data, pack_format=kind)
        task = PackHRTask(
            name="s/a",
            root=root,
            state=pictures_state(root, "s/a"),
            path=hr_path(config, HR_SIZE, "s/a"),
            img_size=HR_SIZE,
            pack_format=config.pack_format,
        )
        pack_hr_clip(task)
        facts = task.record()
        assert facts is not None and "reason" not in facts, facts
        clips[kind] = HRClip("s/a", task.path, facts["offset"], facts["frames"], HR_SIZE, config.pack_format)
        sizes.append(f"{task.path.stat().st_size / facts['frames']:.0f}")
    ways = {kind: partial(read_all, clip) for kind, clip in clips.items()}
    return [["bytes an HR frame, 512 px", *sizes], ["HR frames/s", *rates(ways, seconds=seconds, rounds=rounds)]]


def print_table(data: DatasetConfig, *, quick: bool = False) -> None:
    """Pack both ways, time both, print."""
    timing: dict[str, Any] = {"seconds": 0.2 if quick else 0.5, "rounds": 2 if quick else 5}
    with tempfile.TemporaryDirectory() as folder:
        rows = [*face_rows(data, **timing), *hr_rows(data, Path(folder), **timing)]
    print(f"| faces of {SIZE} px, one core | raw | jpeg |\n|---|---:|---:|")
    for row in rows:
        print(f"| {' | '.join(row)} |")


def main() -> None:
    """Pack into a temporary folder; what is prepared is only read."""
    from benchmarks.loader import make_clips

    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--prepared", type=Path, help="a folder of prepared clips")
    parser.add_argument("--quick", action="store_true", help="shorter timing")
    given = parser.parse_args()
    cv2.setNumThreads(1)
    torch.set_num_threads(1)
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder)
        prepared = given.prepared or root / "prepared"
        if given.prepared is None:
            make_clips(prepared, 2)
        (root / "filelist").mkdir()
        names = list(find_clip_folders(prepared))[:: max(1, len(find_clip_folders(prepared)) // MOST_CLIPS)]
        (root / "filelist" / "train.txt").write_text("".join(f'"{name}"\n' for name in names), encoding="utf-8")
        data = DatasetConfig(
            data_root="", filelist_root=str(root / "filelist"), preprocessed_root=str(prepared),
            packed_root=str(root / "packed"), prepare_workers=1,
        )  # fmt: skip
        print_table(data, quick=given.quick)


if __name__ == "__main__":
    main()
