"""The life of an audit: look, search, verify, count."""

from __future__ import annotations

import time
from dataclasses import asdict, replace

import torch
from torch import Tensor

from sparring.errors import Interrupted, ModelError
from sparring.evaluation.fingerprint import plan_digest, shard_digest
from sparring.evaluation.ledger import Ledger, opened
from sparring.evaluation.outcome import Outcome
from sparring.evaluation.plan import Fit, Plan, fitting_stages
from sparring.evaluation.result import run_of
from sparring.evaluation.search.fitting import applies, fit_of, fitted, fitted_with_all, refitted
from sparring.evaluation.search.searching import search_all, shards_so_far
from sparring.evaluation.search.shelf import Shelf
from sparring.evaluation.search.spot_check import CHEAP, checked_rows, plan_of_check, with_check
from sparring.evaluation.search.standing import Watch
from sparring.evaluation.suspicion.validity import misled
from sparring.evaluation.trial.unadapted import unadapted
from sparring.evaluation.verifying import draws
from sparring.evaluation.workers import Crew, fill
from sparring.execution import prepared
from sparring.models import untouched
from sparring.models.canonical import show
from sparring.models.remote.refusals import refusals_borne
from sparring.models.remote.target import turned_away
from sparring.storage import Run

__all__ = ["audit"]

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
    # no more than are in flight when few are left standing, which is where most time goes
    ready = prepared(plan.model, plan.samples.first(min(plan.batch, MANY)), chosen)
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
        return plan, shards_so_far(plan, ledger, shelf)
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
    """The whole suite on every shard, or as many of them as the user let run; `ledger` is of the first look."""
    try:
        if crew is None or fill(plan, ledger, shelf, crew, watch):
            search_all(plan, ledger, watch, shelf)  # what workers left, if they died
    except KeyboardInterrupt:  # between a search and the next
        pass
    return shards_so_far(plan, ledger, shelf)


def _first_look(plan: Plan) -> Ledger:
    """Ask for every sample once, a model that answers at random many times; clean errors are not attacked, nor are
    samples that a target refuses.
    """
    labels, device = plan.samples.labels, plan.model.device
    clean, errors, looks = torch.zeros(()), torch.zeros(()), draws(plan)
    with torch.no_grad(), refusals_borne():
        for _ in range(looks):
            answers = _answers(plan)
            clean = clean.to(device) + answers / looks
            wrong = (answers.argmax(1) != labels.to(device)) | answers.isnan().any(1)
            errors = errors.to(device) + wrong.double() / looks
    odd = (~clean.isfinite().all(1)).nonzero().flatten().tolist()
    if odd and turned_away(plan.model) is None:
        raise ModelError(
            f"the model answers {len(odd)} of {len(labels)} clean inputs (the first is number {odd[0]}) with NaN or "
            "infinite outputs; check its weights, mean and std"
        )
    return opened(clean, errors, looks)


def _answers(plan: Plan) -> Tensor:
    """What the model says to all inputs, `(N, C)`."""
    device, said, place = plan.model.device, torch.empty(0), 0
    for part in plan.samples.parts(plan.batch):
        answers = show(plan.model, part.inputs.to(device)).float()
        if not place:  # in one piece: small ones between the batches would tear memory to shreds
            said = answers.new_empty(len(plan.samples), answers.shape[1])
        said[place : place + len(part)] = answers
        place += len(part)
    return said
