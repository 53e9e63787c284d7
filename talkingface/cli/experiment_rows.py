"""The rows of commands that train many times: `repeat` and `search`."""

from __future__ import annotations

from talkingface.cli import commands
from talkingface.cli.command import DATASET, LAYERS, MODEL, PLAN, Command

EXPERIMENTS: dict[str, Command] = {
    "repeat": Command(
        line="the same training with several seeds, and how far their results lie apart",
        text="""\
Does what `run` does once for each seed, and puts mean and standard deviation of every metric into one table. With \
--against it does so for a second configuration, which has that file's values above all others (a file may name \
another model), and tests each difference over the same clips, with clips as pairs.

Reads what `run` reads. Writes what `run` writes, a run of saved/ for each seed, and \
saved/repeat-MODEL-DATASET-NAME.html and .md. Seeds that have finished are not trained again: the same command goes on \
where it was stopped, and one with more seeds trains only those that are new.""",
        usage="--model=NAME --dataset=NAME --seeds=N,N,... [--against=FILE] [--KEY=VALUE ...]",
        examples=(
            "repeat --model=HyperLipsBase --dataset=demo --seeds=0,1,2",
            "repeat --model=Wav2Lip --dataset=mine --seeds=0,1,2 --against=wide.yaml --run_name=wide",
        ),
        options={
            "model": MODEL,
            "dataset": DATASET,
            "seeds": "the seeds, two or more whole numbers",
            "against": "YAML file that makes a second configuration of the first, to be compared with it",
            **LAYERS,
            "dry_run": "print the plan of every training, write nothing",
            "print_config": PLAN["print_config"],
        },
        call=commands.repeat,
        of_model=True,
        computes=True,
    ),
    "search": Command(
        line="trainings with the values of a space, to find the best ones",
        text="""\
Trains --trials times, each time with values from the space that Optuna proposes by what the earlier trials came to, \
and names the best run. Each trial is a normal run of saved/. The space is a YAML file with a line for each key, \
which says between which values, or which of several (docs/runs.md); SyncNet.KEY is the key of another model of the \
chain. Needs an extra package: pip install -r requirements-search.txt.

Reads what `train` reads, and the space. Writes a run for each trial, and saved/search-MODEL-DATASET-NAME/ with \
search.html, search.md and trials.log, by which the same command goes on where it was stopped.""",
        usage="--model=NAME --dataset=NAME --space=FILE [--trials=N] [--objective=NAME] [--KEY=VALUE ...]",
        examples=(
            "search --model=HyperLipsBase --dataset=demo --space=space.yaml --trials=20",
            "search --model=Wav2Lip --dataset=mine --space=space.yaml --objective=opening_r --run_name=rates",
        ),
        options={
            "model": MODEL,
            "dataset": DATASET,
            "space": "YAML file of the keys and their values",
            "trials": "how many, earlier starts of the same search included (20)",
            "objective": "what is made best: loss (the validation's, the default), valid_psnr_mouth, or a metric of "
            "docs/metrics.md, for which every trial is evaluated",
            **LAYERS,
            "dry_run": "check the space, print the plan of a trial, write nothing",
            "print_config": PLAN["print_config"],
        },
        call=commands.search,
        of_model=True,
        computes=True,
    ),
}
