"""Pages about runs: what was trained, what was measured and how it looks and sounds, each in a single file."""

from __future__ import annotations
