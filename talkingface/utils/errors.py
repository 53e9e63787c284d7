"""Errors that are the user's to mend: one clear message, exit code 2, no traceback."""

from __future__ import annotations


class UserError(ValueError):
    """Something the user gave cannot be used; the message says where, what came, what was wanted, what to do."""


class MediaError(UserError):
    """A video or audio file cannot be read or written."""


class CheckpointError(UserError):
    """A checkpoint is missing, damaged, or of another network."""


class MissingWeightsError(UserError):
    """A weights file that has to be downloaded by hand is not there; the message names file, place and source."""
