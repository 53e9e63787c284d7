"""Scripts that start worker processes have to keep their work under `if __name__ == "__main__":`.

A worker imports the script that is running. Where that starts work at its top level, each worker would do it all again.
"""

from __future__ import annotations

import ast
import multiprocessing
import sys
from pathlib import Path
from types import FrameType

from talkingface.utils.errors import UserError

UNGUARDED = 83
"""Exit code of a worker that came upon the script's work while it imported the script."""


def check_main_guard() -> None:
    """Refuse to work for a script that calls talkingface at its top level; to be called before anything is done.

    A worker that is just importing such a script ends here, without a word: the process that started it tells why.

    Raises:
        UserError: names the script and the line.
    """
    if getattr(multiprocessing.current_process(), "_inheriting", False):
        raise SystemExit(UNGUARDED)
    path, frame = _script(), _top_level()
    if path is None or frame is None:
        return
    try:
        tree = ast.parse(path.read_bytes())
    except (OSError, SyntaxError, ValueError):  # not to be read; the first worker will tell
        return
    line = frame.f_lineno
    if not any(isinstance(node, ast.If) and _is_guard(node, line) for node in ast.walk(tree)):
        raise _unguarded(f"{path}:{line}")


def start_failure(exit_code: int) -> UserError:
    """Why a worker ended before it was ready for its first task."""
    script = _script() or "the program"
    if exit_code == UNGUARDED:
        return _unguarded(str(script))
    return UserError(
        f"{script}: worker processes do not start: they import this script, and end with exit code {exit_code} there; "
        f'keep its work under `if __name__ == "__main__":`'
    )


def _unguarded(where: str) -> UserError:
    return UserError(
        f'{where}: the script calls talkingface at its top level; put the call under `if __name__ == "__main__":`, '
        f"because worker processes import the script"
    )


def _script() -> Path | None:
    """The file that workers will import as this process's main module; None where there is none."""
    main = sys.modules["__main__"]
    name = getattr(getattr(main, "__spec__", None), "name", None) or ""
    file = getattr(main, "__file__", None)
    return None if file is None or name.endswith("__main__") else Path(file)


def _top_level() -> FrameType | None:
    """Where the main module's own statements are just now; None where they are done, or call from another thread."""
    variables = vars(sys.modules["__main__"])
    frame: FrameType | None = sys._getframe()
    while frame is not None and not (frame.f_code.co_name == "<module>" and frame.f_globals is variables):
        frame = frame.f_back
    return frame


def _is_guard(node: ast.If, line: int) -> bool:
    """Whether an `if` asks for the module's name and holds a line."""
    return "__name__" in ast.unparse(node.test) and node.lineno <= line <= (node.end_lineno or node.lineno)
