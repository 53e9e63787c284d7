"""The weights that a training starts from: which file, its hash, what of it fits, and taking them over.

They may be of a run of ours, of an original project, or of another model with the same network. Parts of a network that
have checkpoints of their own (the Base inside HyperLipsHR) keep those: the row's needs say which.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from torch import Tensor, nn

from talkingface import catalog
from talkingface.config.schema import Config
from talkingface.model.checkpoint import Checkpoint, checkpoint_file
from talkingface.model.fitting import misfits
from talkingface.utils.errors import CheckpointError

KEYS = {"model": "initial_weights", "discriminator": "initial_discriminator"}
"""Part of a training -> configuration key that names the weights it starts from."""
NAMED, LAYERS = 6, 12
"""Weights that do not fit of which a message gives shapes; of the others it names the layers, up to so many."""


@dataclass(frozen=True, kw_only=True)
class InitialWeights:
    """Weights that one part of a training starts from."""

    key: str
    path: Path
    sha256: str
    checkpoint: Checkpoint
    """Its weights stay in the file, mapped: let go of it soon."""

    @property
    def text(self) -> str:
        """Which file, of what training, with its hash: what the plan says."""
        header = self.checkpoint.header
        of = f"{header.model_name}, step {header.step}" if header else "another program's weights"
        return f"{self.path} ({of}; sha256 {self.sha256[:16]}...)"


@dataclass(frozen=True, kw_only=True)
class Fit:
    """What of some weights fits a network."""

    target: nn.Module
    """The part of the network that they are for."""
    fitting: dict[str, Tensor]
    misfits: dict[str, str]
    """Name of a weight -> what is wrong with it."""

    @property
    def layers(self) -> list[str]:
        """The layers of the weights that do not fit."""
        return list(dict.fromkeys(map(_layer, self.misfits)))


def with_hashes(config: Config) -> Config:
    """The configuration with the SHA-256 of the files that its training starts from; one that it has stays.

    Raises:
        CheckpointError: a file is missing, or a hash is given without one.
    """
    found: dict[str, str] = {}
    for part, (given, noted) in config.model.sources.items():
        if given is None and noted is not None:
            raise CheckpointError(f"{KEYS[part]}_sha256: the hash of a file that {KEYS[part]} does not name")
        if given is not None and noted is None:
            found[f"{KEYS[part]}_sha256"] = file_sha256(initial_file(config, part))
    return config.with_model(**found)


def initial_file(config: Config, part: str) -> Path:
    """The file that is given for a part: a file, a run's folder, or a run's name in `saved_dir`.

    Raises:
        CheckpointError: there is none.
    """
    given = str(config.model.sources[part][0])
    named = Path(config.run.saved_dir) / given
    try:
        return checkpoint_file(named if not Path(given).exists() and named.is_dir() else given)
    except CheckpointError as error:
        raise CheckpointError(
            f"{KEYS[part]}: {error}; a run that has started from it goes on without it by --resume=RUN"
        ) from error


def file_sha256(path: Path) -> str:
    """SHA-256 of a file's bytes, as `sha256sum` prints it."""
    about = path.stat()
    return _file_sha256(path, about.st_size, about.st_mtime_ns)


@cache
def _file_sha256(path: Path, size: int, time: int) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def read_initial(config: Config) -> dict[str, InitialWeights]:
    """What the parts of a training start from, by part; empty where it starts afresh.

    Raises:
        CheckpointError: missing, damaged, changed, not finite, or without that part.
    """
    config = with_hashes(config)
    found = {}
    for part, (_, sha256) in config.model.sources.items():
        if sha256 is not None:
            path = initial_file(config, part)
            if (actual := file_sha256(path)) != sha256:
                raise CheckpointError(
                    f"{KEYS[part]}: {path} has the SHA-256 {actual}, the configuration says {sha256}: another file, or "
                    f"a run that was trained on since; to start from it as it is now, --{KEYS[part]}_sha256={actual}"
                )
            checkpoint = Checkpoint.read(path, part=part)
            checkpoint.check_values()
            found[part] = InitialWeights(key=KEYS[part], path=path, sha256=sha256, checkpoint=checkpoint)
    return found


def fit(network: nn.Module, initial: InitialWeights, config: Config) -> Fit:
    """Hold weights against the network, or the other part of a training, that shall start from them.

    Raises:
        CheckpointError: not all of them fit and `initial_strict` wants that, or none does.
    """
    row = catalog.model_row(config.model_name) if config.model_name in catalog.model_names() else None
    target = network
    inside: tuple[str, ...] = ()
    if row is not None and initial.key == KEYS["model"]:
        if initial.checkpoint.header is None and row.foreign_part is not None:
            target = network.get_submodule(row.foreign_part)
        inside = tuple(f"{need.part}." for need in row.needs if need.inside)
    wanted = _without(target.state_dict(), inside)
    given = _without({key.removeprefix("module."): value for key, value in initial.checkpoint.weights.items()}, inside)
    wrong = misfits(wanted, given)
    fitting = {key: value for key, value in given.items() if key in wanted and key not in wrong}
    if not wrong:
        return Fit(target=target, fitting=fitting, misfits={})
    named = "; ".join(list(wrong.values())[:NAMED])
    if len(wrong) > NAMED:
        others = list(dict.fromkeys(_layer(name) for name in list(wrong)[NAMED:]))
        more = f", and {len(others) - LAYERS} more" if len(others) > LAYERS else ""
        named += f"; and {len(wrong) - NAMED} more, of the layers {', '.join(others[:LAYERS])}{more}"
    network_name = type(target).__name__
    network_name = network_name if network_name == config.model_name else f"{config.model_name}'s {network_name}"
    hint = f". {row.not_to_confuse}" if row is not None and row.not_to_confuse else ""
    if not fitting:
        raise CheckpointError(f"{initial.key}: {initial.path}: no weight fits {network_name}: {named}{hint}")
    if not config.model.initial_strict:
        return Fit(target=target, fitting=fitting, misfits=wrong)
    raise CheckpointError(
        f"{initial.key}: {initial.path}: {len(wrong)} weights do not fit {network_name}, {len(fitting)} do: "
        f"{named}{hint}. "
        + ("Of another model? " if len(wrong) > len(fitting) else "")
        + "--initial_strict=false starts from those that fit and leaves the rest fresh"
    )


def take_over(found: Fit) -> None:
    """Load what fits."""
    found.target.load_state_dict(found.fitting, strict=False)


def _layer(name: str) -> str:
    return name.rpartition(".")[0] or name


def _without(weights: Mapping[str, Tensor], inside: tuple[str, ...]) -> dict[str, Tensor]:
    """Weights but those of parts that have checkpoints of their own."""
    return {key: value for key, value in weights.items() if not key.startswith(inside)} if inside else dict(weights)
