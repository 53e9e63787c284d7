"""Rendered talking heads: a small dataset with known speech, so that everything can be tried with no data at all.

Two public-domain photographs that ship inside installed packages become many different people, each with a voice of
its own; one phoneme schedule drives both the synthesised speech and the lips.

`config.DemoConfig` says what to render, `render.render_demo` renders it.
"""

from __future__ import annotations
