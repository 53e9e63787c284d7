"""Every command, one row each: what its help says, which options it takes, which function it calls."""

from __future__ import annotations

from talkingface.cli import commands
from talkingface.cli.command import DATASET, LAYERS, MODEL, PLAN, Command
from talkingface.cli.experiment_rows import EXPERIMENTS

EVALUATED = "the model: {models}; with --checkpoint needed for weights of another project only"
COMMANDS: dict[str, Command] = {
    "run": Command(
        line="prepare, train what is missing, evaluate, dub a sample, report (the default)",
        text="""\
Goes all the way from videos to a trained model. It finds and packs the faces of the dataset, trains what the model \
needs and what is not there yet (a lip-sync expert, a base model), trains the model, measures it on the test clips, \
keeps one dubbed clip to look at, and writes a page about the run. It is what the program does where no command is \
named.

Reads the dataset's videos and checkpoints/. Writes dataset/NAME/ (lists, faces, packed arrays), saved/RUN/ \
(checkpoints, losses, samples, evaluation, report.html) and log/. What has been done is not done again: the same \
command goes on where it was stopped.""",
        usage="--model=NAME --dataset=NAME [--KEY=VALUE ...]",
        examples=(
            "--model=HyperLipsBase --dataset=demo",
            "--model=Wav2Lip --dataset=path/to/videos --max_minutes=60",
            "--model=HyperLipsHR --dataset=MEAD --img_size=256 --dry-run",
        ),
        options={
            "model": MODEL,
            "dataset": DATASET,
            "checkpoint": "do not train, evaluate these weights (as --evaluate_model_file elsewhere)",
            **LAYERS,
            **PLAN,
        },
        call=commands.run,
        of_model=True,
        computes=True,
    ),
    "prepare": Command(
        line="prepare the data only",
        text="""\
Finds the face in every frame of the dataset's videos, cuts it out beside 16 kHz sound, splits the clips into train, \
val and test by speaker, and says which clips were left out and why. With --model it also packs the faces in that \
model's size, so that training begins at once (several GPUs want that). With --sync_expert it measures how far sound \
and lips of each clip are apart.

Reads dataset/NAME/data, which is never changed. Writes dataset/NAME/{filelist,preprocessed_data,packed}; \
preprocessed_data/report.md is the account. It can be stopped and started again.""",
        usage="--dataset=NAME [--model=NAME] [--KEY=VALUE ...]",
        examples=(
            "prepare --dataset=path/to/videos --prepare_workers=8",
            "prepare --dataset=mine --sync_expert=saved/RUN_OF_AN_EXPERT",
        ),
        options={"dataset": DATASET, "model": "pack the faces for it: {models}", **LAYERS, **PLAN},
        call=commands.prepare,
        of_model=True,
    ),
    "train": Command(
        line="prepare, and train what is missing",
        text="""\
Does what `run` does up to the trained weights: prepares the data where they are not, trains what the model needs and \
the model itself. A training that was stopped goes on at its last checkpoint; --resume=never begins a new one, \
--resume=RUN goes on with that run, also with another rate or loss weights (docs/training.md). Under \
torchrun it trains on several GPUs, on data that `prepare --model=NAME` has packed.

Reads the dataset. Writes saved/RUN/ with checkpoints/best.pth and last.pth, metrics.jsonl, sample grids and videos, \
and TensorBoard's files in log/.""",
        usage="--model=NAME --dataset=NAME [--KEY=VALUE ...]",
        examples=(
            "train --model=HyperLipsBase --dataset=demo --max_minutes=5",
            "train --model=SyncNet --dataset=mine --train_batch_size=32 --device=cuda",
            "train --resume=RUN --max_steps=200000 --learning_rate=3e-5",
        ),
        options={"model": MODEL, "dataset": DATASET, **LAYERS, **PLAN},
        refused={
            "checkpoint": "names weights to evaluate or to dub with (evaluate, generate); a training that starts from "
            "given weights takes --initial_weights=RUN or =FILE.pth, one that was stopped goes on by itself"
        },
        call=commands.train,
        of_model=True,
        computes=True,
    ),
    "evaluate": Command(
        line="measure trained weights on the test list, or two folders of videos",
        text="""\
Dubs the test clips, each with its own sound and with another clip's, and measures the written videos beside the real \
ones: lip sync, mouth opening, PSNR, SSIM, LPIPS, landmarks, identity and more (docs/metrics.md). An expert is \
measured by its accuracy and the offsets it finds. Without --checkpoint it takes the run that was trained with the \
same keys.

With --generated and --real it measures videos of any system, without a model or a dataset; two videos belong together \
that have one path without suffix.

Reads a checkpoint and the prepared test clips, or two folders. Writes saved/RUN/evaluation/ (evaluation.md, \
metrics.json, metrics.csv, curves, videos) and report.html; for two folders saved/evaluation-FOLDER/ or --output.""",
        usage="--checkpoint=RUN | --model=NAME --dataset=NAME | --generated=FOLDER --real=FOLDER",
        examples=(
            "evaluate --checkpoint=saved/RUN",
            "evaluate --checkpoint=wav2lip.pth --model=Wav2Lip --dataset=mine",
            "evaluate --generated=made --real=originals --metrics=psnr,ssim,lmd",
        ),
        options={
            "checkpoint": "trained weights: a run's folder or a .pth file (also --evaluate_model_file)",
            "model": EVALUATED,
            "dataset": "by default the one the checkpoint was trained on; {datasets}; or the folder of your videos",
            "generated": "folder of videos that a system made",
            "real": "folder of the videos that they should equal",
            "output": "with --generated: folder of the results",
            **LAYERS,
            **PLAN,
        },
        call=commands.evaluate,
        of_model=True,
        computes=True,
    ),
    "generate": Command(
        line="dub a video with trained weights",
        text="""\
Draws the mouth of a person anew, so that it speaks another sound. Only the mouth's region is replaced and its edge \
blended; frames without a face stay as they are; the result is as long as the sound, and a shorter video is played \
backwards and forwards. Memory does not grow with length.

Reads a checkpoint, a video or a picture, and a sound. Writes the one file --output.""",
        usage="--checkpoint=RUN --face=VIDEO --audio=SOUND --output=OUT.mp4 [--KEY=VALUE ...]",
        examples=(
            "generate --checkpoint=saved/RUN --face=person.mp4 --audio=speech.wav -o out.mp4",
            "generate --checkpoint=wav2lip.pth -m Wav2Lip --face=me.jpg --audio=talk.mp3 -o out.mp4",
        ),
        options={
            "checkpoint": "trained weights: a run's folder or a .pth file, official HyperLips and Wav2Lip weights too",
            "face": "video or picture of one person",
            "audio": "sound file, or a video whose sound is used",
            "output": "the video to write, an .mp4 file",
            "model": "the model; needed for weights of another project only: {drawing}",
            **LAYERS,
            **PLAN,
        },
        call=commands.generate,
        computes=True,
    ),
    "list": Command(
        line="models, datasets and profiles; `list --runs`: what has been trained",
        text="""\
Shows which names --model, --dataset and --profile take, models of other packages included. With --runs it \
shows every training in saved/: name, seed, steps, state, validation loss, the main metrics of those evaluated, what \
differs from the layers below your flags, and your note.

Reads saved/. Writes nothing.""",
        usage="[--runs]",
        examples=("list", "list --runs --saved_dir=other/saved"),
        options={
            "runs": "the runs in saved/, a table for each model and dataset",
            "dry_run": "changes nothing: `list` never writes",
        },
        call=commands.list_rows,
    ),
    "compare": Command(
        line="runs side by side on one page: compare RUN RUN ...",
        text="""\
Puts two to six runs beside each other: the settings that differ, how their trainings went, metrics with their \
intervals, the same clips as each run dubbed them, and losses in one chart. A run is named by its folder, its name, or \
the end of its name.

Reads the runs. Writes saved/compare-RUN-and-RUN.html, one file that opens in any browser, and prints its table.""",
        usage="RUN RUN ...",
        examples=("compare saved/RUN saved/OTHER_RUN", "compare RUN OTHER_RUN THIRD_RUN --saved_dir=other/saved"),
        options={"dry_run": "print the table and the page's name, write nothing"},
        call=commands.compare,
        takes_words=True,
    ),
    **EXPERIMENTS,
    "check": Command(
        line="look whether everything is there, print the plan, write nothing",
        text="""\
What `run --dry-run` does: looks at names, configuration, device, folders, data and needed weights, and says for each \
stage what it would do, or why it has nothing to do. A mistake is found here before hours of work.

Reads the dataset, saved/ and checkpoints/. Writes nothing.""",
        usage="--model=NAME --dataset=NAME [--KEY=VALUE ...]",
        examples=(
            "check --model=HyperLipsHR --dataset=MEAD",
            "check --model=Wav2Lip --dataset=path/to/videos --device=cuda",
        ),
        options={"model": MODEL, "dataset": DATASET, **LAYERS, **PLAN},
        call=commands.check,
        of_model=True,
    ),
}
