"""Files of pretrained weights that the user has to fetch: where they are looked for, how they are read.

Nothing is downloaded. A file is taken from the path given, else from torch's usual cache, else from checkpoints/.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from talkingface.utils.errors import CheckpointError, MissingWeightsError
from talkingface.utils.torch_file import read_torch_file

if TYPE_CHECKING:
    from torch import Tensor


@dataclass(frozen=True, kw_only=True)
class WeightsFile:
    """A file of pretrained weights that the user has to fetch."""

    name: str
    """Its file name."""
    source: str
    """Where it comes from."""
    key: str | None = None
    """Configuration key that may give its place."""


def weights_places(file: WeightsFile, given: str | None, checkpoints_dir: str) -> list[Path]:
    """Where a file is looked for, in order; only the given path where there is one."""
    if given is not None:
        return [Path(given)]
    home = Path(os.environ.get("TORCH_HOME", "~/.cache/torch")).expanduser()
    return [home / "hub/checkpoints" / file.name, Path(checkpoints_dir) / file.name]


def find_weights(file: WeightsFile, given: str | None, checkpoints_dir: str) -> Path | None:
    """Return where the file lies, None where it is absent."""
    return next((path for path in weights_places(file, given, checkpoints_dir) if path.is_file()), None)


def missing_weights(file: WeightsFile, given: str | None, checkpoints_dir: str) -> str:
    """Say which file is absent, where it was looked for, where it comes from and what to do."""
    looked = " or ".join(str(path) for path in weights_places(file, given, checkpoints_dir))
    named = f", or name its place with --{file.key}=..." if file.key is not None else ""
    return f"{file.name}, and there is no {looked}; fetch it from {file.source} and put it there{named}"


def read_weights(path: Path) -> Mapping[str, Tensor]:
    """Return a file's weights by name.

    Raises:
        MissingWeightsError: the file is damaged or holds something else.
    """
    try:
        contents = read_torch_file(path)
    except CheckpointError as error:
        raise MissingWeightsError(str(error)) from error
    if not isinstance(contents, Mapping):
        raise MissingWeightsError(f"{path}: holds a {type(contents).__name__}, wanted a dict of weights")
    return contents
