"""Train, evaluate and use audio-driven talking-face (lip-sync) models."""

__version__ = "0.1.0"
