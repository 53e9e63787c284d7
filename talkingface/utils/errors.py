"""Errors that are the user's to mend: one clear message, an exit code, no traceback."""

from __future__ import annotations


class UserError(ValueError):
    """Something the user gave cannot be used; the message says where, what came, what was wanted, what to do."""

    exit_code = 2
    """What a program that ends by it returns."""


class MediaError(UserError):
    """A video or audio file cannot be read or written."""


class CheckpointError(UserError):
    """A checkpoint is missing, damaged, or of another network."""


class DamagedError(CheckpointError):
    """A checkpoint whose contents are not what was written, or not finite."""


class MissingWeightsError(UserError):
    """A weights file that has to be downloaded by hand is not there; the message names file, place and source."""


class DiskError(UserError):
    """A disk is full or cannot be written to; what stood there before stands still."""

    exit_code = 3


class NotFiniteError(UserError):
    """A training's loss or gradient is not finite, so that it cannot go on; the checkpoints before it are whole."""

    exit_code = 4
