"""A script without a main guard is told so once, before anything is done."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

SCRIPT = """
import sys
from pathlib import Path
sys.path.insert(0, {tests!r})
from worker_tasks import work
from talkingface.utils.main_guard import check_main_guard
from talkingface.utils.parallel import run_tasks

def main():
    {before}
    Path({made!r}).open("a").write("x")
    print(run_tasks(work, [1, 2, 3], workers=2))

{call}
"""
TOP_LEVEL = "main()"
WITHIN = "with open(__file__):\n    main()"
NOT_ONE = 'if __name__ in ("__main__", "__mp_main__"):\n    main()'
FAILS = 'if __name__ == "__main__":\n    main()\nelse:\n    raise KeyError("not to be imported")'
GUARDED = 'if __name__ == "__main__":\n    main()'
NESTED = 'with open(__file__):\n    if __name__ == "__main__":\n        main()'
THREAD = "import threading\nthread = threading.Thread(target=main)\nthread.start()\nthread.join()"


def start(folder: Path, call: str, before: str = "check_main_guard()") -> subprocess.CompletedProcess[str]:
    script = folder / "my script.py"
    made = str(folder / "made")
    script.write_text(SCRIPT.format(tests=str(Path(__file__).parent), before=before, made=made, call=call))
    environment = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[2])}
    return subprocess.run([sys.executable, str(script)], capture_output=True, text=True, env=environment, timeout=60)


@pytest.mark.parametrize("call", [TOP_LEVEL, WITHIN])
def test_a_call_at_the_top_level_is_refused_once_before_anything_is_done(tmp_path, call):
    done = start(tmp_path, call)
    assert done.returncode != 0 and done.stdout == "" and not (tmp_path / "made").exists()
    assert done.stderr.count("the script calls talkingface at its top level") == 1
    line = 1 + (tmp_path / "my script.py").read_text().splitlines().index(call.splitlines()[-1])
    assert f"my script.py:{line}: " in done.stderr and 'put the call under `if __name__ == "__main__":`' in done.stderr


@pytest.mark.parametrize("call", [GUARDED, NESTED, THREAD])
def test_what_workers_can_import_works(tmp_path, call):
    done = start(tmp_path, call)
    assert done.stdout == "[('ok', 2), ('ok', 4), ('ok', 6)]\n" and done.stderr == ""
    assert (tmp_path / "made").read_text() == "x"


def test_what_only_looks_like_a_guard_is_told_by_the_first_worker(tmp_path):
    done = start(tmp_path, NOT_ONE)
    assert done.returncode != 0 and done.stdout == ""
    assert done.stderr.count("the script calls talkingface at its top level") == 1
    assert (tmp_path / "made").read_text() == "x", "workers did nothing"


def test_a_script_that_fails_in_workers_is_named(tmp_path):
    done = start(tmp_path, FAILS)
    assert done.returncode != 0 and done.stdout == ""
    assert "my script.py: worker processes do not start" in done.stderr and "exit code 1" in done.stderr


def test_starting_workers_checks_too(tmp_path):
    done = start(tmp_path, TOP_LEVEL, before="pass")
    assert done.stderr.count("the script calls talkingface at its top level") == 1
