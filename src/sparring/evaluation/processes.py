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
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from typing import IO, Any

from sparring import errors
from sparring.evaluation.standing import Standing

__all__ = ["overseen", "started"]

GRACE = 10.0
"""Seconds that workers have to put down what they found when the user says stop."""

# An interrupt while everything is loaded just ends a worker; `main` takes it from there.
_START = (
    "import signal; signal.signal(signal.SIGINT, signal.SIG_DFL); "
    "from sparring.evaluation.worker import main; main()"
)

Worker = subprocess.Popen[str]
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


def overseen(
    workers: list[Worker],
    missing: set[int],
    heard: Callable[[int, Standing], None],
    bury: Callable[[str], None],
) -> bool:
    """Listen to workers until every shard is done or none of them lives.

    Args:
        workers: They run.
        missing: Numbers of the shards that are to be done.
        heard: Told of each shard where it stands.
        bury: Told the holder's name of each worker that ended.

    Returns:
        False after Ctrl-C, when the workers have put down what they found.

    Raises:
        SparringError: What a worker raised.
        RuntimeError: A fault of ours in a worker, with its traceback.
    """
    inbox: Inbox = queue.Queue()
    for worker in workers:
        threading.Thread(target=_listen, args=(worker, inbox), daemon=True).start()
    holders: dict[int, str] = {}
    try:
        living = len(workers)
        while living and missing:
            worker, message = inbox.get()
            if message is None:  # a worker ended; if it died, nobody has to wait until its lease runs out
                living -= 1
                if worker.pid in holders:
                    bury(holders[worker.pid])
            elif "holder" in message:
                holders[worker.pid] = message["holder"]
            elif "error" in message:
                raise _raised(message)
            else:
                heard(message["shard"], Standing(*message["standing"]))
                missing -= {message["shard"]} if message["done"] else set()
    except KeyboardInterrupt:
        _interrupt(workers)
        return False
    return True


def _listen(worker: Worker, inbox: Inbox) -> None:
    """Pass on what a worker says, and that it says no more."""
    assert worker.stdout is not None
    with worker.stdout, suppress(ValueError):  # a line that was cut off because the worker was killed
        for line in worker.stdout:
            inbox.put((worker, json.loads(line)))
    inbox.put((worker, None))


def _interrupt(workers: list[Worker]) -> None:
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
