"""The processes of a crew: started, listened to, stopped."""

from __future__ import annotations

import json
import os
import queue
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import IO, Any

from sparring import errors

__all__ = ["Worker", "interrupt", "said_by", "started"]

GRACE = 10.0
"""Seconds that workers have to put down what they found when the user says stop."""

# An interrupt while everything is loaded just ends a worker; `main` takes it from there.
_START = (
    "import signal; signal.signal(signal.SIGINT, signal.SIG_DFL); "
    "from sparring.evaluation.workers.worker import main; main()"
)

Worker = subprocess.Popen[str]
"""A process that was started with an errand."""

Inbox = queue.Queue[tuple[Worker, dict[str, Any] | None]]


@contextmanager
def started(count: int, errand: IO[bytes]) -> Iterator[list[Worker]]:
    """Worker processes, which are gone when the block ends. Ctrl-C in a terminal reaches the parent alone."""
    places = os.pathsep.join(place or os.getcwd() for place in sys.path)
    workers: list[Worker] = []
    try:
        for _ in range(count):
            workers.append(  # noqa: PERF401  (those that run are known even if the next cannot be started)
                subprocess.Popen(
                    [sys.executable, "-c", _START, str(os.getpid())],
                    stdin=errand,
                    stdout=subprocess.PIPE,
                    text=True,
                    env=os.environ | {"PYTHONPATH": places},
                    start_new_session=True,
                )
            )
        yield workers
    finally:
        for worker in workers:
            worker.kill()
            worker.wait()


def said_by(workers: list[Worker]) -> Iterator[dict[str, Any]]:
    """What workers say, as they say it, until none of them lives.

    Yields:
        `shard`, `done` and `standing` of a shard; `stopped`, why a worker could not finish one; `ended`, the name by
        which a worker that ended held its leases.

    Raises:
        SparringError: What a worker raised.
        RuntimeError: A fault of ours in a worker, with its traceback.
    """
    inbox: Inbox = queue.Queue()
    for worker in workers:
        threading.Thread(target=_listen, args=(worker, inbox), daemon=True).start()
    holders: dict[int, str] = {}
    living = len(workers)
    while living:
        worker, message = inbox.get()
        if message is None:
            living -= 1
            yield {"ended": holders.get(worker.pid, "")}
        elif "holder" in message:
            holders[worker.pid] = message["holder"]
        elif "error" in message:
            raise _raised(message)
        else:
            yield message


def _listen(worker: Worker, inbox: Inbox) -> None:
    """Pass on what a worker says, and that it says no more."""
    assert worker.stdout is not None
    with worker.stdout, suppress(ValueError):  # a line that was cut off because the worker was killed
        for line in worker.stdout:
            inbox.put((worker, json.loads(line)))
    inbox.put((worker, None))


def interrupt(workers: list[Worker]) -> None:
    """Ask all to stop; who says stop twice, or waits too long, does not wait for them."""
    for worker in workers:
        worker.send_signal(signal.SIGINT)
    end = time.monotonic() + GRACE
    with suppress(subprocess.TimeoutExpired, KeyboardInterrupt):
        for worker in workers:
            worker.wait(max(0.0, end - time.monotonic()))


def _raised(message: dict[str, Any]) -> Exception:
    """The error that a worker tells of."""
    if message["error"] is None:
        return RuntimeError(f"a worker failed:\n{message['message']}")
    kind: type[errors.SparringError] = getattr(errors, message["error"])
    return kind.__new__(kind, message["message"])  # it has its sentence already
