"""Which keys make a training another one: every field is listed here, so that a new one is a decision."""

from __future__ import annotations

from dataclasses import dataclass, fields

import pytest

from talkingface import catalog
from talkingface.config.kinds import Cadence, Kind, PathText, Place, field_kinds, is_path
from talkingface.config.schema import DatasetConfig, ModelConfig, RunConfig
from talkingface.config.typed import field_types

DECIDED = {
    Kind.RESULT: """
        seed fps sample_rate face_detector crop_pads box_smoothing min_face min_frames jpeg_quality clip_seconds
        val_fraction test_fraction split_seed sync_expert correct_offset max_offset min_confidence
        demo_identities demo_unseen_identities demo_clips demo_val_clips demo_test_clips demo_seconds demo_size
        demo_seed mead_views mead_emotions mead_levels img_size num_frames mel_pad_mode train_batch_size
        accumulate_steps optimizer learning_rate adam_beta1 adam_beta2 weight_decay grad_clip_norm lr_schedule
        warmup_steps ema_decay initial_weights_sha256 initial_discriminator_sha256 initial_strict freeze
        adversarial_weight disc_learning_rate disc_start_step r1_weight r1_every spectral_norm gradient_weight
        sync_weight mouth_weight
        sync_start_step expert_checkpoint reference_gap silence_probability l1_weight l2_weight vgg_weight
        lip_l1_weight lip_lpips_weight perceptual relativistic_on perceptual_input initial_decoder train_on
        pack_format patch_size norm_freeze_step landmark_smoothing base_checkpoint sync_threshold mirror off_sync_sounds
        channels mel_context
    """,
    Kind.PLACE: """
        device precision compile deterministic checkpoint_activations sync_batch_norm
        num_workers saved_dir log_dir checkpoints_dir metrics leakage_clips lse_weights
        lse_protocol show_progress resume logger loop mel_timing generate_pads generate_batch_size paste_feather
        paste_chin_room paste_match_colour crf data_root filelist_root preprocessed_root packed_root
        face_detector_weights prepare_workers clip_timeout evaluate_batch_size vgg19_weights vgg16_weights
        lpips_weights detail inference_sketch base_img_size hr_root HyperLipsHR.mel_pad_mode
        HyperLipsHR.expert_checkpoint run_name note initial_weights initial_discriminator
    """,
    Kind.CADENCE: """
        epochs max_steps max_minutes log_every valid_every valid_batches save_every keep_every early_stopping
        skip_nonfinite sample_every video_every
    """,
}
"""A key with a model's name before it is another kind there than elsewhere."""
PATHS = """
    saved_dir log_dir checkpoints_dir lse_weights data_root filelist_root preprocessed_root packed_root
    face_detector_weights sync_expert expert_checkpoint base_checkpoint vgg19_weights vgg16_weights
    lpips_weights hr_root initial_weights initial_discriminator
"""
SCHEMAS = {"": (RunConfig, DatasetConfig, ModelConfig)} | {
    row.name: (catalog.load(row.config),) for row in (*catalog.MODELS, *catalog.DATASETS)
}


@pytest.mark.parametrize("name", SCHEMAS)
def test_every_key_has_the_kind_decided_for_it(name: str):
    table = {key: kind for kind, keys in DECIDED.items() for key in keys.split()}
    for schema in SCHEMAS[name]:
        kinds = field_kinds(schema)
        assert list(kinds) == [field.name for field in fields(schema)]
        for key, kind in kinds.items():
            decided = table.get(f"{name}.{key}", table.get(key))
            assert kind is decided, f"{name}.{key}: decide its kind, and list it here"


def test_nothing_is_listed_that_is_no_key():
    keys = {key for schemas in SCHEMAS.values() for schema in schemas for key in field_kinds(schema)}
    listed = " ".join(DECIDED.values()).split()
    assert {key.rpartition(".")[2] for key in listed} == keys and len(set(listed)) == len(listed)


def test_what_is_a_path():
    every = [schema for schemas in SCHEMAS.values() for schema in schemas]
    found = {key for schema in every for key, hint in field_types(schema).items() if is_path(hint)}
    assert found == set(PATHS.split())


@dataclass(frozen=True, kw_only=True)
class First:
    width: int = 1
    every: Cadence[int] = 1
    root: Place[PathText | None] = None


@dataclass(frozen=True, kw_only=True)
class Second(First):
    every: int = 2
    width: Place[int] = 3


def test_a_new_default_leaves_the_kind_and_a_new_mark_changes_it():
    assert field_kinds(First) == {"width": Kind.RESULT, "every": Kind.CADENCE, "root": Kind.PLACE}
    assert field_kinds(Second) == {"width": Kind.PLACE, "every": Kind.CADENCE, "root": Kind.PLACE}
