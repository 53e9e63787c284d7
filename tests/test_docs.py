"""README and docs lead where they say, and the lists of requirements are each kept once."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

import pytest
import yaml

ROOT = Path(__file__).parents[1]
PAGES = [ROOT / "README.md", ROOT / "README.zh-CN.md", *sorted((ROOT / "docs").glob("*.md"))]
MOST_WORDS = 1700
TOOLS = {"pytest", "pytest-xdist", "ruff", "mypy", "types-pyyaml", "wandb", "optuna"}


def text(name: str | Path) -> str:
    return (ROOT / name).read_text(encoding="utf-8")


def prose(page: Path) -> str:
    """A page without fenced code."""
    return re.sub(r"^```.*?^```$", "", text(page), flags=re.MULTILINE | re.DOTALL)


def anchors(page: Path) -> set[str]:
    """What GitHub calls the headings of a page."""
    titles = re.findall(r"^#+ (.+)$", prose(page), flags=re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", title.lower()).replace(" ", "-") for title in titles}


def requirements(name: str) -> list[str]:
    lines = (line.strip() for line in text(name).splitlines())
    return [line for line in lines if line and not line.startswith("#")]


def names(name: str) -> set[str]:
    return {re.split(r"[^\w.-]", line)[0].lower() for line in requirements(name)}


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_links_lead_somewhere(page: Path):
    targets = re.findall(r"\]\(([^)\s]+)\)", prose(page))
    wrong = []
    for target in targets:
        if re.match(r"[a-z]+:", target):
            continue
        path, _, anchor = target.partition("#")
        place = (page.parent / path).resolve() if path else page
        if not place.exists() or (anchor and anchor not in anchors(place)):
            wrong.append(target)
    assert not wrong


def test_readme_leads_to_every_page():
    for readme in ("README.md", "README.zh-CN.md"):
        linked = {target.partition("#")[0] for target in re.findall(r"\]\(([^)\s]+)\)", text(readme))}
        assert {f"docs/{page.name}" for page in (ROOT / "docs").glob("*.md")} <= linked


def test_readme_is_short():
    assert len(re.findall(r"\S*\w\S*", text("README.md"))) <= MOST_WORDS


def test_both_readmes_have_the_same_figures():
    """Numbers of the tables' rows, in order: a figure that is replaced in one is replaced in the other."""
    english, chinese = (
        [re.findall(r"\d+(?:\.\d+)?", line) for line in text(name).splitlines() if line.startswith("|")]
        for name in ("README.md", "README.zh-CN.md")
    )
    assert english == chinese


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_python_in_pages_can_be_read(page: Path):
    for code in re.findall(r"^```python\n(.*?)^```$", text(page), flags=re.MULTILINE | re.DOTALL):
        compile(code, page.name, "exec")


def test_what_runs_needs_no_tools():
    assert not names("requirements.txt") & TOOLS
    assert names("requirements-dev.txt") == TOOLS


def test_the_project_reads_the_same_lists():
    project = tomllib.loads(text("pyproject.toml"))
    assert set(project["project"]["dynamic"]) == {"dependencies", "optional-dependencies"}
    lists = project["tool"]["setuptools"]["dynamic"]
    assert lists["dependencies"]["file"] == ["requirements.txt"]
    extras = {extra: given["file"] for extra, given in lists["optional-dependencies"].items()}
    assert extras["dev"] == ["requirements-dev.txt"]
    for file in (one for files in extras.values() for one in files):
        assert requirements(file) and not any(line.startswith("-") for line in requirements(file))


def test_the_citation_is_whole():
    found = yaml.safe_load(text("CITATION.cff"))
    assert found["cff-version"] == "1.2.0" and found["message"] and found["title"]
    assert found["version"] == tomllib.loads(text("pyproject.toml"))["project"]["version"]
    assert found["license"] == "MIT" and text("LICENSE").startswith("MIT License")
    for entry in (found, *found["references"]):
        assert entry["title"] and entry["type"]
        assert all(set(one) in ({"name"}, {"given-names", "family-names"}) for one in entry["authors"])
    cited = {one["value"] for entry in found["references"] for one in entry["identifiers"]}
    assert cited == {"arXiv:2310.05720", "arXiv:2008.10010"}
