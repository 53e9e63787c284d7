"""`list --runs`: what has been trained."""

from __future__ import annotations

from talkingface.trainer.run_folder import RunFolder, find_runs


def list_runs(saved_dir: str) -> list[str]:
    """A line for each run, newest first."""
    runs = find_runs(saved_dir)
    if not runs:
        return [f"no runs in {saved_dir}/"]
    return [f"{'run':50} {'state':11} {'steps':>7}  best validation loss", *map(_line, runs)]


def _line(run: RunFolder) -> str:
    status = run.status()
    state = "finished" if status.get("finished") else "unfinished"
    score = status.get("best_score")
    shown = "-" if score is None else f"{score:.4g}"
    return f"{run.path!s:50} {state:11} {status.get('steps') or '-':>7}  {shown}"
