"""What a row of the catalog says about a model, about what it needs, and about a kind of dataset."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True)
class Need:
    """Trained weights of another model, without which a model does not train."""

    part: str
    """Name under which the trainer gets it."""
    model: str
    """Row of the model that is needed."""
    path_key: str
    """Key of the model's configuration that may give a checkpoint."""
    when: str | None = None
    """Key of the model's configuration that turns the need off when it is 0 or false."""
    good_loss: float | None = None
    """Validation loss up to which such weights are worth having; a warning tells of worse ones."""
    same: tuple[str, ...] = ()
    """Keys that must have one value in both models' configurations."""
    inside: bool = False
    """Whether the network has it as a submodule named `part`, whose weights it starts with and keeps."""
    takes: tuple[tuple[str, str], ...] = ()
    """(own key, key of the needed model's configuration): values that follow those of the weights used."""


@dataclass(frozen=True, kw_only=True)
class ModelRow:
    """All that the chain has to know about a model. Classes are written `module:Name`."""

    name: str
    description: str
    config: str
    """Subclass of `ModelConfig`, in a module that imports no torch."""
    model: str
    """Subclass of `AbstractTalkingFace`: (config: Config)."""
    dataset: str
    """Map-style dataset: (config: Config, split: str)."""
    trainer: str
    """Subclass of `Trainer`."""
    needs: tuple[Need, ...] = ()
    process: str | None = None
    """Class that makes its training data from prepared clips and the networks it needs: (config: Config), with `needs`
    (their parts), `look() -> (todo, reason)` and `make(networks, device) -> result`. None: packed faces do."""
    foreign_part: str | None = None
    """Submodule that checkpoints of the original project hold, where they do not hold the whole network."""
    makes_video: bool = True
    """Whether it draws faces, so that it is evaluated on dubbed videos and can `generate`."""
    sync_expert: Need | None = None
    """The model that measures lip sync in its evaluation, where weights of it are there."""
    evaluate_by: str | None = None
    """Function that evaluates a model that makes no video on the test list; see `evaluator.protocols.expert`."""
    not_to_confuse: str | None = None
    """Said where weights of another network are given for this one."""


@dataclass(frozen=True, kw_only=True)
class DatasetRow:
    """A kind of dataset."""

    name: str
    description: str
    config: str
    """`DatasetConfig` or a subclass of it."""
    source: str | None = None
    """Function that makes the videos where the user has none: (config, show_progress: bool)."""
    missing: str | None = None
    """Function that names the videos still to be made: (config)."""
