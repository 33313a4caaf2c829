"""The life of an audit: look, search, verify, count."""

from __future__ import annotations

import time
from dataclasses import asdict, replace

import torch
from torch import Tensor

from sparring.errors import Interrupted, ModelError
from sparring.evaluation import eight_bit
from sparring.evaluation.fingerprint import plan_digest, shard_digest
from sparring.evaluation.fitting import applies, fit_of, fitted, fitted_with_all, refitted
from sparring.evaluation.ledger import Attempt, Ledger, opened
from sparring.evaluation.logged import note_shard
from sparring.evaluation.outcome import Outcome
from sparring.evaluation.plan import Fit, Plan, fitting_stages
from sparring.evaluation.result import run_of
from sparring.evaluation.shards import merged, part, shards_of
from sparring.evaluation.shelf import Shelf
from sparring.evaluation.spot_check import CHEAP, checked_rows, plan_of_check, with_check
from sparring.evaluation.stages import run_stages
from sparring.evaluation.standing import Watch, whole
from sparring.evaluation.unadapted import unadapted
from sparring.evaluation.validity import misled
from sparring.evaluation.verifying import draws, verify_rows
from sparring.evaluation.workers import Crew, fill
from sparring.execution import prepared
from sparring.models import untouched
from sparring.models.canonical import show
from sparring.models.remote import reserved
from sparring.storage import Run
from sparring.tensors import put, take

__all__ = ["audit", "shard_outcome"]

MANY = 64
"""Samples from which on it pays to look for a faster way to ask the model; 16 times as many for a cheap suite."""


def audit(plan: Plan, shelf: Shelf, watch: Watch = lambda standing: None, crew: Crew | None = None) -> Run:
    """Attack every sample with every stage until it breaks, verify what was found, and write it up.

    The model is left bit for bit as it was.

    Args:
        plan: What to do.
        shelf: Finished shards go here, and those that are here already are not searched again. The run reads its
            examples from here until it is written.
        watch: Told a few times a second where the audit stands.
        crew: Processes that fill the shelf together; without, this one searches alone.

    Raises:
        Interrupted: On Ctrl-C; `findings` is the Run, whose verdict is `incomplete`.
        ModelError: The clean inputs give outputs that are not numbers.
    """
    began = time.monotonic()
    with untouched(plan.model):
        torch.manual_seed(plan.seed)  # for models that draw
        ledger = _first_look(plan)
        plan = _prepared(plan, shelf)
        plan, outcome = _audited(plan, ledger, watch, shelf, crew)
        plain = None if outcome.interrupted else unadapted(plan, ledger)
        outcome = replace(outcome, unadapted=plain)
    run = run_of(plan, replace(outcome, seconds=time.monotonic() - began))
    if outcome.interrupted:
        raise Interrupted("interrupted; what was found so far is kept", findings=run)
    return run


def _prepared(plan: Plan, shelf: Shelf) -> Plan:
    """The plan with the fastest way to ask the model, or with what an earlier try of the same audit took."""
    many = MANY * (16 if plan.suite in CHEAP else 1)
    if not plan.speed_ups or plan.suite == "smoke" or len(plan.samples) < many:
        return plan
    digest = plan_digest(plan)
    chosen = shelf.load_words(digest, "execution")
    ready = prepared(plan.model, plan.samples.first(plan.batch), chosen)
    if chosen is None:
        shelf.save_words(digest, "execution", dict(ready.chosen))
    return replace(plan, prepared=ready)


def _audited(
    plan: Plan, ledger: Ledger, watch: Watch, shelf: Shelf, crew: Crew | None
) -> tuple[Plan, Outcome]:
    """The plan with the stages that joined, and its outcome, spot check included."""
    plan, outcome = _trusted(plan, ledger, watch, shelf, crew)
    if plan.suite not in CHEAP:
        return plan, outcome
    rows = checked_rows(plan, outcome)
    if not len(rows):
        return plan, replace(outcome, checked=torch.zeros_like(outcome.robust))
    standing = opened(ledger.clean[rows], ledger.clean_risk[rows], draws(plan))
    return with_check(
        plan, outcome, rows, _all_shards(plan_of_check(plan, rows), standing, watch, shelf, crew)
    )


def _trusted(
    plan: Plan, ledger: Ledger, watch: Watch, shelf: Shelf, crew: Crew | None
) -> tuple[Plan, Outcome]:
    """The plan, fitted to the model if a trial can be held, and its outcome; wider if gradients misled it."""
    if not applies(plan):
        return plan, _all_shards(plan, ledger, watch, shelf, crew)
    try:
        plan = _fitted(plan, ledger, shelf)
    except (Interrupted, KeyboardInterrupt):
        return plan, _kept(plan, ledger, shelf)
    outcome = _all_shards(plan, ledger, watch, shelf, crew)
    if outcome.interrupted or not misled(plan, outcome) or (wider := _wider(plan)) == plan:
        return plan, outcome
    return wider, _all_shards(wider, ledger, watch, shelf, crew)


