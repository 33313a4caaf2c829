"""How commands end: one sentence and the right exit code, never a traceback."""

from __future__ import annotations

import os
import sys
import tempfile
import traceback
from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from typing import Any

import typer
from typer.exceptions import TyperException

from sparring.errors import SparringError

__all__ = ["exit_code"]

INTERNAL, INTERRUPTED, USAGE = 70, 130, 2


def exit_code(app: Callable[..., Any]) -> int:
    """Run a Typer application; say in one sentence what went wrong, if anything did."""
    try:
        result = app(standalone_mode=False)
    except typer.Exit as end:
        return end.exit_code
    except BrokenPipeError:  # the reader of a pipe has enough
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    except (Exception, KeyboardInterrupt) as error:
        sentence, code = _told(error)
        sys.stderr.write(f"sparring: {sentence}\n")
        return code
    return result if isinstance(result, int) else 0


def _told(error: BaseException) -> tuple[str, int]:
    """One sentence, and the exit code."""
    match error:
        case SparringError():
            return str(error), error.exit_code
        case TyperException():
            return error.format_message(), USAGE
        case typer.Abort() | KeyboardInterrupt():
            return "interrupted", INTERRUPTED
    return _internal(error), INTERNAL


def _internal(error: BaseException) -> str:
    """Write a log of a fault of ours, and say where it lies."""
    log = Path(tempfile.gettempdir()) / f"sparring-{datetime.now():%Y%m%d-%H%M%S}-{os.getpid()}.log"
    log.write_text(f"{' '.join(sys.argv)}\n\n{''.join(traceback.format_exception(error))}", encoding="utf-8")
    return (
        f"internal error, {type(error).__name__}; nothing that was saved is lost; please report it with {log}"
    )
