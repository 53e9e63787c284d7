"""Keys and flags of talkingface-toolkit, HyperLips and Wav2Lip, and what becomes of each: one table.

The loader translates by it, the command line takes flags by it, and docs/moving_over.md prints it
(`python -m talkingface.config.foreign_page`). A key of ours that gets another name is entered here too, as renamed:
checkpoints and runs of earlier versions are read by `ALIASES`, which is made of these rows.
"""

from __future__ import annotations

from typing import Any

from talkingface.config import foreign
from talkingface.config.foreign import Fixed, ForeignKey, Idle, Mapped, Option

TOOLKIT, HYPERLIPS, WAV2LIP = "talkingface-toolkit", "HyperLips", "Wav2Lip"
PROJECTS = (TOOLKIT, HYPERLIPS, WAV2LIP)
_T, _HW, _ALL = (TOOLKIT,), (HYPERLIPS, WAV2LIP), PROJECTS


def _mapped(of: tuple[str, ...], name: str, ours: str, say: str = "", **more: Any) -> Mapped:
    return Mapped(name=name, of=of, ours=ours, say=say, **more)


def _same(of: tuple[str, ...], *names: str) -> tuple[Mapped, ...]:
    return tuple(_mapped(of, name, name) for name in names)


def _fixed(of: tuple[str, ...], name: str, *values: Any, say: str = "", must: bool = True, words: int = 1) -> Fixed:
    return Fixed(name=name, of=of, values=values, say=say, must=must, words=words)


def _idle(of: tuple[str, ...], say: str, *names: str, words: int = 1) -> tuple[Idle, ...]:
    return tuple(Idle(name=name, of=of, say=say, words=words) for name in names)


