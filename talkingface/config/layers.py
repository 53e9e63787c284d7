"""The layers below a configuration: which files are read, in which order, and what the user adds to them.

Later layers win:

    defaults of the schemas, and the dataset's folders made from its name
    < properties/overall.yaml < properties/dataset/<name>.yaml < properties/model/<Model>.yaml
    < profile < a checkpoint's own values, where one is used < --config_files < command line

A folder `properties/` of the user, in the working directory, may hold files of the same names. Each is a layer of its
own directly above the package's file of that name, so that it holds only what differs; messages and `--print-config`
call it `your properties/...`. A file there that the package does not have makes a dataset, or a profile, of its own.

A **profile** is this toolkit's addition to the layers its users know: a folder properties/profile/<profile>/ with
an optional all.yaml (every model) and optional <dataset>.yaml and <Model>.yaml files. It exists because one command
may train a chain of models (the expert, then the generator), which need different values of the same key.
`--profile=NAME` chooses it, else the key `profile` of a YAML layer (the last one that has it); `--profile=none`
chooses none.

The configuration that is saved beside a run, and what `--print-config` prints, are files for `--config_files`. They say
of which model and dataset they are, and are refused for others. In a file that is written by hand, `model: NAME` and
`dataset: NAME` say the same, and a command that is given such a file needs no `--model` and `--dataset`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from talkingface.config.keys import NAMES, PARTS, PROFILE
from talkingface.config.schema import ConfigError
from talkingface.config.typed import expand_home
from talkingface.config.yaml_file import OWN_PROPERTIES, PROPERTIES, Entry, FlagText, read_yaml

SHORT_NAMES = {"model": "model_name", "dataset": "dataset_name"}
"""How a user's file may name model and dataset -> how the configuration of a run does."""


@dataclass(frozen=True, kw_only=True)
class Overrides:
    """What the user adds to the files of the toolkit."""

    files: tuple[str, ...] = ()
    """YAML files of `--config_files`, later wins."""
    flags: Mapping[str, Any] = field(default_factory=dict)
    """Command line: key -> text. A caller from Python may give typed values."""
    flags_from: str = "command line"
    """What messages call the place of `flags`."""
    profile: str | None = None
    """`--profile`; None leaves the choice to the files, `none` chooses none."""
    stored: Mapping[str, Any] = field(default_factory=dict)
    """Values of a checkpoint that is to be used as it was trained."""
    stored_from: str = "checkpoint"
    """What messages call the place of `stored`."""
    going_on: Mapping[str, Any] = field(default_factory=dict)
    """Values of a run that is to go on, its `run` and `dataset`: below `stored`, for all models of the command."""
    going_on_from: str = "run"
    """What messages call the place of `going_on`."""


@dataclass(frozen=True, kw_only=True)
class Layers:
    """The entries of every layer, lowest first, by who may give which keys."""

    folders: dict[str, Entry]
    """The dataset's folders."""
    shared: list[dict[str, Entry]]
    """Files for many models: the package's and the user's properties."""
    profiled: list[dict[str, Entry]]
    """The profile's files, above those."""
    stored: dict[str, Any]
    """A checkpoint's own values: above the shared files, below what is given."""
    given: list[dict[str, Entry]]
    """`--config_files` and the command line."""
    profile: str | None
    """Name of the profile in force."""


def read_layers(
    model_name: str,
    dataset_name: str,
    overrides: Overrides,
    *,
    folders: Mapping[str, str],
    asked_for: bool,
    problems: list[str],
) -> Layers:
    """Read every layer of one model on one dataset; `problems` takes a line for each that is found.

    Raises:
        ConfigError: a file cannot be read at all.
    """
    shared = _files("overall", f"dataset/{dataset_name}", f"model/{model_name}", problems=problems)
    files = [_given_file(path, problems) for path in overrides.files]
    wanted = {"model_name": model_name if asked_for else "", "dataset_name": dataset_name}
    for layer in files:
        _check_names(layer, wanted, problems)
    choices = [layer.pop(PROFILE) for layer in (*shared, *files) if PROFILE in layer]
    if overrides.profile is not None:
        choices.append(Entry(overrides.profile, overrides.flags_from))
    profile = _chosen_profile(choices[-1], problems) if choices else None
    names = ("all", dataset_name, model_name) if profile is not None else ()
    profiled = _files(*(f"{PROFILE}/{profile}/{name}" for name in names), problems=problems)
    flags = {
        key: Entry(FlagText(value) if isinstance(value, str) else value, overrides.flags_from)
        for key, value in overrides.flags.items()
    }
    return Layers(
        folders=_dataset_folders(dataset_name, folders), shared=shared, profiled=profiled,
        stored=dict(overrides.stored), given=[*files, flags], profile=profile,
    )  # fmt: skip


