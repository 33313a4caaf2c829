"""A crew of worker processes that put the shards of a plan on the shelf, together.

Workers only fill the shelf. Whoever started them reads the shards from it afterwards, and searches itself what is not
there, so workers that die cost time and never a result.
"""

from __future__ import annotations

import json
import os
import queue
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from hashlib import sha256
from typing import IO, Any

import torch
from sqlalchemy.exc import SQLAlchemyError
from torch import Tensor

from sparring import errors
from sparring.evaluation.errand import Errand, packed
from sparring.evaluation.fingerprint import plan_digest, shard_digest
from sparring.evaluation.ledger import Ledger
from sparring.evaluation.plan import Plan
from sparring.evaluation.shards import part, shards_of
from sparring.evaluation.shelf import Shelf
from sparring.evaluation.standing import Standing, Watch, standing_after, together
from sparring.storage.index import Leases, opened_store, sqlite_url
from sparring.tensors import take

__all__ = ["Crew", "fill"]

LEASE = 30.0
"""Seconds that a lease outlasts a worker that nobody saw die."""

GRACE = 10.0
"""Seconds that workers have to put down what they found when the user says stop."""

# An interrupt while everything is loaded just ends a worker; `main` takes it from there.
_START = (
    "import signal; signal.signal(signal.SIGINT, signal.SIG_DFL); "
    "from sparring.evaluation.worker import main; main()"
)

Worker = subprocess.Popen[str]
Inbox = queue.Queue[tuple[Worker, dict[str, Any] | None]]


@dataclass(frozen=True)
class Crew:
    """How many processes search, and where they keep their leases.

    Args:
        workers: How many.
        store: URL of a database; without, a file in the run folder that lasts as long as the search.
    """

    workers: int
    store: str | None = None


def fill(plan: Plan, ledger: Ledger, shelf: Shelf, crew: Crew, watch: Watch) -> bool:
    """Let workers put every shard of a plan on the shelf.

    Args:
        plan: What to do.
        ledger: Of all samples, after the first look.
        shelf: What is there is not searched again.
        crew: Who works.
        watch: Told where all of them stand together.

    Returns:
        Whether they were left to finish: False after Ctrl-C, when `shelf.cut_short` has what else they found.

    Raises:
        SparringError: What a worker raised; shards that were finished stay on the shelf.
    """
    shards = dict(enumerate(shards_of(plan)))
    standings, missing = _sorted(plan, ledger, shelf, shards)
    if not missing:
        return True
    with _leases(plan, shelf, crew) as (leases, store), tempfile.TemporaryFile() as file:
        errand = Errand(
            plan=plan,
            digest=plan_digest(plan),
            clean=ledger.clean.cpu(),
            shards={number: (shards[number], digest) for number, digest in missing.items()},
            shelf=shelf.folder,
            store=store,
            run=leases.run,
            lease=leases.seconds,
            threads=max(1, torch.get_num_threads() // crew.workers),
        )
        _hand_out(errand, file)

        def heard(number: int, standing: Standing) -> None:
            standings[number] = standing
            watch(together(ledger, shards, standings, standing.stage))

        with _started(min(crew.workers, len(missing)), file) as workers:
            return _overseen(workers, leases, set(missing), heard)


def _sorted(
    plan: Plan, ledger: Ledger, shelf: Shelf, shards: dict[int, Tensor]
) -> tuple[dict[int, Standing], dict[int, str]]:
    """The standings of shards that are on the shelf, and the digests of those that are not, or are damaged."""
    standings, missing = {}, {}
    for number, rows in shards.items():
        mine = take(ledger, rows.to(ledger.clean.device))
        digest = shard_digest(part(plan, rows), mine)
        kept = shelf.load(digest, mine)
        if kept is None:
            shelf.drop(digest)
            missing[number] = digest
        else:
            standings[number] = standing_after(kept)
    return standings, missing


def _hand_out(errand: Errand, file: IO[bytes]) -> None:
    try:
        file.write(packed(errand))
        file.flush()
    except OSError as error:
        raise errors.DataError(
            f"the plan cannot be written where workers read it, in {tempfile.gettempdir()}: {error.strerror or error}"
        ) from error


@contextmanager
def _leases(plan: Plan, shelf: Shelf, crew: Crew) -> Iterator[tuple[Leases, str]]:
    """The leases of a run, and the URL of their store."""
    own = shelf.folder.with_name("leases.sqlite")
    if crew.store is None:
        own.parent.mkdir(parents=True, exist_ok=True)
        own.unlink(missing_ok=True)  # of a crew that was killed: it holds nothing that lasts
    url = crew.store or sqlite_url(own)
    run = sha256(f"{shelf.folder.resolve()} {plan_digest(plan)}".encode()).hexdigest()
    engine = opened_store(url)
    try:
        yield Leases(engine, run, "parent", LEASE), url
    finally:
        engine.dispose()
        if crew.store is None:
            own.unlink(missing_ok=True)


@contextmanager
def _started(count: int, errand: IO[bytes]) -> Iterator[list[Worker]]:
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


def _overseen(workers: list[Worker], leases: Leases, missing: set[int], heard: Any) -> bool:
    """Listen until every shard is done or no worker lives; on Ctrl-C, until they have put down what they found."""
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
                _forget(leases, holders.get(worker.pid))
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


def _forget(leases: Leases, holder: str | None) -> None:
    with suppress(SQLAlchemyError):
        if holder is not None:
            leases.release(holder)


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
