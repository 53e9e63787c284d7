"""Every model of this repository, one row each."""

from __future__ import annotations

from talkingface.catalog.rows import ModelRow, Need

_TWO_EXPERTS = (
    "HyperLips's sync expert (SyncNet, lower halves of 64x128 px) and Wav2Lip's (SyncNetWav2Lip, 48x96 px) are "
    "different networks; their checkpoints do not interchange"
)


def _expert(model: str) -> Need:
    return Need(
        part="expert",
        model=model,
        path_key="expert_checkpoint",
        when="sync_weight",
        good_loss=0.25,
        same=("num_frames",),
    )


def _wav2lip(name: str, description: str, config: str) -> ModelRow:
    return ModelRow(
        name=name,
        description=description,
        config=f"talkingface.model.audio_driven_talkingface.wav2lip_config:{config}",
        model="talkingface.model.audio_driven_talkingface.wav2lip:Wav2Lip",
        dataset="talkingface.data.dataset.wav2lip_dataset:Wav2LipDataset",
        trainer="talkingface.trainer.wav2lip_trainer:Wav2LipTrainer",
        needs=(_expert("SyncNetWav2Lip"),),
        sync_expert=_expert("SyncNetWav2Lip"),
    )


def _syncnet(name: str, description: str, config: str, model: str) -> ModelRow:
    return ModelRow(
        name=name,
        description=description,
        config=f"talkingface.model.audio_driven_talkingface.syncnet_config:{config}",
        model=f"talkingface.model.audio_driven_talkingface.{model}",
        dataset="talkingface.data.dataset.syncnet_dataset:SyncNetDataset",
        trainer="talkingface.trainer.syncnet_trainer:SyncNetTrainer",
        makes_video=False,
        evaluate_by="talkingface.evaluator.protocols.expert:evaluate_expert",
        not_to_confuse=_TWO_EXPERTS,
    )


MODELS = (
    ModelRow(
        name="HyperLipsBase",
        description="hypernetwork that draws the lips from the sound (arXiv 2310.05720)",
        config="talkingface.model.audio_driven_talkingface.hyperlipsbase_config:HyperLipsBaseConfig",
        model="talkingface.model.audio_driven_talkingface.hyperlipsbase:HyperLipsBase",
        dataset="talkingface.data.dataset.hyperlipsbase_dataset:HyperLipsBaseDataset",
        trainer="talkingface.trainer.hyperlipsbase_trainer:HyperLipsBaseTrainer",
        needs=(_expert("SyncNet"),),
        sync_expert=_expert("SyncNet"),
    ),
    ModelRow(
        name="HyperLipsHR",
        description="HyperLipsBase and a decoder that draws its faces sharp, at 128, 256 or 512 px (arXiv 2310.05720)",
        config="talkingface.model.audio_driven_talkingface.hyperlipshr_config:HyperLipsHRConfig",
        model="talkingface.model.audio_driven_talkingface.hyperlipshr:HyperLipsHR",
        dataset="talkingface.data.dataset.hyperlipshr_dataset:HyperLipsHRDataset",
        trainer="talkingface.trainer.hyperlipshr_trainer:HyperLipsHRTrainer",
        process="talkingface.data.dataprocess.hyperlipshr_process:HyperLipsHRProcess",
        needs=(
            Need(
                part="base",
                model="HyperLipsBase",
                path_key="base_checkpoint",
                inside=True,
                takes=(("base_img_size", "img_size"), ("mel_pad_mode", "mel_pad_mode")),
            ),
        ),
        foreign_part="decoder",
        sync_expert=Need(part="expert", model="SyncNet", path_key="expert_checkpoint"),
    ),
    _wav2lip("Wav2Lip", "encoders of face and sound, one decoder (arXiv 2008.10010)", "Wav2LipConfig"),
    _wav2lip("Wav2LipGAN", "Wav2Lip with a discriminator of visual quality", "Wav2LipGANConfig"),
    ModelRow(
        name="LiteLips",
        description="small network for one person, fast to train and to draw without a GPU",
        config="talkingface.model.audio_driven_talkingface.litelips_config:LiteLipsConfig",
        model="talkingface.model.audio_driven_talkingface.litelips:LiteLips",
        dataset="talkingface.data.dataset.window_dataset:GeneratorDataset",
        trainer="talkingface.trainer.litelips_trainer:LiteLipsTrainer",
        needs=(_expert("SyncNet"),),
        sync_expert=_expert("SyncNet"),
    ),
    _syncnet(
        "SyncNet", "lip-sync expert of HyperLips, 64x128 px lower halves", "SyncNetConfig", "syncnet:SyncNet_color"
    ),
    _syncnet(
        "SyncNetWav2Lip",
        "lip-sync expert of Wav2Lip, 48x96 px lower halves",
        "SyncNetWav2LipConfig",
        "syncnet:SyncNetWav2Lip",
    ),
)
