"""What decides how a trained model dubs: every configuration key that changes the video, read in one place."""

from __future__ import annotations

from dataclasses import asdict, dataclass

from talkingface.config.generating import Loop, MelTiming, Pads
from talkingface.config.schema import Config
from talkingface.generate.paste import PasteOptions
from talkingface.utils.files import digest
from talkingface.utils.media.mel import PadMode

OF_THE_NETWORK = ("img_size", "detail", "landmark_smoothing", "inference_sketch")
"""Keys of a model's recipe, where it has them, by which its network draws otherwise with the same weights."""


@dataclass(frozen=True, kw_only=True)
class DubbingSettings:
    """How a face is followed, drawn, pasted and encoded."""

    input_size: int
    """Side of the square crops that the network reads, pixels."""
    mel_pad_mode: PadMode
    mel_timing: MelTiming
    loop: Loop
    pads: Pads
    """Pixels added to the face box. At preparation none by default, as the box of the face mesh reaches below the chin
    already; the published inference adds 10 below S3FD's box."""
    box_smoothing: int
    face_detector: str
    face_detector_weights: str | None
    precision: str
    batch_size: int
    """Faces in one call of the network."""
    paste: PasteOptions
    crf: int
    network: tuple[tuple[str, object], ...] = ()
    """Keys and values that the network reads itself, see `OF_THE_NETWORK`."""

    @classmethod
    def of(cls, config: Config) -> DubbingSettings:
        """The settings of a configuration."""
        run, data, model = config.run, config.dataset, config.model
        return cls(
            input_size=model.input_size,
            mel_pad_mode=model.mel_pad_mode,
            mel_timing=run.mel_timing,
            loop=run.loop,
            pads=data.crop_pads if run.generate_pads is None else run.generate_pads,
            box_smoothing=data.box_smoothing,
            face_detector=data.face_detector,
            face_detector_weights=data.face_detector_weights,
            precision=run.precision,
            batch_size=run.generate_batch_size or model.evaluate_batch_size,
            paste=PasteOptions(
                feather=run.paste_feather, chin_room=run.paste_chin_room, match_colour=run.paste_match_colour
            ),
            crf=run.crf,
            network=tuple((key, getattr(model, key)) for key in OF_THE_NETWORK if hasattr(model, key)),
        )

    def mark(self) -> str:
        """A text that changes with everything but the weights and the files by which a dubbed video may differ.

        The size of batches does not count: it changes rounding at most.
        """
        return digest(repr(sorted((key, value) for key, value in asdict(self).items() if key != "batch_size")))
