"""The life of an audit: look, search, verify, count."""

from __future__ import annotations

import time
from dataclasses import replace

import torch
from torch import Tensor

from sparring.errors import Interrupted, ModelError
from sparring.evaluation import eight_bit
from sparring.evaluation.crew import Crew, fill
from sparring.evaluation.fingerprint import shard_digest
from sparring.evaluation.fitting import applies, fitted, fitted_with_all
from sparring.evaluation.ledger import Attempt, Ledger, opened
from sparring.evaluation.logged import note_shard
from sparring.evaluation.outcome import Outcome
from sparring.evaluation.plan import Plan
from sparring.evaluation.randomised import LOOKS
from sparring.evaluation.result import run_of
from sparring.evaluation.shards import merged, part, shards_of
from sparring.evaluation.shelf import Shelf
from sparring.evaluation.stages import run_stages
from sparring.evaluation.standing import Watch, whole
from sparring.evaluation.validity import misled
from sparring.evaluation.verifying import draws, verify_rows
from sparring.models import untouched
from sparring.models.canonical import show
from sparring.models.remote import reserved
from sparring.storage import Run
from sparring.tensors import put, take

__all__ = ["audit", "shard_outcome"]


def audit(
    plan: Plan,
    watch: Watch = lambda standing: None,
    shelf: Shelf | None = None,
    crew: Crew | None = None,
) -> Run:
    """Attack every sample with every stage until it breaks, verify what was found, and write it up.

    The model is left bit for bit as it was.

    Args:
        plan: What to do.
        watch: Told a few times a second where the audit stands.
        shelf: Finished shards go here, and those that are here already are not searched again.
        crew: Processes that fill the shelf together; without, this one searches alone.

    Raises:
        Interrupted: On Ctrl-C; `findings` is the Run, whose verdict is `incomplete`.
        ModelError: The clean inputs give outputs that are not numbers.
    """
    began = time.monotonic()
    with untouched(plan.model):
        torch.manual_seed(plan.seed)  # for models that draw
        ledger = _first_look(plan)
        plan, outcome = _audited(plan, ledger, watch, shelf, crew)
    run = run_of(plan, replace(outcome, seconds=time.monotonic() - began))
    if outcome.interrupted:
        raise Interrupted("interrupted; what was found so far is kept", findings=run)
    return run


def _audited(
    plan: Plan, ledger: Ledger, watch: Watch, shelf: Shelf | None, crew: Crew | None
) -> tuple[Plan, Outcome]:
    """The plan, fitted to the model if a trial can be held, and its outcome."""
    if not applies(plan):
        return plan, _all_shards(plan, ledger, watch, shelf, crew)
    try:
        plan = fitted(plan, ledger)
    except Interrupted:
        return plan, _settled(plan, ledger, [])
    outcome = _all_shards(plan, ledger, watch, shelf, crew)
    if outcome.interrupted or not misled(plan, outcome) or (wider := fitted_with_all(plan)) == plan:
        return plan, outcome
    return wider, _all_shards(wider, ledger, watch, shelf, crew)


def _all_shards(plan: Plan, ledger: Ledger, watch: Watch, shelf: Shelf | None, crew: Crew | None) -> Outcome:
    """The whole suite on every shard, or as many of them as the user let run."""
    if crew is not None and shelf is not None and not fill(plan, ledger, shelf, crew, watch):
        return _kept(plan, ledger, shelf)
    outcomes: list[tuple[Tensor, Outcome]] = []
    for rows in shards_of(plan):
        tell = whole(watch, plan, ledger, outcomes)
        mine = take(ledger, rows.to(ledger.clean.device))
        try:
            outcomes.append((rows, shard_outcome(part(plan, rows), mine, tell, shelf)))
        except KeyboardInterrupt:  # between a search and the next
            if shelf is None:
                raise
            return _kept(plan, ledger, shelf)
        if outcomes[-1][1].interrupted:
            break
    return merged(ledger, outcomes)


