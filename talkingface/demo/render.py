"""Render the dataset: `data_root/<speaker>/<clip>.mp4` and the three split lists."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import Any

from talkingface.demo.clip import draw_frames, plan_clip
from talkingface.demo.config import DemoClip, DemoConfig, all_clips, split_clips
from talkingface.utils.errors import UserError
from talkingface.utils.files import TEMP_PREFIX, read_json, write_json
from talkingface.utils.made_files import is_own, write_made
from talkingface.utils.main_guard import check_main_guard
from talkingface.utils.parallel import Result, cores, run_tasks

STAMPS = ".rendered.json"
"""In `data_root`: for each finished clip the settings it was rendered with and its size in bytes."""
VERSION = 1
"""Raised when the same settings come to mean other pictures or sounds."""
CLIP_TIMEOUT = 600.0


def settings(config: DemoConfig) -> dict[str, Any]:
    """Everything a clip's content depends on, apart from who speaks and which take it is."""
    return {
        "version": VERSION,
        "seconds": config.demo_seconds,
        "size": config.demo_size,
        "seed": config.demo_seed,
        "fps": config.fps,
        "sample_rate": config.sample_rate,
    }


def _path(config: DemoConfig, name: str) -> Path:
    return Path(config.data_root) / f"{name}.mp4"


def _read_stamps(config: DemoConfig) -> dict[str, Any]:
    """The stamps of clips rendered earlier.

    Raises:
        UserError: the folder holds videos but no stamps, so they are the user's own.
    """
    folder = Path(config.data_root)
    if (folder / STAMPS).is_file():
        return dict(read_json(folder / STAMPS))
    if any(folder.rglob("*.mp4")):
        raise UserError(
            f"data_root: {folder} holds videos that were not rendered by the demo; wanted an empty or new folder, "
            "so that nothing of yours is replaced; give another one with --data_root"
        )
    return {}


def _is_rendered(config: DemoConfig, name: str, stamps: dict[str, Any]) -> bool:
    path = _path(config, name)
    wanted = {**settings(config), "bytes": path.stat().st_size} if path.is_file() else None
    return wanted is not None and stamps.get(name) == wanted


def _missing_clips(config: DemoConfig, stamps: dict[str, Any]) -> list[DemoClip]:
    """Clips that are absent, unfinished, or made under other settings."""
    return [clip for clip in all_clips(config) if not _is_rendered(config, clip.name, stamps)]


def missing_files(config: DemoConfig) -> list[Path]:
    """Videos and lists that `render_demo` would write; empty where all is done.

    Raises:
        UserError: `data_root` holds somebody else's videos.
    """
    videos = [_path(config, clip.name) for clip in _missing_clips(config, _read_stamps(config))]
    return videos + list(_lists_to_write(config))


def render_clip(config: DemoConfig, clip: DemoClip) -> int:
    """Write one clip; return its size in bytes."""
    from talkingface.utils.media.video import VideoWriter

    plan, path = plan_clip(config, clip), _path(config, clip.name)
    path.parent.mkdir(parents=True, exist_ok=True)
    with VideoWriter(path, fps=config.fps, audio=plan.samples, sample_rate=config.sample_rate) as writer:
        for frame in draw_frames(config, clip, plan):
            writer.write(frame)
    return path.stat().st_size


def _drop_stale(config: DemoConfig, stamps: dict[str, Any]) -> dict[str, Any]:
    """Delete clips that the demo rendered once and that the present settings do not name."""
    wanted = {clip.name for clip in all_clips(config)}
    for name in set(stamps) - wanted:
        path = _path(config, name)
        if path.is_file() and path.stat().st_size == stamps[name]["bytes"]:
            path.unlink()
    return {name: stamp for name, stamp in stamps.items() if name in wanted}


def _lists(config: DemoConfig) -> dict[Path, str]:
    """train.txt, val.txt and test.txt, `<speaker>/<clip>` a line."""
    root = Path(config.filelist_root)
    return {
        root / f"{split}.txt": "".join(f"{clip.name}\n" for clip in clips)
        for split, clips in split_clips(config).items()
    }


def _lists_to_write(config: DemoConfig) -> dict[Path, str]:
    """Lists that are absent or of other settings; none where one is the user's: preparation shares what that leaves."""
    lists = _lists(config)
    found = {path: path.read_text("utf-8") if path.is_file() else None for path in lists}
    if any(is_own(path) and found[path] != text for path, text in lists.items()):
        return {}
    return {path: text for path, text in lists.items() if found[path] != text}


def _clean(config: DemoConfig) -> None:
    """Delete what a killed call left half written."""
    for speaker in sorted({clip.name.split("/")[0] for clip in all_clips(config)}):
        for leftover in (Path(config.data_root) / speaker).glob(f"{TEMP_PREFIX}*"):
            leftover.unlink(missing_ok=True)


def render_demo(config: DemoConfig, *, workers: int | None = None, show_progress: bool = True) -> list[Path]:
    """Render what is missing, then write the split lists, unless one of them is the user's own.

    Clips that were rendered with the same settings are kept, so that an interrupted call goes on where it ended. A clip
    appears under its name only when it is whole.

    Args:
        config: the dataset.
        workers: processes; 0 renders in this one; None takes `prepare_workers`, or one per core where that is 0.
        show_progress: a progress bar.

    Returns:
        The videos, in order of speaker and take.

    Raises:
        UserError: `data_root` holds other videos, or a clip could not be rendered.
    """
    from tqdm import tqdm

    count = workers if workers is not None else cores(config.prepare_workers)
    if count:
        check_main_guard()
    stamps = _drop_stale(config, _read_stamps(config))
    write_json(Path(config.data_root) / STAMPS, stamps)
    _clean(config)
    missing = _missing_clips(config, stamps)
    with tqdm(total=len(missing), desc="render demo", unit="clip", disable=not (show_progress and missing)) as bar:

        def finished(index: int, result: Result) -> None:
            bar.update()
            if result[0] == "ok":
                stamps[missing[index].name] = {**settings(config), "bytes": result[1]}
                write_json(Path(config.data_root) / STAMPS, stamps)

        results = run_tasks(
            partial(render_clip, config), missing, workers=count, timeout=CLIP_TIMEOUT, on_result=finished
        )
    failed = [(clip.name, value) for clip, (kind, value) in zip(missing, results, strict=True) if kind == "failed"]
    if failed:
        raise UserError(
            f"demo: {len(failed)} of {len(missing)} clips could not be rendered (first: {failed[0][0]}: "
            f"{failed[0][1]}); mend that and start again, finished clips are kept"
        )
    for path, text in _lists_to_write(config).items():
        write_made(path, text)
    return [_path(config, clip.name) for clip in all_clips(config)]
