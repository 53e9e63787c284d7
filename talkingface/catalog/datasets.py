"""Every kind of dataset of this repository, one row each."""

from __future__ import annotations

from talkingface.catalog.rows import DatasetRow

DATASETS = (
    DatasetRow(
        name="demo",
        description="talking heads that the toolkit renders itself; needs no data",
        config="talkingface.demo.config:DemoConfig",
        source="talkingface.demo.render:render_demo",
        missing="talkingface.demo.render:missing_files",
    ),
    DatasetRow(
        name="MEAD",
        description="MEAD's talking faces, as distributed or flat; views and emotions by choice",
        config="talkingface.data.dataprocess.mead:MeadConfig",
    ),
)
VIDEOS = DatasetRow(
    name="videos",
    description="any folder of videos",
    config="talkingface.config.schema:DatasetConfig",
)
"""The row of every dataset that has none of its own."""
