"""The stage that renders videos, for datasets that make their own."""

from __future__ import annotations

from talkingface import catalog
from talkingface.catalog.rows import DatasetRow
from talkingface.chain.stage import Look, Stage
from talkingface.config.schema import Config


def render_stages(row: DatasetRow, config: Config) -> list[Stage]:
    """One stage where the row names a source of videos, else none."""
    if row.source is None:
        return []
    data = config.dataset

    def look() -> Look:
        count = len(catalog.load(str(row.missing))(data))
        if not count:
            return Look(False, f"its videos stand in {data.data_root}")
        return Look(True, f"videos and split lists ({count} files), to {data.data_root}")

    def work() -> str:
        made = catalog.load(str(row.source))(data, show_progress=config.run.show_progress)
        return f"{len(made)} videos"

    return [Stage(name="render", look=look, work=work)]
