"""A crew of worker processes that put the shards of a plan on the shelf, together.

Workers only fill the shelf. Whoever started them reads the shards from it afterwards, and searches itself what is not
there, so workers that die cost time and never a result.
"""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from hashlib import sha256
from typing import IO, TYPE_CHECKING

import torch
from torch import Tensor

from sparring.errors import DataError
from sparring.evaluation.fingerprint import plan_digest, shard_digest
from sparring.evaluation.ledger import Ledger
from sparring.evaluation.plan import Plan
from sparring.evaluation.search.shards import part, shards_of
from sparring.evaluation.search.shelf import Shelf
from sparring.evaluation.search.standing import Standing, Watch, standing_after, together
from sparring.evaluation.workers.errand import Errand, packed
from sparring.evaluation.workers.processes import Worker, interrupt, said_by, started
from sparring.models.remote.target import remote_behind
from sparring.tensors import take

if TYPE_CHECKING:
    from sparring.storage.index import Leases

__all__ = ["Crew", "fill"]

LEASE = 30.0
"""Seconds that a lease outlasts a worker that nobody saw die."""


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
        Whether they were left to finish: False after Ctrl-C, or where an engagement allows no more queries; then
        `shelf.cut_short` has what else they found.

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
            clean_risk=ledger.clean_risk.cpu(),
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

        with started(min(crew.workers, len(missing)), file) as workers:
            return _overseen(workers, plan, set(missing), heard, leases)


def _overseen(
    workers: list[Worker],
    plan: Plan,
    missing: set[int],
    heard: Callable[[int, Standing], None],
    leases: Leases,
) -> bool:
    """Heed what workers say until every shard is done or none of them lives; whether nobody said stop."""
    left_to_finish = True
    try:
        for message in said_by(workers):
            match message:
                case {"ended": holder}:  # if it died, nobody has to wait until its lease runs out
                    leases.bury(holder)
                case {"stopped": reason}:
                    left_to_finish = False
                    _refuse(plan, reason)
                case {"shard": number, "standing": standing, "done": done}:
                    heard(number, Standing(*standing))
                    missing -= {number} if done else set()
            if not missing:
                break
    except KeyboardInterrupt:
        interrupt(workers)
        return False
    return left_to_finish


def _refuse(plan: Plan, reason: str | None) -> None:
    """Let our own model say why nothing more was asked, as it would had it asked itself."""
    remote = remote_behind(plan.model)
    if remote is not None and remote.refused is None:
        remote.refused = reason


def _sorted(
    plan: Plan, ledger: Ledger, shelf: Shelf, shards: dict[int, Tensor]
) -> tuple[dict[int, Standing], dict[int, str]]:
    """The standings of shards that are on the shelf, and the digests of those that are not, or are damaged."""
    standings, missing = {}, {}
    for number, rows in shards.items():
        mine = take(ledger, rows.to(ledger.clean.device))
        digest = shard_digest(part(plan, rows), mine)
        kept = shelf.load(digest, ledger.clean.device)
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
        raise DataError(
            f"the plan cannot be written where workers read it, in {tempfile.gettempdir()}: {error.strerror or error}"
        ) from error


@contextmanager
def _leases(plan: Plan, shelf: Shelf, crew: Crew) -> Iterator[tuple[Leases, str]]:
    """The leases of a run, and the URL of their store."""
    from sparring.storage.index import (
        Leases,
        opened_store,
        sqlite_url,
    )  # a database takes its time, for few callers

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
