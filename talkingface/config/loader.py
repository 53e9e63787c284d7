"""Layers of settings to one typed `Config`; later layers win:

    defaults of the schemas, and the dataset's folders made from its name
    < properties/overall.yaml < properties/dataset/<name>.yaml < properties/model/<Model>.yaml
    < profile < a checkpoint's own values, where one is used < --config_files < command line

A **profile** is this toolkit's addition to the layers its users know: a folder properties/profile/<profile>/ with
an optional all.yaml (every model) and optional <Model>.yaml files. It exists because one command may train a chain
of models (the expert, then the generator), which need different values of the same key. `--profile=NAME` chooses
it, else the key `profile` of a YAML layer (the last one that has it); `--profile=none` chooses none.

Keys are flat and each belongs to exactly one schema: run, dataset, or the model's own.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import MISSING, dataclass, field, fields
from difflib import get_close_matches
from pathlib import Path
from typing import Any

from talkingface.config.schema import Config, ConfigError, DatasetConfig, ModelConfig, RunConfig
from talkingface.config.typed import coerce, field_types
from talkingface.config.yaml_file import PROPERTIES, Entry, FlagText, read_yaml

PROFILE = "profile"
ALIASES = {
    "batch_size": "train_batch_size",
    "eval_batch_size": "evaluate_batch_size",
    "worker": "num_workers",
    "syncnet_T": "num_frames",
    "lr": "learning_rate",
    "weight_decay_rate": "weight_decay",
    "epoch": "epochs",
    "checkpoint_dir": "saved_dir",
}
"""Keys that users of talkingface-toolkit know -> our name for them."""


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


@dataclass(frozen=True, kw_only=True)
class Schemas:
    """The types one configuration is checked against."""

    dataset: type[DatasetConfig]
    model: type[ModelConfig]
    elsewhere: Callable[[], set[str]] = set
    """Keys of other models. A shared file may set them; they do not concern this model."""

    def of(self, key: str) -> type | None:
        """The schema that declares `key`."""
        return next((schema for schema in self.all() if key in {spec.name for spec in fields(schema)}), None)

    def all(self) -> tuple[type[RunConfig], type[DatasetConfig], type[ModelConfig]]:
        return (RunConfig, self.dataset, self.model)


@dataclass(frozen=True, kw_only=True)
class Resolved:
    """A configuration, and where each of its values came from."""

    config: Config
    origin: Mapping[str, str]
    """Key -> `properties/overall.yaml:7`, `command line`, `default` or `dataset's name`."""
    profile: str | None
    """Name of the profile in force."""


def load_config(
    *,
    model_name: str,
    dataset_name: str,
    schemas: Schemas,
    overrides: Overrides | None = None,
    folders: Mapping[str, str] | None = None,
    asked_for: bool = True,
) -> Resolved:
    """Resolve all layers for one model on one dataset.

    Args:
        model_name: decides properties/model/<model_name>.yaml and the profile's file.
        dataset_name: decides properties/dataset/<dataset_name>.yaml and the default folders.
        schemas: types of the three parts.
        overrides: the user's own files and flags.
        folders: dataset folders that differ from dataset/<dataset_name>/...
        asked_for: whether this is the model that the user named. A model that is only needed by it takes from the
            overrides the keys of the run and the dataset, not those of the model asked for.

    Raises:
        ConfigError: all that is wrong, one line per problem.
    """
    overrides = overrides or Overrides()
    problems: list[str] = []
    layers, profile = _read_layers(model_name, dataset_name, overrides, problems)
    user_layers = len(overrides.files) + 2
    merged: dict[str, Entry] = _default_folders(dataset_name, folders or {})
    for index, layer in enumerate(layers):
        from_user = index >= len(layers) - user_layers
        known = _known(layer, schemas, strict=from_user and asked_for, problems=problems)
        if from_user and not asked_for:
            known = {key: entry for key, entry in known.items() if key not in field_types(schemas.model)}
        merged.update(known)
    return _build(model_name, dataset_name, schemas, merged, problems, profile)


def _read_layers(
    model_name: str, dataset_name: str, overrides: Overrides, problems: list[str]
) -> tuple[list[dict[str, Entry]], str | None]:
    """All layers in order, with the profile in its place, and the profile's name."""
    own_files = [
        PROPERTIES / "overall.yaml",
        PROPERTIES / "dataset" / f"{dataset_name}.yaml",
        PROPERTIES / "model" / f"{model_name}.yaml",
    ]
    own = [read_yaml(path, problems) for path in own_files if path.is_file()]
    files = [read_yaml(Path(path), problems) for path in overrides.files]
    choices = [layer.pop(PROFILE) for layer in (*own, *files) if PROFILE in layer]
    if overrides.profile is not None:
        choices.append(Entry(overrides.profile, overrides.flags_from))
    profile, paths = _profile_files(choices[-1], (dataset_name, model_name), problems) if choices else (None, [])
    flags = {
        key: Entry(FlagText(value) if isinstance(value, str) else value, overrides.flags_from)
        for key, value in overrides.flags.items()
    }
    stored = {key: Entry(value, overrides.stored_from) for key, value in overrides.stored.items()}
    return [*own, *(read_yaml(path, problems) for path in paths), stored, *files, flags], profile


