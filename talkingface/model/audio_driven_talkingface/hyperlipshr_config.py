"""Recipe of HyperLipsHR. Apart from the network, so that reading a configuration imports no torch."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from talkingface.config.kinds import LossWeight, PathText, Place
from talkingface.model.audio_driven_talkingface.generator_config import AdversarialConfig


@dataclass(frozen=True, kw_only=True)
class HyperLipsHRConfig(AdversarialConfig):
    """L1 + adversarial + VGG + lips' L1 + lips' LPIPS, each with weight 1 (HyperLips, section 3.3)."""

    img_size: int = 128
    """Side of the faces that are drawn, pixels: 128, 256 or 512."""
    num_frames: int = 1
    """Frames in one sample; the decoder looks at single frames."""
    mel_pad_mode: Place[Literal["constant", "reflect"]] = "constant"
    """How audio ends are padded before the mel; taken from the Base's checkpoint where that tells."""
    train_batch_size: int = 28
    evaluate_batch_size: int = 4
    adam_beta1: float = 0.5
    l1_weight: LossWeight[float] = 1.0
    """Weight of the pixels' L1."""
    l2_weight: LossWeight[float] = 0.0
    """Weight of the pixels' squared error, which keeps unsure edges soft; the paper has none."""
    adversarial_weight: float = 1.0
    disc_learning_rate: float = 5e-4
    vgg_weight: LossWeight[float] = 1.0
    """Weight of VGG19's features; counts where `perceptual` is vgg."""
    lip_l1_weight: LossWeight[float] = 1.0
    """Weight of the L1 inside the lips' box."""
    lip_lpips_weight: LossWeight[float] = 1.0
    """Weight of LPIPS inside the lips' box; counts where `perceptual` is vgg."""
    perceptual: Literal["vgg", "none"] = "vgg"
    """`vgg` compares what VGG19 and VGG16 see, which needs three files of weights; `none` leaves both terms out."""
    vgg19_weights: Place[PathText | None] = None
    """File of torchvision's VGG19; none looks in torch's usual cache and in checkpoints_dir."""
    vgg16_weights: Place[PathText | None] = None
    """File of torchvision's VGG16; likewise."""
    lpips_weights: Place[PathText | None] = None
    """File of LPIPS's heads for VGG (version 0.1); none looks for lpips_vgg.pth in the same places."""
    relativistic_on: Literal["logits", "probabilities"] = "logits"
    """What the relativistic loss compares; `probabilities` repeats the published code's Sigmoid before it."""
    perceptual_input: Literal["normalised", "raw"] = "normalised"
    """What VGG is shown: RGB normalised as it was trained with, or, as the published code, BGR in [0, 1]."""
    initial_decoder: Literal["enlargement", "random"] = "enlargement"
    """Untrained weights: `enlargement` gives the base face back, enlarged; `random` is the published code's."""
    train_on: Literal["train", "held_out"] = "train"
    """Clips that the decoder learns from: `train`, which the Base was trained on, as published; `held_out`, five
    sixths of the validation list. A Base knows its training clips by heart, so its faces of them are better than those
    that it will draw of others, and what is learnt from them does not hold there. Validation is on the other sixth."""
    patch_size: int | None = None
    """Side of the patches of base faces that training samples are, 128 at most; none takes whole faces."""
    norm_freeze_step: int | None = None
    """Step from which batch normalisation keeps its statistics, which few samples a step would move to and fro; none
    never does, as published."""
    landmark_smoothing: int = 2
    """Landmarks of sketches are averaged over this many frames before and after each."""
    detail: Place[float | None] = 1.0
    """Share of what the decoder changes in the enlarged base face that is drawn: near 0 the base face, 1 the decoder's.
    Less is nearer to the real frames where the Base's edges lie wrong, more is sharper. None takes the share that was
    nearest to the real faces of the validation clips, by PSNR; training logs it as `best_detail`."""
    inference_sketch: Place[Literal["training", "published"]] = "training"
    """Sketches when generating: widened as those trained on, or thin as in the published inference."""
    base_checkpoint: PathText | None = None
    """Weights of the HyperLipsBase whose faces are refined; none lets `run` find or train one."""
    base_img_size: Place[int] = 128
    """Side of the crops that this Base reads; taken from its checkpoint where that tells."""
    expert_checkpoint: Place[PathText | None] = None
    """Weights of the lip-sync expert that measures in the evaluation; none takes one that is there, if any."""
    hr_root: Place[PathText | None] = None
    """Folder of GT_IMG, GT_MASK, GT_SKETCH, HYPER_IMG, HYPER_SKETCH made elsewhere, to be trained on as it stands; none
    takes HR_Train_Dateset or HR_Train_Dataset in preprocessed_root, and where there is neither, makes one."""

    @property
    def input_size(self) -> int:
        return self.base_img_size

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.img_size not in (128, 256, 512):
            raise ValueError(f"img_size: the decoder draws 128, 256 or 512 pixels, got {self.img_size}")
        if self.patch_size is not None and not 16 <= self.patch_size <= 128:
            raise ValueError(f"patch_size: wanted 16 to 128, or none, got {self.patch_size}")
        if self.patch_size is not None and self.adversarial_weight > 0:
            raise ValueError(
                "patch_size and adversarial_weight: the discriminator judges whole faces; give one of them up"
            )
        if self.base_img_size <= 0 or self.base_img_size % 16:
            raise ValueError(f"base_img_size: wanted a multiple of 16, got {self.base_img_size}")
        names = ("l1_weight", "l2_weight", "vgg_weight", "lip_l1_weight", "lip_lpips_weight")
        for name in (*names, "landmark_smoothing", "norm_freeze_step"):
            if (getattr(self, name) or 0) < 0:
                raise ValueError(f"{name}: wanted 0 or more, got {getattr(self, name)}")
        if self.detail is not None and not 0 <= self.detail <= 1:
            raise ValueError(f"detail: wanted 0 to 1, or none, got {self.detail}")
        if not any(getattr(self, name) for name in ("l1_weight", "l2_weight", "lip_l1_weight")):
            raise ValueError("l1_weight, l2_weight and lip_l1_weight: one of them has to be above 0")