def _kept(plan: Plan, ledger: Ledger, shelf: Shelf) -> Outcome:
    """What is on the shelf when the user says stop; nothing is searched."""
    outcomes = []
    for rows in shards_of(plan):
        mine, its = take(ledger, rows.to(ledger.clean.device)), part(plan, rows)
        digest = shard_digest(its, mine)
        found = shelf.load(digest, mine) or shelf.cut_short.load(digest, mine) or _settled(its, mine, [])
        outcomes.append((rows, found))
    shelf.cut_short.clear()
    return merged(ledger, outcomes)


def shard_outcome(plan: Plan, ledger: Ledger, watch: Watch, shelf: Shelf | None) -> Outcome:
    """One shard, from the shelf or searched and put there; `plan` and `ledger` are of its samples."""
    digest = shard_digest(plan, ledger) if shelf is not None else ""
    if shelf is not None and (kept := shelf.load(digest, ledger)) is not None:
        return kept
    torch.manual_seed(plan.seed)  # for models that draw: a shard does not depend on those before it
    price = len(ledger.standing) * draws(plan) * (1 + eight_bit.applies(plan))
    with reserved(plan.model, price):
        outcome = _settled(plan, *_searched(plan, ledger, watch))
        if eight_bit.applies(plan) and outcome.complete:
            outcome = eight_bit.on_grid(plan, outcome)
    if shelf is not None and not outcome.interrupted:
        shelf.save(digest, outcome)
        note_shard(shelf.folder.parent, digest, plan, outcome)
    return outcome


def _searched(plan: Plan, ledger: Ledger, watch: Watch) -> tuple[Ledger, list[Attempt]]:
    """The ledger after the whole suite, or as much of it as the user let run, and every attempt."""
    attempts: list[Attempt] = []
    for after, attempt in run_stages(plan, ledger, watch):
        ledger = after
        attempts.append(attempt)
    if all(bool(attempt.finished.all()) for attempt in attempts):
        ledger = replace(ledger, finished=torch.ones_like(ledger.finished))
    return ledger, attempts


def _first_look(plan: Plan) -> Ledger:
    """Ask for every sample once, a model that answers at random several times; clean errors are not attacked."""
    inputs, labels, device = plan.samples.inputs, plan.samples.labels, plan.model.device
    looks = 2 * LOOKS if plan.model.randomised else 1
    with torch.no_grad():
        clean = torch.stack([_answers(plan, inputs) for _ in range(looks)]).mean(0)
    odd = (~clean.isfinite().all(1)).nonzero().flatten().tolist()
    if odd:
        raise ModelError(
            f"the model answers {len(odd)} of {len(inputs)} clean inputs (the first is number {odd[0]}) with NaN or "
            "infinite outputs; check its weights, mean and std"
        )
    ledger = opened(inputs.to(device), labels.to(device), clean)
    return replace(ledger, forwards=ledger.forwards * looks)


def _answers(plan: Plan, inputs: Tensor) -> Tensor:
    """What the model says to all inputs, `(N, C)`."""
    return torch.cat(
        [show(plan.model, part.to(plan.model.device)).float() for part in inputs.split(plan.batch)]
    )


def _settled(plan: Plan, ledger: Ledger, attempts: list[Attempt]) -> Outcome:
    """Verify every success, also if the user says stop just now; one that does not hold does not count."""
    rows, stopped = ledger.broken.nonzero().squeeze(1), False
    try:
        held = verify_rows(plan, rows, ledger.adversarial[rows])
    except KeyboardInterrupt:
        held, stopped = verify_rows(plan, rows, ledger.adversarial[rows]), True
    # the search would have gone on where a success does not hold, and must where nobody may be asked about it
    over = ~held.risk.isnan() if bool(ledger.finished.all()) else held.holds & (not plan.smallest)
    ledger = put(ledger, rows, replace(take(ledger, rows), finished=over))
    return Outcome(ledger, tuple(attempts), rows, held, stopped=stopped)
