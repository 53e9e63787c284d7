"""Rows: found by name, loaded when needed, added from outside, never two of one name."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from importlib.metadata import EntryPoint
from pathlib import PurePosixPath
from typing import Any

import pytest

from talkingface import catalog
from talkingface.catalog import lookup
from talkingface.catalog.resolve import choose_dataset, dataset_names, resolve
from talkingface.cli import main
from talkingface.config.loader import Overrides
from talkingface.config.schema import DatasetConfig, ModelConfig
from talkingface.evaluator.metrics.base import ClipPair, Metric
from talkingface.evaluator.metrics.registry import make_metrics
from talkingface.utils.errors import UserError


@pytest.mark.parametrize("row", catalog.MODELS, ids=lambda row: row.name)
def test_every_class_of_a_row_is_there(row: catalog.ModelRow):
    from talkingface.model.base import AbstractTalkingFace
    from talkingface.trainer.trainer import Trainer

    assert issubclass(catalog.load(row.config), ModelConfig)
    assert issubclass(catalog.load(row.model), AbstractTalkingFace)
    assert issubclass(catalog.load(row.trainer), Trainer)
    assert callable(catalog.load(row.dataset))
    for need in (*row.needs, *filter(None, [row.sync_expert])):
        keys = catalog.model_keys(row)
        assert need.path_key in keys and (need.when is None or need.when in keys)
        assert need.model in catalog.model_names()


@pytest.mark.parametrize("row", [*catalog.DATASETS, catalog.VIDEOS], ids=lambda row: row.name)
def test_every_dataset_row_is_there(row: catalog.DatasetRow):
    assert issubclass(catalog.load(row.config), DatasetConfig)
    assert (row.source is None) == (row.missing is None)
    for target in filter(None, (row.source, row.missing)):
        assert callable(catalog.load(target))


def test_an_unknown_model_lists_the_known():
    with pytest.raises(
        UserError, match=r"unknown model 'hyperlipsbas'; did you mean 'HyperLipsBase'\? Known: .*SyncNet"
    ):
        catalog.model_row("hyperlipsbas")


def test_two_rows_of_one_name_are_refused():
    with pytest.raises(ValueError, match="two rows are named 'SyncNet'"):
        catalog.one_each([catalog.model_row("SyncNet"), catalog.model_row("SyncNet")])


@pytest.mark.parametrize(
    ("target", "message"),
    [
        ("talkingface.nowhere:Thing", "no module 'talkingface.nowhere'"),
        ("talkingface.batch:Thing", "has no attribute 'Thing'"),
    ],
)
def test_a_wrong_row_says_what_is_missing(target: str, message: str):
    with pytest.raises(UserError, match=message):
        catalog.load(target)


def test_a_model_in_any_case():
    assert catalog.model_row("hyperlipsbase").name == "HyperLipsBase" == catalog.model_row("HYPERLIPSBASE").name
    assert catalog.spelling("a", ["A", "b"]) == "A" and catalog.spelling("a", ["A", "a"]) == "a"
    assert catalog.spelling("aB", ["AB", "ab"]) is None, "either could be meant"


OUTSIDE = catalog.ModelRow(
    name="Puppet",
    description="from another package",
    config="talkingface.config.schema:ModelConfig",
    model="puppets:Puppet",
    dataset="puppets:PuppetDataset",
    trainer="talkingface.trainer.trainer:Trainer",
)


@dataclass(frozen=True, kw_only=True)
class TheatreConfig(DatasetConfig):
    """A layout of another package."""

    stage: str = "left"

    def includes(self, video: PurePosixPath) -> bool:
        return video.parts[0] == self.stage


THEATRE = catalog.DatasetRow(name="Theatre", description="puppets on film", config=f"{__name__}:TheatreConfig")


class Strings(Metric):
    """Strings in the picture."""

    name, title, unit, metric_type = "strings", "strings", "", "image"

    def calculate_metric(self, pair: ClipPair) -> float:
        return 8.0


STRINGS = f"{__name__}:Strings"
"""The same as text."""


@pytest.fixture
def announce(monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[..., None]]:
    """Pretend that installed packages announce these models, datasets or metrics."""

    def clear() -> None:
        lookup._plugins.cache_clear()
        lookup.metric_classes.cache_clear()

    def announce(what: str, **values: str) -> None:
        group = catalog.GROUPS[what]
        found = [EntryPoint(name=name, value=f"{__name__}:{value}", group=group) for name, value in values.items()]
        monkeypatch.setattr(lookup, "entry_points", lambda group: found if group == catalog.GROUPS[what] else [])
        clear()

    yield announce
    clear()


def test_the_groups_of_entry_points():
    assert set(catalog.GROUPS.values()) == {"talkingface.models", "talkingface.datasets", "talkingface.metrics"}


def test_other_packages_add_models(announce):
    announce("model", Puppet="OUTSIDE")
    assert catalog.model_row("Puppet") == OUTSIDE and catalog.model_names()[-1] == "Puppet"
    assert catalog.model_row("puppet") == OUTSIDE
    with pytest.raises(UserError, match=r"Known: .*Puppet"):
        catalog.model_row("Nobody")


def test_other_packages_add_datasets(announce, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    announce("dataset", Theatre="THEATRE")
    assert "Theatre" in dataset_names() and catalog.dataset_row("Theatre") == THEATRE
    assert catalog.dataset_row("elsewhere") == catalog.VIDEOS
    found = resolve("SyncNet", "theatre", Overrides(flags={"stage": "right"}))
    assert (found.config.dataset_name, found.config.dataset.stage) == ("Theatre", "right")
    with pytest.raises(UserError, match=r"unknown dataset .*Theatre"):
        choose_dataset("Opera")


def test_the_lists_show_what_other_packages_add(announce, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    announce("dataset", Theatre="THEATRE")
    assert main(["list"]) == 0
    assert "puppets on film" in " ".join(capsys.readouterr().out.split())  # lines are wrapped
    assert main(["--help"]) == 0
    assert "Theatre" in capsys.readouterr().out


@pytest.mark.parametrize("value", ["Strings", "STRINGS"])
def test_other_packages_add_metrics(announce, value: str):
    announce("metric", strings=value)
    assert [type(one) for one in make_metrics(("strings",))] == [Strings]
    assert make_metrics()[-1].name == "strings"
    with pytest.raises(UserError, match=r"Known are .*strings"):
        make_metrics(("string",))


@pytest.mark.parametrize(
    ("what", "name", "value", "ask"),
    [
        ("model", "SyncNet", "OUTSIDE", catalog.model_names),
        ("dataset", "demo", "THEATRE", dataset_names),
        ("metric", "psnr", "Strings", make_metrics),
    ],
)
def test_other_packages_cannot_take_a_name(announce, what: str, name: str, value: str, ask: Callable[[], Any]):
    announce(what, **{name: value})
    with pytest.raises(UserError, match=f"^{name}: a {what} of this name is built in; the package of "):
        ask()


@pytest.mark.parametrize(
    ("what", "value", "ask", "message"),
    [
        ("model", "OUTSIDE", lambda: catalog.model_row("Marionette"), "should be a ModelRow of this name"),
        ("model", "THEATRE", lambda: catalog.model_row("Marionette"), "should be a ModelRow of this name"),
        ("dataset", "THEATRE", lambda: catalog.dataset_row("Marionette"), "should be a DatasetRow of this name"),
        ("metric", "Strings", make_metrics, "should be a metric's class of this name"),
        ("metric", "OUTSIDE", make_metrics, "should be a metric's class of this name"),
        ("metric", "Strange", make_metrics, "metrics: Marionette should be a whole subclass of .*Metric"),
        ("metric", "Unfinished", make_metrics, "metrics: Marionette should be a whole subclass of .*Metric"),
    ],
)
def test_what_is_announced_has_to_be_what_it_says(announce, what: str, value: str, ask: Any, message: str):
    announce(what, Marionette=value)
    with pytest.raises(UserError, match=message):
        ask()


class Strange:
    """No metric, though it has a name."""

    name = "Marionette"


class Unfinished(Metric):
    """A metric without its calculation."""

    name = "Marionette"
