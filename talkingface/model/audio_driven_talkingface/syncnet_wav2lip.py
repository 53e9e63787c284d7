"""Wav2Lip's lip-sync expert: the same idea as HyperLips's, another network, on lower halves of 48x96."""

from __future__ import annotations

from talkingface.config.schema import Config
from talkingface.model.audio_driven_talkingface.syncnet import FACE_64X128, SyncNet_color, Table
from talkingface.model.audio_driven_talkingface.syncnet_config import SyncNetWav2LipConfig
from talkingface.model.base import recipe

__all__ = ["FACE_48X96", "SyncNetWav2Lip", "SyncNetWav2LipConfig"]

FACE_48X96: Table = [
    *FACE_64X128[:5],
    {"cin": 512, "cout": 512, "kernel": 3, "stride": 2, "padding": 1},
    {"cin": 512, "cout": 512, "kernel": 3},
    {"cin": 512, "cout": 512, "kernel": 1},
]


class SyncNetWav2Lip(SyncNet_color):
    """`SyncNet_color` of Wav2Lip; 16.44 M parameters. Its weights and HyperLips's do not interchange."""

    face_size = (48, 96)
    face_table = FACE_48X96

    def __init__(self, config: Config | SyncNetWav2LipConfig | None = None) -> None:
        super().__init__(recipe(config, SyncNetWav2LipConfig))