_MEL = "the published weights hear this mel"
_CUT = "crop or scale the video before, with ffmpeg for one"
ROWS: tuple[ForeignKey, ...] = (
    # Of one name and meaning
    *_same(
        _T, "seed", "num_workers", "show_progress", "train_batch_size", "evaluate_batch_size", "epochs",
        "learning_rate", "weight_decay", "preprocessed_root", "filelist_root",
    ),
    *_same(_ALL, "img_size", "fps", "sample_rate"),
    _mapped(
        _ALL, "data_root", "data_root", "the videos; the prepared folder, which training commands of HyperLips and "
        "Wav2Lip call so, is `preprocessed_root`",
    ),
    _mapped(_T, "metrics", "metrics", "in any case; `LSE` is `lse_d` and `lse_c`"),
    _mapped(_T, "resume", "resume", "`true` is `auto`, `false` is `never`", form=foreign.resume),
    # Where and how it runs
    _mapped(
        _T, "gpu_id", "device", "`0` is `auto`, the first GPU or else the CPU, as there; `1` is `cuda:1`; several are "
        "for torchrun ([gpus.md](gpus.md))", form=foreign.device, gives_way=True,
    ),
    _mapped(_T, "use_gpu", "device", "`false` is `cpu`; with `true`, `gpu_id` decides", form=foreign.switch(off="cpu")),
    _mapped((HYPERLIPS,), "gpu", "device", "as `gpu_id`", form=foreign.device, gives_way=True),
    _mapped(
        _T, "enable_amp", "precision", "`true` is `auto`, `false` is `fp32`",
        form=foreign.switch(on="auto", off="fp32"),
    ),
    _mapped(_T, "worker", "num_workers"),
    _mapped(_T, "checkpoint_dir", "saved_dir"),
    *_idle(
        _T, "several processes come from torchrun ([gpus.md](gpus.md))", "nproc", "world_size", "local_rank", "ip",
        "port", "offset",
    ),
    *_idle(_T, "fp16 always has a scaler, and nothing else needs one", "enable_scaler"),
    *_idle(_T, "the terminal shows what is needed, files of `log_dir` all", "state"),
    _mapped(
        _T, "reproducibility", "deterministic", "bit for bit the same losses on a GPU; on a CPU they always are",
        form=foreign.switch(on=True, off=False),
    ),
    *_idle(_T, "each run has its folder in `saved_dir`", "saved", "checkpoint_sub_dir"),
    *_idle(_T, "files that are needed only meanwhile lie beside the result", "temp_dir", "temp_sub_dir"),
    *_idle(_T, "`run` and the other commands say what is done", "train", "test", "evaluate", "need_preprocess"),
    _mapped(
        _T, "log_wandb", "logger", "`true` is `[tensorboard, jsonl, wandb]`",
        form=foreign.switch(on=["tensorboard", "jsonl", "wandb"]),
    ),
    *_idle(_T, "`WANDB_PROJECT` in the environment names it", "wandb_project"),
    # Data
    _fixed(_T, "data_path", "dataset", must=False, say="folder `dataset/<name>`; `data_root` for videos elsewhere"),
    *_idle(
        _T, "prepared and packed data are kept, and found again", "save_dataset", "dataset_save_path",
        "save_dataloaders", "dataloaders_save_path", "benchmark_filename",
    ),
    _fixed(_T, "shuffle", True, must=False, say="training draws in an order of `seed`; validation is always the same"),
    *_idle((HYPERLIPS,), "`clip_seconds: 5` cuts", "clip_flag"),
    *_idle((HYPERLIPS,), "`prepare` and `run` do what is needed", "Function"),
    *_idle(
        _T, "`filelist_root` holds train.txt, val.txt and test.txt", "train_filelist", "val_filelist", "test_filelist",
    ),
    *_idle(_HW, "preparation takes each face as it is found", "ngpu", "face_det_batch_size", "preprocess_batch_size"),
    # The mel
    _fixed(_HW, "num_mels", 80, say=_MEL),
    _fixed(_HW, "n_fft", 800, say=_MEL),
    _fixed(_HW, "hop_size", 200, say=_MEL),
    _fixed(_HW, "win_size", 800, say=_MEL),
    _fixed(_HW, "frame_shift_ms", None, 12.5, say="`hop_size` is 200 samples, 12.5 ms"),
    _fixed(_HW, "use_lws", False, say=_MEL),
    _fixed(_HW, "signal_normalization", True, say=_MEL),
    _fixed(_HW, "allow_clipping_in_normalization", True, say=_MEL),
    _fixed(_HW, "symmetric_mels", True, say=_MEL),
    _fixed(_HW, "max_abs_value", 4, say=_MEL),
    _fixed(_HW, "preemphasize", True, say=_MEL),
    _fixed(_HW, "preemphasis", 0.97, say=_MEL),
    _fixed(_HW, "min_level_db", -100, say=_MEL),
    _fixed(_HW, "ref_level_db", 20, say=_MEL),
    _fixed(_HW, "fmin", 55, say=_MEL),
    _fixed(_HW, "fmax", 7600, say=_MEL),
    _fixed(_ALL, "syncnet_mel_step_size", 16, say=_MEL),
    _fixed(_HW, "mel_step_size", 16, say=_MEL),
    *_idle(_HW, "sound is heard as loud as it is", "rescale", "rescaling_max"),
    # Training
    _mapped(_ALL, "batch_size", "train_batch_size"),
    _mapped(_ALL, "syncnet_T", "num_frames"),
    _mapped(_HW, "nepochs", "epochs"),
    _mapped(_T, "epoch", "epochs"),
    _mapped(_HW, "initial_learning_rate", "learning_rate"),
    _mapped(_T, "lr", "learning_rate"),
    _mapped(_T, "weight_decay_rate", "weight_decay"),
    _mapped(_T, "learner", "optimizer", "`adam` or `adamw`", form=foreign.optimizer),
    _mapped(_T, "optimizer", "optimizer", "in any case", form=foreign.optimizer),
    _mapped(_T, "clip_grad_norm", "grad_clip_norm", "its `max_norm`", form=foreign.clip_norm),
    _mapped(_T, "stopping_step", "early_stopping", "validations, `valid_every` steps apart", form=foreign.patience),
    _mapped(_HW, "checkpoint_interval", "save_every"),
    _mapped(_HW, "eval_interval", "valid_every"),
    _mapped(
        _HW, "syncnet_wt", "sync_weight", "0, which a training raises by itself, is the recipe's own weight",
        form=foreign.weight_that_rises,
    ),
    _mapped(_HW, "disc_wt", "adversarial_weight"),
    _mapped(_HW, "disc_initial_learning_rate", "disc_learning_rate"),
    _mapped(_ALL, "syncnet_checkpoint_path", "expert_checkpoint", form=foreign.path),
    _mapped(_HW, "syncnet_batch_size", "train_batch_size", "of the expert", part="expert"),
    _mapped(_HW, "syncnet_lr", "learning_rate", "of the expert", part="expert"),
    _mapped(_HW, "syncnet_eval_interval", "valid_every", "of the expert", part="expert"),
    _mapped(_HW, "syncnet_checkpoint_interval", "save_every", "of the expert", part="expert"),
    _fixed(_HW, "save_optimizer_state", True, must=False, say="a checkpoint holds all that going on needs"),
    *_idle(_T, "`valid_every` says it in steps", "eval_step"),
    *_idle(_T, "log lines have four digits", "loss_decimal_place", "metric_decimal_place"),
    *_idle(
        _T, "it is of recommender systems", "train_neg_sample_args", "neg_sampling", "training_neg_sample_num",
        "require_pow", "transform", "topk", "repeatable", "single_spec", "MODEL_TYPE",
    ),
    # Evaluation
    _mapped(_T, "eval_batch_size", "evaluate_batch_size"),
    _mapped(_T, "lse_checkpoint_path", "lse_weights", form=foreign.path),
    *_idle(
        _T, "the lists in `filelist_root` say which clips are for the test", "eval_args", "eval_setting",
        "group_by_user", "split_ratio", "leave_one_num",
    ),
    *_idle(_T, "best.pth is that of the lowest validation loss", "valid_metric", "valid_metric_bigger"),
    _fixed(_T, "vshift", 15, must=False, say="frames that LSE shifts the sound by, either way"),
    *_idle(_T, "the sync network takes its windows as memory allows", "lse_batch_size"),
    # Flags of commands that dub
    Option(name="evaluate_model_file", of=_T, ours="checkpoint"),
    Option(
        name="checkpoint_path", of=_HW, ours="checkpoint", in_file="initial_weights",
        say="in a file `initial_weights`: training starts from them, with optimizers of its own",
    ),
    _mapped(_HW, "disc_checkpoint_path", "initial_discriminator", "likewise", form=foreign.path),
    Option(name="checkpoint_path_HR", of=(HYPERLIPS,), ours="checkpoint"),
    Option(
        name="checkpoint_path_BASE", of=(HYPERLIPS,), ours="checkpoint", second="base_checkpoint",
        say="beside `--checkpoint_path_HR` it is `--base_checkpoint`",
    ),
    Option(name="outfile", of=_HW, ours="output"),
    _mapped(_HW, "pads", "generate_pads", "top, bottom, left, right", form=foreign.pads, words=4),
    _mapped(_HW, "nosmooth", "box_smoothing", "is `1`", form=foreign.switch(on=1), words=0),
    _mapped((WAV2LIP,), "wav2lip_batch_size", "generate_batch_size"),
    _mapped((HYPERLIPS,), "hyper_batch_size", "generate_batch_size"),
    _mapped(
        (HYPERLIPS,), "filter_window", "landmark_smoothing", "frames before and after each", form=foreign.unless_none
    ),
    *_idle((HYPERLIPS,), "what is pasted goes by the jaw of the face mesh", "segmentation_path"),
    *_idle((HYPERLIPS,), "there is no GFPGAN here", "face_enhancement_path"),
    *_idle((HYPERLIPS,), "there is no GFPGAN here", "no_faceenhance", words=0),
    *_idle(_HW, "a picture is known by its file", "static", words=0),
    *_idle(_HW, "videos are turned as their files say", "rotate", words=0),
    _fixed(_HW, "resize_factor", 1, say=_CUT),
    _fixed(_HW, "crop", (0, -1, 0, -1), say=_CUT, words=4),
    _fixed(_HW, "box", (-1, -1, -1, -1), say=f"the face is found in every frame; {_CUT}", words=4),
)  # fmt: skip
FOREIGN = {row.name: row for row in ROWS}
"""By their names there."""
MAPPED = {row.name: row for row in ROWS if isinstance(row, Mapped)}
ALIASES = {row.name: row.ours for row in MAPPED.values() if row.form is None and not row.part and row.name != row.ours}
"""Keys that have another name here and the same values -> our name."""
