"""The stage that packs prepared clips into the arrays that training reads."""

from __future__ import annotations

from collections.abc import Iterable

from talkingface.catalog.rows import DatasetRow
from talkingface.chain.prepare import video_stages
from talkingface.chain.stage import Look, Stage
from talkingface.config.schema import Config


def data_stages(row: DatasetRow, configs: Iterable[Config]) -> list[Stage]:
    """Stages up to packed faces, for one dataset.

    Args:
        row: the kind of dataset.
        configs: of every model that will be trained on packed faces, at least one; each size is packed once.
    """
    configs = list(configs)
    return [*video_stages(row, configs[0]), *pack_stages(configs)]


def pack_stages(configs: Iterable[Config], *, packed: Iterable[Config] = ()) -> list[Stage]:
    """One stage for each size of faces and kind of mel that a model reads, apart from those in `packed`."""
    done = {(config.model.img_size, config.model.mel_pad_mode) for config in packed}
    kinds = {(config.model.img_size, config.model.mel_pad_mode): config for config in configs}
    return [_pack(config) for kind, config in kinds.items() if kind not in done]


def _pack(config: Config) -> Stage:
    from talkingface.data.dataprocess.packing import is_packed, pack

    data, img_size, mel_pad_mode = config.dataset, config.model.img_size, config.model.mel_pad_mode

    def look() -> Look:
        how = "" if data.pack_format == "raw" else f" as {data.pack_format}"
        what = f"{img_size} px faces{how} and {mel_pad_mode} mel"
        if is_packed(data, img_size=img_size, mel_pad_mode=mel_pad_mode):
            return Look(False, f"{what} stand in {data.packed_root}")
        return Look(True, f"{what}, to {data.packed_root}")

    def work() -> str:
        show = config.run.show_progress
        done = pack(data, img_size=img_size, mel_pad_mode=mel_pad_mode, show_progress=show)
        left_out = f", {len(done.left_out)} left out (see {done.index})" if done.left_out else ""
        return f"{done.clips} clips, {done.frames} frames{left_out}"

    return Stage(name=f"pack {img_size} px", look=look, work=work)
