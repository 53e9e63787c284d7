"""Scalars as YAML 1.2 has them, line numbers, duplicate keys."""

from __future__ import annotations

from pathlib import Path

import pytest

from talkingface.config.schema import ConfigError
from talkingface.config.yaml_file import read_scalar, read_yaml


def read(tmp_path: Path, text: str) -> tuple[dict, list[str]]:
    path = tmp_path / "my.yaml"
    path.write_text(text, encoding="utf-8")
    problems: list[str] = []
    return read_yaml(path, problems), [problem.replace(f"{tmp_path}/", "") for problem in problems]


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("1e-4", 1e-4), ("5e4", 5e4), (".5", 0.5), ("5.", 5.0), ("-1.5E+3", -1500.0), ("12", 12), ("-3", -3),
        ("010", 10), ("1_000", "1_000"), ("1:30", "1:30"), ("true", True), ("False", False), ("no", "no"),
        ("off", "off"), ("on", "on"), ("yes", "yes"), ("~", None), ("null", None), ("", None),
        ("2020-01-01", "2020-01-01"),
        ("'5'", "5"), ("[1, 2.5, no]", [1, 2.5, "no"]), ("[", "["),
    ],
)  # fmt: skip
def test_scalars(text: str, value: object):
    result = read_scalar(text)
    assert result == value and type(result) is type(value)


def test_values_know_their_line(tmp_path: Path):
    entries, problems = read(tmp_path, "# comment\nfps: 25\n\ncrop_pads:\n  - 0\n  - 10\n")
    assert not problems
    assert {key: (entry.value, entry.where.rpartition(":")[2]) for key, entry in entries.items()} == {
        "fps": (25, "2"),
        "crop_pads": ([0, 10], "4"),
    }


def test_duplicate_keys_are_named_with_both_lines(tmp_path: Path):
    _, problems = read(tmp_path, "fps: 25\nseed: 1\nfps: 30\n")
    assert problems == ["fps: given twice (my.yaml:1 and my.yaml:3)"]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("a: 1\nb: [1\nc: 2\n", "my.yaml:3: not YAML"),
        ("- 1\n- 2\n", "wanted lines of `key: value`"),
        ("a: !!python/object/apply:os.getcwd []\n", "my.yaml:1: not YAML"),
        ("a: 1\n---\nb: 1\n", "not YAML"),
        ("a: \x00\n", "not YAML"),
    ],
)
def test_broken_files_are_problems_with_their_line(tmp_path: Path, text: str, message: str):
    _, problems = read(tmp_path, text)
    assert len(problems) == 1 and message in problems[0]


def test_an_empty_file_has_no_keys(tmp_path: Path):
    assert read(tmp_path, "# nothing\n") == ({}, [])


def test_unreadable_files_raise(tmp_path: Path):
    with pytest.raises(ConfigError, match=r"nowhere\.yaml: cannot be read \(No such file"):
        read_yaml(tmp_path / "nowhere.yaml", [])
    (tmp_path / "latin.yaml").write_bytes(b"a: \xe9\n")
    with pytest.raises(ConfigError, match="not UTF-8"):
        read_yaml(tmp_path / "latin.yaml", [])
