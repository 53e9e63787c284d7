"""Which clips are for training, validation and test."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

import numpy as np

from talkingface.config.schema import DatasetConfig
from talkingface.data.dataprocess.steps.list_check import video_of
from talkingface.data.dataset.filelist import SPLITS, check_disjoint, list_path, read_lists, write_list

MIN_SPEAKERS = 10
"""From this many speakers on, no speaker is in two lists."""


@dataclass(frozen=True)
class Lists:
    """The split lists after preparation."""

    sizes: Mapping[str, int]
    """Prepared clips by split."""
    made: tuple[str, ...] = ()
    """Splits whose list was written now."""
    unknown: Mapping[str, list[str]] = field(default_factory=dict)
    """Listed clips that are not among the prepared ones, by split."""
    unlisted: int = 0
    """Prepared clips that are in no list."""


def make_lists(config: DatasetConfig, sources: Mapping[str, str]) -> Lists:
    """Write the lists that do not exist; keep and check those that do.

    Missing lists share the clips that no existing list names. No speaker is in two of them where there are at
    least 10 speakers, else no source video where there are at least 3.

    Args:
        sources: for each prepared clip, what it was cut from; the same for videos that are the same.

    Raises:
        UserError: a clip is in two of the user's lists.
    """
    lists = read_lists(config.filelist_root)
    check_disjoint(lists, config.filelist_root)
    missing = [split for split in SPLITS if split not in lists]
    listed = {name for names in lists.values() for name in names}
    taken = {_unit(name, sources[name]) for name in listed if name in sources}
    free = {name: source for name, source in sources.items() if _unit(name, source) not in taken}
    made = []
    if missing and free:
        for split, names in split_clips(free, config, missing).items():
            write_list(list_path(config.filelist_root, split), names)
            lists[split] = names
            made.append(split)
    known = sources.keys()
    unknown = {split: [name for name in names if name not in known] for split, names in lists.items()}
    return Lists(
        sizes={split: len(known & set(lists.get(split, ()))) for split in SPLITS},
        made=tuple(made),
        unknown={split: names for split, names in unknown.items() if names},
        unlisted=len(known - {name for names in lists.values() for name in names}),
    )


def split_clips(
    sources: Mapping[str, str], config: DatasetConfig, splits: Iterable[str] = SPLITS
) -> dict[str, list[str]]:
    """Share clips among splits, by speaker, source video or clip, whichever is the coarsest that suffices.

    Training gets at least one unit; from three units on (two, where two splits are wanted) so does each split
    whose fraction is above 0.
    """
    splits = list(splits)
    units = _units(sources)
    names = sorted(units)
    order = [names[k] for k in np.random.default_rng(config.split_seed).permutation(len(names))]
    fractions = {"val": config.val_fraction, "test": config.test_fraction}
    chosen: dict[str, list[str]] = {split: [] for split in splits}
    left = len(order) - ("train" in splits)
    for split in ("val", "test"):
        if split in splits and fractions[split] > 0:
            count = min(left, max(1, round(fractions[split] * len(order))))
            chosen[split] = [order.pop() for _ in range(count)]
            left -= count
    if "train" in splits:
        chosen["train"] = order
    return {split: sorted(name for unit in units_ for name in units[unit]) for split, units_ in chosen.items()}


def _units(sources: Mapping[str, str]) -> dict[str, list[str]]:
    """Clips that must stay together."""
    by_source = _group((source, name) for name, source in sources.items())
    speakers = _speakers(by_source)
    by_speaker = _group((speakers[name.split("/")[0]], name) for name in sources)
    if len(by_speaker) >= MIN_SPEAKERS:
        return by_speaker
    if len(by_source) >= len(SPLITS):
        return by_source
    units = _group((_unit(name, source), name) for name, source in sources.items())
    return {names[0]: names for names in units.values()}


def _unit(name: str, source: str) -> str:
    """What a clip has in common with those of videos that are the same: the source and the piece of it."""
    return source + name.removeprefix(video_of(name))


def _speakers(by_source: Mapping[str, list[str]]) -> dict[str, str]:
    """For each speaker the one that stands for him: the same for two who have a video in common."""
    stands: dict[str, str] = {}

    def root(speaker: str) -> str:
        while stands.setdefault(speaker, speaker) != speaker:
            speaker = stands[speaker]
        return speaker

    for names in by_source.values():
        first, *others = sorted({root(name.split("/")[0]) for name in names})
        stands.update(dict.fromkeys(others, first))
    return {speaker: root(speaker) for speaker in list(stands)}


def _group(pairs: Iterable[tuple[str, str]]) -> dict[str, list[str]]:
    groups: dict[str, list[str]] = {}
    for key, name in pairs:
        groups.setdefault(key, []).append(name)
    return groups
