"""Folders of the second stage's pictures: `<root>/{GT_IMG, ...}/<speaker>/<clip>/N.jpg`, ours or made elsewhere."""

from __future__ import annotations

from pathlib import Path

from talkingface.config.schema import DatasetConfig
from talkingface.data.dataprocess.steps.folders import find_clip_folders, folder_fingerprint, frame_files
from talkingface.data.dataset.hr_store import PICTURES
from talkingface.utils.errors import UserError

SPELLINGS = ("HR_Train_Dateset", "HR_Train_Dataset")
"""The original projects' name of the folder, and what it was meant to be."""


def own_root(config: DatasetConfig, img_size: int) -> Path:
    """Where pictures of one size are made: beside nobody else's."""
    return Path(config.preprocessed_root) / f"hr_{img_size}" / SPELLINGS[0]


def given_root(config: DatasetConfig, hr_root: str | None) -> Path | None:
    """Pictures made elsewhere: in the folder that is configured, else in preprocessed_root; None where there are none.

    Raises:
        UserError: the configured folder lacks one of the five.
    """
    if hr_root is not None:
        root = Path(hr_root)
        root = next((root / name for name in SPELLINGS if (root / name).is_dir()), root)
        absent = [folder for folder in PICTURES.values() if not (root / folder).is_dir()]
        if absent:
            raise UserError(
                f"hr_root: {root} has no {', '.join(absent)}; wanted the folders {', '.join(PICTURES.values())}"
            )
        return root
    places = [Path(config.preprocessed_root) / name for name in SPELLINGS]
    return next((place for place in places if (place / PICTURES["gt_img"]).is_dir()), None)


def clips_with_pictures(root: Path) -> list[str]:
    """Names of the clips under a root, sorted."""
    return list(find_clip_folders(root / PICTURES["gt_img"]))


def whole_frames(root: Path, name: str) -> dict[int, dict[str, Path]]:
    """Files by batch key of each frame of a clip that has all five, by frame number."""
    files = {key: _files(root / folder / name) for key, folder in PICTURES.items()}
    numbers = set.intersection(*(set(found) for found in files.values()))
    return {number: {key: found[number] for key, found in files.items()} for number in sorted(numbers)}


def pictures_fingerprint(root: Path, name: str) -> str:
    """Changes when one of a clip's pictures is added, removed or written anew."""
    folders = [root / folder / name for folder in PICTURES.values()]
    return "+".join(folder_fingerprint(folder) if folder.is_dir() else "0" for folder in folders)


def _files(folder: Path) -> dict[int, Path]:
    return frame_files(folder) if folder.is_dir() else {}
