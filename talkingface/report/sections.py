"""What a page shows, written once: sections of blocks that the template draws and that Markdown says as text."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import ClassVar

from talkingface.evaluator.tables import Lines, markdown_table
from talkingface.report.cards import Card
from talkingface.report.svg_chart import Chart


class Block(ABC):
    """A part of a section. templates/macros.html has one macro for each `form`."""

    form: ClassVar[str]

    @abstractmethod
    def markdown(self) -> list[str]:
        """Return the block as lines of Markdown; empty where it is for pages only."""


@dataclass(frozen=True, kw_only=True)
class Table(Block):
    """Lines of cells, the first being the heading."""

    lines: Lines
    title: str = ""
    kind: str = ""
    """Classes of the style sheet: `text` for sentences instead of numbers, `tight`, `wide`."""
    folded: bool = False
    """Whether the page shows the title alone until it is clicked."""

    form: ClassVar[str] = "table"

    def markdown(self) -> list[str]:
        """Title and table."""
        return [*([f"### {self.title}", ""] if self.title else []), *markdown_table(self.lines)]


@dataclass(frozen=True)
class Text(Block):
    """A paragraph in small print."""

    text: str
    form: ClassVar[str] = "text"

    def markdown(self) -> list[str]:
        """The paragraph."""
        return [self.text]


@dataclass(frozen=True)
class Bullets(Block):
    """Lines that begin with a name, which may be empty."""

    items: Sequence[tuple[str, str]]
    form: ClassVar[str] = "bullets"

    def markdown(self) -> list[str]:
        """A list."""
        return [f"- {name}: {text}" if name else f"- {text}" for name, text in self.items]


@dataclass(frozen=True, kw_only=True)
class Definitions(Block):
    """Names and what they mean, folded."""

    title: str
    items: Sequence[tuple[str, str]]
    form: ClassVar[str] = "definitions"

    def markdown(self) -> list[str]:
        """A list under its title."""
        return [f"### {self.title}", "", *(f"- **{name}**: {text}" for name, text in self.items)]


@dataclass(frozen=True, kw_only=True)
class Charts(Block):
    """Charts in a page, a table of their last values in text."""

    charts: Sequence[Chart]
    lines: Lines = field(default_factory=list)
    form: ClassVar[str] = "charts"

    def markdown(self) -> list[str]:
        """The table."""
        return markdown_table(self.lines) if len(self.lines) > 1 else []


@dataclass(frozen=True, kw_only=True)
class Clips(Block):
    """Videos side by side in a page, a table with links to them in text."""

    cards: Sequence[Card]
    left_out: Sequence[tuple[str, str]] = ()
    """Name and video of clips that would make the page too large."""
    lines: Lines = field(default_factory=list)
    form: ClassVar[str] = "clips"

    def markdown(self) -> list[str]:
        """The table."""
        return markdown_table(self.lines) if len(self.lines) > 1 else []


@dataclass(frozen=True, kw_only=True)
class Section:
    """A heading and its blocks."""

    id: str
    title: str
    blocks: Sequence[Block]


def to_markdown(sections: Sequence[Section]) -> list[str]:
    """Return the sections as lines of Markdown; those that have nothing to say in text are left out."""
    lines: list[str] = []
    for section in sections:
        parts = [part for block in section.blocks if (part := block.markdown())]
        if parts:
            lines += ["", f"## {section.title}"]
            for part in parts:
                lines += ["", *part]
    return lines