def _wider(plan: Plan) -> Plan:
    """The plan with everything that may help where gradients misled it; a cheap suite makes room for `standard`."""
    if plan.suite in CHEAP:
        said = f"gradients misled suite {plan.suite} on these samples, so standard was run on all of them"
        stages = fitting_stages(plan.model, plan.samples, plan.threat, "standard")
        model = plan.model.having(notes=(*plan.model.notes, said))
        standard = replace(plan, model=model, suite="standard", stages=stages, fit=Fit())
        plan = refitted(standard, plan.fit)
    return fitted_with_all(plan)


def _fitted(plan: Plan, ledger: Ledger, shelf: Shelf) -> Plan:
    """The plan, fitted to the model by a trial, or as an earlier try of the same audit was."""
    digest = shard_digest(plan, ledger)
    if (words := shelf.load_words(digest, "trial")) is not None:
        return refitted(plan, fit_of(words))
    plan = fitted(plan, ledger)
    shelf.save_words(digest, "trial", asdict(plan.fit))
    return plan


def _all_shards(plan: Plan, ledger: Ledger, watch: Watch, shelf: Shelf, crew: Crew | None) -> Outcome:
    """The whole suite on every shard, or as many of them as the user let run."""
    if crew is not None and not fill(plan, ledger, shelf, crew, watch):
        return _kept(plan, ledger, shelf)
    outcomes: list[tuple[Tensor, Outcome]] = []
    for rows in shards_of(plan):
        tell = whole(watch, plan, ledger, outcomes)
        mine = take(ledger, rows.to(ledger.clean.device))
        try:
            outcomes.append((rows, shard_outcome(part(plan, rows), mine, tell, shelf)))
        except KeyboardInterrupt:  # between a search and the next
            return _kept(plan, ledger, shelf)
        if outcomes[-1][1].interrupted:
            break
    return merged(ledger, outcomes)


def _kept(plan: Plan, ledger: Ledger, shelf: Shelf) -> Outcome:
    """What is on the shelf when the user says stop; nothing is searched."""
    outcomes, device = [], ledger.clean.device
    for rows in shards_of(plan):
        mine, its = take(ledger, rows.to(device)), part(plan, rows)
        digest = shard_digest(its, mine)
        found = shelf.load(digest, device) or shelf.cut_short.load(digest, device)
        outcomes.append((rows, found or _settled(its, _at_inputs(its, mine), []).without_points()))
    return merged(ledger, outcomes)


def shard_outcome(plan: Plan, ledger: Ledger, watch: Watch, shelf: Shelf) -> Outcome:
    """One shard, from the shelf or searched and put there; `plan` and `ledger` are of its samples."""
    digest = shard_digest(plan, ledger)
    if (kept := shelf.load(digest, ledger.clean.device)) is not None:
        return kept
    torch.manual_seed(plan.seed)  # for models that draw: a shard does not depend on those before it
    price = len(ledger.correct) * draws(plan) * (1 + eight_bit.applies(plan))
    with reserved(plan.model, price):
        outcome = _settled(plan, *_searched(plan, _at_inputs(plan, ledger), watch))
        if eight_bit.applies(plan) and outcome.complete:
            outcome = eight_bit.on_grid(plan, outcome)
    if outcome.interrupted:
        return shelf.cut_short.save(digest, outcome)
    outcome = shelf.save(digest, outcome)
    note_shard(shelf.folder.parent, digest, plan, outcome)
    return outcome


def _at_inputs(plan: Plan, ledger: Ledger) -> Ledger:
    """The ledger of one shard as its search begins: the points are the inputs themselves."""
    return replace(ledger, adversarial=plan.samples.inputs.to(ledger.clean.device))


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
    """Ask for every sample once, a model that answers at random many times; clean errors are not attacked."""
    labels, device = plan.samples.labels, plan.model.device
    clean, errors, looks = torch.zeros(()), torch.zeros(()), draws(plan)
    with torch.no_grad():
        for _ in range(looks):
            answers = _answers(plan)
            clean = clean.to(device) + answers / looks
            errors = errors.to(device) + (answers.argmax(1) != labels.to(device)).double() / looks
    odd = (~clean.isfinite().all(1)).nonzero().flatten().tolist()
    if odd:
        raise ModelError(
            f"the model answers {len(odd)} of {len(labels)} clean inputs (the first is number {odd[0]}) with NaN or "
            "infinite outputs; check its weights, mean and std"
        )
    return opened(clean, errors, looks)


def _answers(plan: Plan) -> Tensor:
    """What the model says to all inputs, `(N, C)`."""
    batches = plan.samples.parts(plan.batch)
    return torch.cat([show(plan.model, each.inputs.to(plan.model.device)).float() for each in batches])


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