def profiles() -> list[str]:
    """Names of the profiles there are, the user's included."""
    return sorted({path.name for root in _roots() for path in (root / PROFILE).glob("*") if path.is_dir()})


def dataset_files() -> list[str]:
    """Names of the datasets that a YAML file describes, the user's included."""
    return sorted({path.stem for root in _roots() for path in (root / "dataset").glob("*.yaml")})


def own_model_files() -> list[Path]:
    """The user's files of models; each is read for the model of its name alone."""
    return sorted(path for root in _roots()[1:] for path in (root / "model").glob("*.yaml"))


def _roots() -> list[Path]:
    """The folders of layers: the package's, then the user's where it is another one."""
    own = OWN_PROPERTIES.is_dir() and OWN_PROPERTIES.resolve() != PROPERTIES.resolve()
    return [PROPERTIES, OWN_PROPERTIES] if own else [PROPERTIES]


def _files(*names: str, problems: list[str]) -> list[dict[str, Entry]]:
    """Of each name the package's file and the user's, as far as there are such."""
    paths = [root / f"{name}.yaml" for name in names for root in _roots()]
    return [read_yaml(path, problems) for path in paths if path.is_file()]


def _given_file(text: str, problems: list[str]) -> dict[str, Entry]:
    """A file of `--config_files`; of one with a mapping for each part, as older runs have, the keys of all three."""
    try:
        path = Path(expand_home(text))
    except ValueError as error:
        raise ConfigError(f"--config_files: {error}") from None
    entries: dict[str, Entry] = {}
    for key, entry in read_yaml(path, problems).items():
        if key in PARTS and isinstance(entry.value, Mapping):
            entries |= {str(inner): Entry(value, entry.where) for inner, value in entry.value.items()}
        else:
            entries[SHORT_NAMES.get(key, key)] = entry
    return entries


def names_in_files(paths: Sequence[str]) -> dict[str, str]:
    """The `model` and `dataset` that files of `--config_files` name, the later ones' where several do.

    Raises:
        ConfigError: a file cannot be read at all; what else is wrong with it is told where it is read whole.
    """
    found: dict[str, str] = {}
    for path in paths:
        layer = _given_file(path, [])
        found |= {short: str(layer[name].value) for short, name in SHORT_NAMES.items() if name in layer}
    return found


def keys_in_files(paths: Sequence[str]) -> set[str]:
    """The keys that files of `--config_files` hold.

    Raises:
        ConfigError: a file cannot be read at all.
    """
    return {key for path in paths for key in _given_file(path, [])}


def _check_names(layer: dict[str, Entry], wanted: Mapping[str, str], problems: list[str]) -> None:
    """Take off the names of a run's configuration; other ones than the command's are a problem."""
    for key in NAMES:
        entry = layer.pop(key, None)
        if entry is not None and wanted[key] and not _same_name(entry.value, wanted[key]):
            problems.append(
                f"{key}: this file is of {entry.value} ({entry.where}), the command of {wanted[key]}; to use what "
                f"else it holds, remove this line"
                + (" and the folders that are not meant" if key == "dataset_name" else "")
            )


def _same_name(given: Any, wanted: str) -> bool:
    """Whether a file's model or dataset is the command's: its name in any case, or the folder of that name."""
    return str(given).casefold() == wanted.casefold() or Path(str(given)).name == wanted


def _chosen_profile(choice: Entry, problems: list[str]) -> str | None:
    if choice.value in (None, "none"):
        return None
    if choice.value in profiles():
        return str(choice.value)
    listed = ", ".join([*profiles(), "none"])
    problems.append(f"{PROFILE}: unknown profile {choice.value!r} ({choice.where}); known: {listed}")
    return None


def _dataset_folders(dataset_name: str, folders: Mapping[str, str]) -> dict[str, Entry]:
    """The lowest layer: dataset/<name>/..., or the folders that the user's path stands for."""
    home = Path("dataset") / dataset_name
    made = {
        "data_root": str(home / "data"),
        "filelist_root": str(home / "filelist"),
        "preprocessed_root": str(home / "preprocessed_data"),
        "packed_root": str(home / "packed"),
    }
    return {key: Entry(value, "dataset's name") for key, value in {**made, **folders}.items()}
