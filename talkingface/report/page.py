"""Pages from templates; everything that is put in is escaped."""

from __future__ import annotations

import hashlib
from functools import cache
from pathlib import Path
from typing import Any

import jinja2
from markupsafe import Markup

from talkingface.utils.files import write_text

TEMPLATES = Path(__file__).parent / "templates"


@cache
def _environment() -> jinja2.Environment:
    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(TEMPLATES), undefined=jinja2.StrictUndefined, trim_blocks=True,
        lstrip_blocks=True, autoescape=lambda name: name is not None and name.endswith(".html"),
    )  # fmt: skip
    environment.globals["style"] = lambda: Markup(_text("style.css"))  # our own files: nothing to escape
    environment.globals["script"] = lambda: Markup(_text("play.js"))
    return environment


def write_page(path: Path, template: str, **values: Any) -> None:
    """Write a page of `report/templates/<template>`."""
    write_text(path, _environment().get_template(template).render(**values))


def templates_mark() -> str:
    """Return a hash of all templates: pages are made again where these change."""
    return hashlib.sha256("".join(_text(one.name) for one in sorted(TEMPLATES.iterdir())).encode()).hexdigest()[:16]


def _text(name: str) -> str:
    return (TEMPLATES / name).read_text(encoding="utf-8")
