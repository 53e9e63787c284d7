"""Values of YAML and of flags as the declared types."""

from __future__ import annotations

from typing import Any, Literal

import pytest

from talkingface.config.typed import coerce
from talkingface.config.yaml_file import FlagText

PADS = tuple[int, int, int, int]


@pytest.mark.parametrize(
    ("hint", "value", "result"),
    [
        (float, 1, 1.0), (float, 1e-4, 1e-4), (int, 5, 5), (int, 1e4, 10000), (bool, True, True), (str, "a", "a"),
        (float | None, None, None), (float | None, "none", None), (float | None, 2, 2.0),
        (Literal["adam", "adamw"], "adamw", "adamw"), (PADS, [0, 10, 0, 0], (0, 10, 0, 0)),
        (tuple[int, ...], [1, 2], (1, 2)),
        (int, FlagText("7"), 7), (float, FlagText("1e-4"), 1e-4), (bool, FlagText("false"), False),
        (str, FlagText("7"), "7"), (str | None, FlagText("none"), None), (str | None, FlagText("true"), "true"),
        (PADS, FlagText("0,10,0,0"), (0, 10, 0, 0)), (PADS, FlagText("[0, 10, 0, 0]"), (0, 10, 0, 0)),
        (Literal["fp32", "bf16"], FlagText("bf16"), "bf16"), (Literal[1, 2], FlagText("2"), 2),
    ],
)  # fmt: skip
def test_accepted(hint: Any, value: Any, result: Any):
    got = coerce(hint, value)
    assert got == result and type(got) is type(result)


@pytest.mark.parametrize(
    ("hint", "value", "message"),
    [
        (int, "x", "wanted a whole number, got 'x'"),
        (int, 1.5, "wanted a whole number, got 1.5"),
        (int, True, "wanted a whole number, got true"),
        (int, None, "wanted a whole number, got None"),
        (float, "fast", "wanted a number"),
        (float, float("nan"), "wanted a number, got nan"),
        (float, float("inf"), "wanted a number, got inf"),
        (bool, 1, "wanted true or false, got 1"),
        (bool, "no", "wanted true or false, got 'no'"),
        (str, 5, "wanted text, got 5"),
        (Literal["adam", "adamw"], "sgd", "wanted one of adam, adamw; got 'sgd'"),
        (Literal[1, 2], True, "wanted one of 1, 2"),
        (PADS, [0, 10, 0], "wanted 4 values, got 3"),
        (PADS, 7, r"wanted a list such as \[0, 0, 0, 0\]; got 7"),
        (PADS, FlagText("0,x,0,0"), "wanted a whole number, got 'x'"),
    ],
)
def test_refused(hint: Any, value: Any, message: str):
    with pytest.raises(ValueError, match=message):
        coerce(hint, value)
