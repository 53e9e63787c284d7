"""The sections of a page about runs: figures in plain words and tables, the same for HTML and Markdown."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import ClassVar

from talkingface.evaluator.metrics.registry import make_metrics
from talkingface.evaluator.tables import Lines, cell, heading, markdown_table
from talkingface.report.cards import Card
from talkingface.report.evaluation_facts import EvaluationFacts
from talkingface.report.facts import Facts
from talkingface.report.svg_chart import Chart
from talkingface.utils.logger import clock

TILES = ("lse_d", "lse_c", "sync_confidence", "opening_r", "opening_amplitude", "psnr_mouth", "ssim", "lpips", "fid")
"""Figures at the head of a page, as far as they were measured."""
MOST_TILES = 5
FOLLOWS, IGNORES = 0.7, 0.3
"""Correlation from which two mouths clearly move together, and up to which they do not."""
MUMBLES, OVERACTS = 0.8, 1.25
"""Amplitudes from which the mouth clearly moves too little or too much."""


def tiles(evaluation: EvaluationFacts) -> list[tuple[str, str, str]]:
    """Return heading, value, and the interval and real value, of the main figures."""
    known = {one.name: one for one in make_metrics()}
    model, real = evaluation.rows.get("model", {}), evaluation.rows.get("real", {})
    out = []
    for name in TILES:
        if name in known and (value := model.get(name)) is not None:
            metric, ends = known[name], evaluation.ranges.get("model", {}).get(name)
            interval = cell(value, metric.digits, ends).partition(" ")[2]
            beside = [interval, f"real {cell(real.get(name), metric.digits)}"]
            out.append((heading(metric), cell(value, metric.digits), " · ".join(filter(None, beside))))
    return out[:MOST_TILES]


def in_words(evaluation: EvaluationFacts) -> list[str]:
    """Return sentences about what was found."""
    rows = evaluation.rows
    model, cross = rows.get("model", {}), rows.get("cross", {})
    said = []
    if (r := model.get("opening_r")) is not None:
        partly = "only partly follows the real one" if r > IGNORES else "does not follow the real one"
        how = "opens when the real one does" if r > FOLLOWS else partly
        said.append(f"The mouth {how}: r = {r:.2f} (1 is the same movement).")
    if (amplitude := model.get("opening_amplitude")) is not None:
        how = "too little" if amplitude < MUMBLES else "too much" if amplitude > OVERACTS else "about as far"
        said.append(f"It moves {how}: {amplitude:.2f} times the real one's spread.")
    if (listens := cross.get("opening_r")) is not None and (copies := cross.get("opening_r_face")) is not None:
        follows = "follows that sound" if listens > max(copies, 0.5) else "does not clearly follow that sound"
        said.append(
            f"With another clip's sound it {follows}: r = {listens:.2f} to the clip that the sound is from, "
            f"{copies:.2f} to the clip that the face is from."
        )
    if (leakage := rows.get("silence", {}).get("leakage")) is not None:
        said.append(f"With silence it still moves {leakage:.2f} times as far as the real mouth did (0 is right).")
    seen, new = rows.get("seen", {}).get("opening_r"), rows.get("new", {}).get("opening_r")
    if seen is not None and new is not None:
        said.append(f"Speakers seen in training: r = {seen:.2f}; new speakers: r = {new:.2f}.")
    if (offset := model.get("sync_offset")) is not None:
        side = "after" if offset > 0 else "before"
        where = f"{abs(offset):g} frames {side} the sound" if offset else "in step with it"
        said.append(f"The sync expert hears the sound and finds the lips {where} (median of the clips).")
    return said


def subtitle(facts: Facts) -> list[str]:
    """Return short facts for the head of a page."""
    parts = [f"dataset {facts.dataset}"] if facts.dataset else []
    parts += [f"profile {facts.profile}"] if facts.profile else []
    parts += [facts.when] if facts.when else []
    if facts.run is not None:
        of = f" of {facts.total_steps}" if facts.total_steps and not facts.finished else ""
        parts.append(f"{facts.steps}{of} steps" if facts.steps else "no steps yet")
        parts += [f"{clock(facts.seconds)} of training steps"] if facts.seconds else []
        parts.append("finished" if facts.finished else "unfinished")
        parts += [f"seed {facts.seed}"] if facts.seed is not None else []
    if facts.evaluation:
        parts.append(f"{len(facts.evaluation.good)} test clips")
    return [*parts, *([f"note: {facts.note}"] if facts.note else [])]


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
