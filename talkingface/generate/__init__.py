"""A face video and a sound to a dubbed video: reader -> tracker -> synthesizer -> paste -> writer.

Each part is a generator over the one before it, so frames stream through and memory does not grow with length.
`generate` in pipeline.py joins them.
"""

from talkingface.generate.dubber import GenerateSummary, generate
from talkingface.generate.paste import PasteOptions

__all__ = ["GenerateSummary", "PasteOptions", "generate"]
