"""A worker process: leases shards, searches them, puts them on the shelf, and says how it goes.

It tells its parent a line of JSON at a time: the standing of a shard, or why it had to stop.
"""

from __future__ import annotations

import json
import mmap
import os
import random
import signal
import sys
import threading
import time
import traceback
from collections.abc import Callable
from contextlib import suppress
from dataclasses import astuple
from typing import Any
from uuid import uuid4

import torch
from sqlalchemy.exc import SQLAlchemyError

from sparring.errors import SparringError
from sparring.evaluation.ledger import opened
from sparring.evaluation.search.searching import shard_outcome
from sparring.evaluation.search.shards import part
from sparring.evaluation.search.shelf import Shelf
from sparring.evaluation.search.standing import Standing, standing_after
from sparring.evaluation.verifying import draws
from sparring.evaluation.workers.errand import Errand, unpacked
from sparring.models import untouched
from sparring.models.remote.target import refused
from sparring.storage.index import Leases, connected
from sparring.tensors import take

__all__ = ["main"]

OFTEN, IDLE = 0.2, 0.2
"""Seconds between two lines about a shard, and between two looks for a free one."""

Say = Callable[[dict[str, Any]], None]


def main() -> None:
    """Do the errand that lies open as standard input, for the parent whose process id is the only argument."""
    lines = os.fdopen(os.dup(1), "w", buffering=1)
    os.dup2(2, 1)  # what the user's code prints is not for the parent

    def say(message: dict[str, Any]) -> None:
        with suppress(BrokenPipeError):
            lines.write(json.dumps(message) + "\n")

    try:
        _work(unpacked(mmap.mmap(0, 0, access=mmap.ACCESS_READ)), int(sys.argv[1]), say)
    except SparringError as error:
        say({"error": type(error).__name__, "message": str(error)})
    except Exception:
        say({"error": None, "message": traceback.format_exc()})


def _work(errand: Errand, parent: int, say: Say) -> None:
    """Search shards until none is left, while the heart beats."""
    torch.set_num_threads(errand.threads)
    leases = Leases(connected(errand.store), errand.run, f"{os.getpid()}-{uuid4().hex[:16]}", errand.lease)
    say({"holder": leases.holder})
    over = threading.Event()
    threading.Thread(target=_heart, args=(leases, parent, over), daemon=True).start()
    signal.signal(signal.SIGINT, signal.default_int_handler)  # until here, an interrupt just ends us
    try:
        with untouched(errand.plan.model):
            _search(errand, leases, say)
    except KeyboardInterrupt:
        pass
    finally:
        over.set()
        _give_back(leases)


def _heart(leases: Leases, parent: int, over: threading.Event) -> None:
    """Show that we live; a worker whose parent died has nobody to work for."""
    while not over.wait(leases.seconds / 5):
        if os.getppid() != parent:
            os._exit(1)
        with suppress(
            SQLAlchemyError
        ):  # a store that is gone for good shows when the next lease is asked for
            leases.beat()


def _search(errand: Errand, leases: Leases, say: Say) -> None:
    plan, shelf = errand.plan, Shelf(errand.shelf)
    device = plan.model.device
    clean, clean_risk = errand.clean.to(device), errand.clean_risk.to(device)
    ledger = opened(clean, clean_risk, draws(plan))
    left = dict(errand.shards)
    while left := {number: shard for number, shard in left.items() if not shelf.has(shard[1])}:
        number = _free(leases, sorted(left))
        if number is None:
            time.sleep(IDLE)
            continue
        rows, _ = left[number]
        outcome = shard_outcome(part(plan, rows), take(ledger, rows.to(device)), _watch(number, say), shelf)
        if outcome.interrupted:
            say({"stopped": refused(plan.model)})
            return
        _give_back(leases)
        say({"shard": number, "done": True, "standing": astuple(standing_after(outcome))})


def _free(leases: Leases, left: list[int]) -> int | None:
    """A shard that nobody searches; any, where the store does not answer: then work is done twice, and no harm."""
    try:
        return leases.take(left)
    except SQLAlchemyError:
        return random.choice(left)  # so that not all choose the same


def _give_back(leases: Leases) -> None:
    with suppress(SQLAlchemyError):
        leases.release()


def _watch(number: int, say: Say) -> Callable[[Standing], None]:
    """Tell the parent of a shard, not more often than anybody wants to know."""
    last = -OFTEN

    def watch(standing: Standing) -> None:
        nonlocal last
        if time.monotonic() - last >= OFTEN:
            last = time.monotonic()
            say({"shard": number, "done": False, "standing": astuple(standing)})

    return watch