def _profile_files(choice: Entry, names: tuple[str, str], problems: list[str]) -> tuple[str | None, list[Path]]:
    """The profile's name, and its files for all, for the dataset and for the model, as far as there are such."""
    if choice.value in (None, "none"):
        return None, []
    known = profiles()
    if choice.value not in known:
        listed = ", ".join([*known, "none"])
        problems.append(f"{PROFILE}: unknown profile {choice.value!r} ({choice.where}); known: {listed}")
        return None, []
    folder = PROPERTIES / PROFILE / str(choice.value)
    return folder.name, [path for name in ("all", *names) if (path := folder / f"{name}.yaml").is_file()]


def profiles() -> list[str]:
    """Names of the profiles there are."""
    return sorted(path.name for path in (PROPERTIES / PROFILE).iterdir() if path.is_dir())


def _default_folders(dataset_name: str, folders: Mapping[str, str]) -> dict[str, Entry]:
    """The lowest layer: dataset/<name>/..., or the folders that the user's path stands for."""
    home = Path("dataset") / dataset_name
    made = {
        "data_root": str(home / "data"),
        "filelist_root": str(home / "filelist"),
        "preprocessed_root": str(home / "preprocessed_data"),
        "packed_root": str(home / "packed"),
    }
    return {key: Entry(value, "dataset's name") for key, value in {**made, **folders}.items()}


def _known(layer: Mapping[str, Entry], schemas: Schemas, *, strict: bool, problems: list[str]) -> dict[str, Entry]:
    """The layer's entries under their present names; unknown keys, and keys given under two names, are problems.

    Keys of other models pass silently where the file is shared by models, and are a problem where the user gave
    them for this one (`strict`).
    """
    found: dict[str, Entry] = {}
    for given, entry in layer.items():
        key = ALIASES.get(given, given)
        if schemas.of(key) is None:
            if given in schemas.elsewhere() and not strict:
                continue
            problems.append(f"{given}: unknown key ({entry.where}){_hint(given, schemas)}")
        elif key in found:
            problems.append(f"{given}: the same as {key!r}, which is given too ({found[key].where}, {entry.where})")
        else:
            found[key] = entry
    return found


def _hint(key: str, schemas: Schemas) -> str:
    names = [*ALIASES, *(name for schema in schemas.all() for name in field_types(schema)), PROFILE]
    near = get_close_matches(key, names, 1, cutoff=0.6)
    if near:
        return f"; did you mean {near[0]!r}?"
    other = "; it belongs to another model" if key in schemas.elsewhere() else ""
    return other or "; `--print-config` lists the keys there are"


def _build(
    model_name: str,
    dataset_name: str,
    schemas: Schemas,
    merged: Mapping[str, Entry],
    problems: list[str],
    profile: str | None,
) -> Resolved:
    parts = {schema: _build_part(schema, merged, problems) for schema in schemas.all()}
    if problems:
        raise ConfigError("\n".join(problems))
    run, dataset, model = parts.values()
    config = Config(model_name=model_name, dataset_name=dataset_name, run=run, dataset=dataset, model=model)
    keys = [key for schema in schemas.all() for key in field_types(schema)]
    origin = {key: merged[key].where if key in merged else "default" for key in keys}
    return Resolved(config=config, origin=origin, profile=profile)


def _build_part(schema: type[Any], merged: Mapping[str, Entry], problems: list[str]) -> Any:
    """One schema's instance, or None with the reasons in `problems`."""
    values: dict[str, Any] = {}
    before = len(problems)
    for spec in fields(schema):
        entry = merged.get(spec.name)
        if entry is None:
            if spec.default is MISSING and spec.default_factory is MISSING:
                problems.append(f"{spec.name}: needed, and no layer gives it")
            continue
        try:
            values[spec.name] = coerce(field_types(schema)[spec.name], entry.value)
        except ValueError as error:
            problems.append(f"{spec.name}: {error} ({entry.where})")
    if len(problems) > before:
        return None
    try:
        return schema(**values)
    except ValueError as error:
        problems.append(f"{error}{_where(str(error), merged)}")
        return None


def _where(message: str, merged: Mapping[str, Entry]) -> str:
    """Where the keys that a relation's message names before its colon were set."""
    named = message.partition(":")[0].replace(",", " ").split()
    places: Iterable[str] = dict.fromkeys(merged[name].where for name in named if name in merged)
    return f" ({', '.join(places)})" if places else ""
