"""From a folder of videos to the arrays that training reads: `prepare`, then `pack`."""

from talkingface.data.dataprocess.hyperlipsbase_process import PrepareSummary, prepare
from talkingface.data.dataprocess.packing import PackSummary, pack

__all__ = ["PackSummary", "PrepareSummary", "pack", "prepare"]
