"""A face video and a sound to a dubbed video.

with Dubber.from_checkpoint("saved/<run>", device="cpu") as dubber:
    dubber.write("person.mp4", "speech.wav", "out.mp4")
    for frame in dubber.frames("person.mp4", "speech.wav"): ...
"""

from talkingface.generate.dubber import Dubber
from talkingface.generate.dubbing import DrawnFace, DubbingSettings, GenerateSummary
from talkingface.generate.paste import PasteOptions

__all__ = ["DrawnFace", "Dubber", "DubbingSettings", "GenerateSummary", "PasteOptions"]
