"""Every shard of a plan, searched and put on the shelf, and then read from there.

Between one shard and the next nothing of it stays in memory but counts; what is read at the end are facts about
samples, without their points.
"""

from __future__ import annotations

from dataclasses import replace
from functools import partial

import torch

from sparring.evaluation.figures import eight_bit
from sparring.evaluation.fingerprint import shard_digest
from sparring.evaluation.ledger import Attempt, Ledger
from sparring.evaluation.outcome import Outcome
from sparring.evaluation.plan import Plan
from sparring.evaluation.search.logged import note_shard
from sparring.evaluation.search.paid import shard_answers_kept
from sparring.evaluation.search.shards import merged, part, shards_of
from sparring.evaluation.search.shelf import Shelf
from sparring.evaluation.search.stages import run_stages
from sparring.evaluation.search.standing import Standing, Watch, standing_after, together
from sparring.evaluation.verifying import draws, verify_rows
from sparring.models.remote.refusals import refusals_borne
from sparring.models.remote.target import reserved, turned_away
from sparring.tensors import put, take
from sparring.verify import Verified

__all__ = ["search_all", "shard_outcome", "shards_so_far"]


def search_all(plan: Plan, ledger: Ledger, watch: Watch, shelf: Shelf) -> None:
    """Search one shard after the other, and put them on the shelf, until one is cut short."""
    shards, standings = dict(enumerate(shards_of(plan))), dict[int, Standing]()

    def heard(number: int, standing: Standing) -> None:
        standings[number] = standing
        watch(together(ledger, shards, standings, standing.stage))

    for number, rows in shards.items():
        mine = take(ledger, rows.to(ledger.clean.device))
        outcome = shard_outcome(part(plan, rows), mine, partial(heard, number), shelf)
        if outcome.interrupted:
            return
        standings[number] = standing_after(outcome)


def shards_so_far(plan: Plan, ledger: Ledger, shelf: Shelf) -> Outcome:
    """What is on the shelf, shards that were cut short included; others are as after the first look."""
    outcomes, device = [], ledger.clean.device
    for rows in shards_of(plan):
        mine = take(ledger, rows.to(device))
        digest = shard_digest(part(plan, rows), mine)
        found = shelf.load(digest, device) or shelf.cut_short.load(digest, device)
        outcomes.append((rows, found or _unreached(mine)))
    return merged(outcomes)


def shard_outcome(plan: Plan, ledger: Ledger, watch: Watch, shelf: Shelf) -> Outcome:
    """One shard, from the shelf or searched and put there; `plan` and `ledger` are of its samples."""
    digest = shard_digest(plan, ledger)
    if (kept := shelf.load(digest, ledger.clean.device)) is not None:
        return kept
    torch.manual_seed(plan.seed)  # for models that draw: a shard does not depend on those before it
    ledger = replace(ledger, adversarial=plan.samples.inputs.to(ledger.clean.device))
    price = len(ledger.correct) * draws(plan) * (1 + eight_bit.applies(plan))
    with shard_answers_kept(plan.model, shelf, digest), reserved(plan.model, price), refusals_borne():
        outcome = _settled(plan, *_searched(plan, ledger, watch))
        if eight_bit.applies(plan) and outcome.complete:
            outcome = eight_bit.on_grid(plan, outcome)
    outcome = replace(outcome, refusal=turned_away(plan.model))
    if outcome.interrupted:
        return shelf.cut_short.save(digest, outcome)
    outcome = shelf.save(digest, outcome)
    note_shard(shelf.folder.parent, digest, plan, outcome)
    return outcome


def _unreached(ledger: Ledger) -> Outcome:
    """A shard that nobody searched."""
    none = torch.zeros(0, dtype=torch.int64, device=ledger.clean.device)
    return Outcome(ledger, (), none, Verified(none > 0, none.double(), none, none.double()))


def _searched(plan: Plan, ledger: Ledger, watch: Watch) -> tuple[Ledger, list[Attempt]]:
    """The ledger after the whole suite, or as much of it as the user let run, and every attempt."""
    attempts: list[Attempt] = []
    for after, attempt in run_stages(plan, ledger, watch):
        ledger = after
        attempts.append(attempt)
    if all(bool(attempt.finished.all()) for attempt in attempts):
        ledger = replace(ledger, finished=torch.ones_like(ledger.finished))
    return ledger, attempts


def _settled(plan: Plan, ledger: Ledger, attempts: list[Attempt]) -> Outcome:
    """Verify every success, also if the user says stop just now; one that does not hold does not count.

    Where the model answers at random, the fixed point of every sample is asked about.
    """
    asked = torch.ones_like(ledger.broken) if plan.model.randomised else ledger.broken
    rows, stopped = asked.nonzero().squeeze(1), False
    try:
        held = verify_rows(plan, rows, ledger.adversarial[rows])
    except KeyboardInterrupt:
        held, stopped = verify_rows(plan, rows, ledger.adversarial[rows]), True
    # the search would have gone on where a success does not hold, and must where nobody may be asked about it
    mine = take(ledger, rows)
    stands = (held.holds | (mine.finished & ~mine.broken)) & (not plan.smallest)
    over = ~held.risk.isnan() if bool(ledger.finished.all()) else stands
    ledger = put(ledger, rows, replace(mine, finished=over))
    return Outcome(ledger, tuple(attempts), rows, held, stopped=stopped)
