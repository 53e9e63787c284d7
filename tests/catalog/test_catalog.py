"""Rows: found by name, loaded when needed, added from outside, never two of one name."""

from __future__ import annotations

from importlib.metadata import EntryPoint

import pytest

from talkingface import catalog
from talkingface.catalog import lookup
from talkingface.config.schema import DatasetConfig, ModelConfig
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


OUTSIDE = catalog.ModelRow(
    name="Puppet",
    description="from another package",
    config="talkingface.config.schema:ModelConfig",
    model="puppets:Puppet",
    dataset="puppets:PuppetDataset",
    trainer="talkingface.trainer.trainer:Trainer",
)


@pytest.fixture
def plugins(monkeypatch: pytest.MonkeyPatch):
    """Pretend that installed packages announce these models."""

    def announce(**rows: str) -> None:
        found = [EntryPoint(name=name, value=value, group=catalog.ENTRY_POINTS) for name, value in rows.items()]
        monkeypatch.setattr(lookup, "entry_points", lambda group: found if group == catalog.ENTRY_POINTS else [])
        lookup._plugins.cache_clear()

    yield announce
    lookup._plugins.cache_clear()


def test_other_packages_add_models(plugins):
    plugins(Puppet=f"{__name__}:OUTSIDE")
    assert catalog.model_row("Puppet") == OUTSIDE and catalog.model_names()[-1] == "Puppet"
    with pytest.raises(UserError, match=r"Known: .*Puppet"):
        catalog.model_row("Nobody")


def test_other_packages_cannot_take_a_name(plugins):
    plugins(SyncNet=f"{__name__}:OUTSIDE")
    with pytest.raises(UserError, match="SyncNet: a model of this name is built in"):
        catalog.model_names()


def test_an_announced_model_has_to_be_a_row_of_its_name(plugins):
    plugins(Marionette=f"{__name__}:OUTSIDE")
    with pytest.raises(UserError, match="should be a ModelRow of this name"):
        catalog.model_row("Marionette")
