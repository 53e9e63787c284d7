"""The line that a training draws over and over on the terminal: where it is, when it ends, its losses."""

from __future__ import annotations

import shutil
import sys
from typing import Any, TextIO

from tqdm import tqdm

SECONDS_IN_FILES = 30.0
"""Between two lines where they are not drawn over one another."""


class TrainBar(tqdm):
    """One line that is never wider than the terminal: a wider one would not be drawn over but leave its halves behind.

    The end comes before the losses, which are cut off first. Where the output is no terminal, but a file that grows
    while days of training are written to it, the line is written every half minute.

    Args:
        step: steps done before.
        total: steps until the end, None where it is not known.
        disable: draw nothing.
        file: where to; standard error by default.
        columns: of the terminal; None asks it each time, as a window may be resized.
    """

    def __init__(
        self, *, step: int, total: int | None, disable: bool, file: TextIO | None = None, columns: int | None = None
    ) -> None:
        self._columns = columns
        self.ends_in = ""
        """Time to the end, as text."""
        self._ends = ""
        file = file or sys.stderr
        self._is_terminal = file is not None and file.isatty()  # there is none under pythonw
        super().__init__(
            total=total,
            initial=step,
            bar_format="step {n_fmt}/{total_fmt} [{elapsed}, {rate_fmt}]{ends}{postfix}",
            disable=disable,
            file=file,
            mininterval=0.1 if self._is_terminal else SECONDS_IN_FILES,
        )

    @property
    def format_dict(self) -> dict[str, Any]:
        """tqdm's values for the line, and `ends`."""
        return {**super().format_dict, "ends": self._ends}

    def __str__(self) -> str:
        # The last column stays empty: some terminals go to the next line when it is written to.
        return fit(super().__str__(), (self._columns or shutil.get_terminal_size().columns) - 1)

    def show(self, text: str, *, seconds_left: float, data_wait: float) -> None:
        """Draw the line with these losses, the time to the end, and the share of time spent waiting for data."""
        self.ends_in = tqdm.format_interval(min(seconds_left, 1e7))
        self._ends = f" ends in {self.ends_in}, wait {data_wait:.0%}"
        self.set_postfix_str(text, refresh=self._is_terminal)


def fit(text: str, columns: int) -> str:
    """A text cut to so many columns, with a sign that it was cut."""
    return text if len(text) <= columns else text[: max(columns - 1, 0)] + "…"
