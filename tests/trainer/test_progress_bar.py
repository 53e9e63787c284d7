"""The line of a training on the terminal: within the terminal's width, the end before the losses."""

from __future__ import annotations

import io
import logging
import re
import sys

import pytest

from talkingface.trainer.progress_bar import TrainBar, fit
from talkingface.utils.logger import NAME, init_logger

LONG = "loss 0.1026 l1 0.1334 sync 0.04949 adversarial 0.5734 disc_real 0.5701 disc_fake 0.8292"
HOURS = 3600.0


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


@pytest.mark.parametrize(("step", "total"), [(3, 60), (123_456, 300_000), (1_234_567, None)])
@pytest.mark.parametrize("columns", [80, 40, 10])
def test_no_line_is_wider_than_the_terminal(step: int, total: int | None, columns: int) -> None:
    file = Terminal()
    bar = TrainBar(step=step, total=total, disable=False, file=file, columns=columns)
    for _ in range(3):
        bar.update()
        bar.show(LONG, seconds_left=123 * HOURS, data_wait=0.04)
    bar.close()
    lines = re.split(r"[\r\n]", file.getvalue())
    assert max(map(len, lines)) < columns
    shown = next(line for line in reversed(lines) if line.strip())
    assert shown.rstrip().endswith("…")
    if columns == 80:
        assert "ends in 123:00:00, wait 4%" in shown


def test_the_loss_is_seen_at_80_columns() -> None:
    file = Terminal()
    bar = TrainBar(step=123_456, total=300_000, disable=False, file=file, columns=80)
    bar.update()
    bar.show(LONG, seconds_left=9 * HOURS, data_wait=0.04)
    assert "loss 0." in file.getvalue()
    bar.close()


def test_lines_stand_above_the_bar(monkeypatch: pytest.MonkeyPatch) -> None:
    """On a terminal that obeys carriage returns each line is whole and the bar is below."""
    file = Terminal()
    monkeypatch.setattr(sys, "stderr", file)
    init_logger()
    bar = TrainBar(step=0, total=10, disable=False, columns=80)
    for step in (1, 2):
        bar.update()
        bar.show(LONG, seconds_left=60, data_wait=0)
        logging.getLogger(f"{NAME}.trainer").info("step %d validation loss 0.5 (best so far)", step)
    bar.close()
    screen = as_shown(file.getvalue())
    assert screen[:2] == [f"step {step} validation loss 0.5 (best so far)" for step in (1, 2)]
    assert screen[2].startswith("step 2/10 [") and len(screen) == 3


def as_shown(written: str) -> list[str]:
    """Lines of a terminal to which this was written."""
    lines, place = [""], 0
    for sign in written:
        if sign == "\n":
            lines.append("")
            place = 0
        elif sign == "\r":
            place = 0
        else:
            lines[-1] = lines[-1][:place].ljust(place) + sign + lines[-1][place + 1 :]
            place += 1
    return [line.rstrip() for line in lines if line.strip()]


def test_a_file_is_not_filled_with_lines() -> None:
    file = io.StringIO()
    bar = TrainBar(step=0, total=10_000, disable=False, file=file, columns=80)
    for _ in range(10_000):
        bar.update()
        bar.show(LONG, seconds_left=9, data_wait=0)
    bar.close()
    drawn = [line for line in re.split(r"[\r\n]", file.getvalue()) if line.strip()]
    assert len(drawn) == 2 and drawn[1].startswith("step 10000/10000 [") and "loss 0.1026" in drawn[1]


def test_fit() -> None:
    assert [fit("12345", columns) for columns in (6, 5, 4, 1, 0)] == ["12345", "12345", "123…", "…", "…"]
