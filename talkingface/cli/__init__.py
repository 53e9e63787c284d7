"""The command line: what `run_talkingface.py` and the installed `talkingface` run."""

from talkingface.cli.program import main

__all__ = ["main"]
