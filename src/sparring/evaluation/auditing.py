"""The life of an audit: look, search, verify, count."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import replace

import torch

from sparring.errors import Interrupted, ModelError
from sparring.evaluation import eight_bit
from sparring.evaluation.ledger import Attempt, Ledger, opened
from sparring.evaluation.outcome import Outcome
from sparring.evaluation.plan import Plan
from sparring.evaluation.result import run_of
from sparring.evaluation.stages import Standing, run_stages
from sparring.evaluation.verifying import verify_rows
from sparring.models import untouched
from sparring.models.canonical import show
from sparring.storage import Run

__all__ = ["audit"]


def audit(plan: Plan, watch: Callable[[Standing], None] = lambda standing: None) -> Run:
    """Attack every sample with every stage until it breaks, verify what was found, and write it up.

    The model is left bit for bit as it was.

    Args:
        plan: What to do.
        watch: Told a few times a second where the audit stands.

    Raises:
        Interrupted: On Ctrl-C; `findings` is the Run, whose verdict is `incomplete`.
        ModelError: The clean inputs give outputs that are not numbers.
    """
    began = time.monotonic()
    with untouched(plan.model):
        torch.manual_seed(plan.seed)  # for models that draw
        outcome = _settled(plan, *_searched(plan, watch))
        if eight_bit.applies(plan) and outcome.complete:
            outcome = eight_bit.on_grid(plan, outcome)
    run = run_of(plan, replace(outcome, seconds=time.monotonic() - began))
    if not outcome.complete or outcome.stopped:
        raise Interrupted("interrupted; what was found so far is kept", findings=run)
    return run


def _searched(plan: Plan, watch: Callable[[Standing], None]) -> tuple[Ledger, list[Attempt]]:
    """The ledger after the whole suite, or as much of it as the user let run, and every attempt."""
    ledger, attempts = _first_look(plan), []
    for after, attempt in run_stages(plan, ledger, watch):
        ledger = after
        attempts.append(attempt)
    return ledger, attempts


def _first_look(plan: Plan) -> Ledger:
    """Ask for every sample once; clean errors are not attacked."""
    inputs, labels, device = plan.samples.inputs, plan.samples.labels, plan.model.device
    with torch.no_grad():
        parts = [show(plan.model, part.to(device)).float() for part in inputs.split(plan.batch)]
    clean = torch.cat(parts)
    odd = (~clean.isfinite().all(1)).nonzero().flatten().tolist()
    if odd:
        raise ModelError(
            f"the model answers {len(odd)} of {len(inputs)} clean inputs (the first is number {odd[0]}) with NaN or "
            "infinite outputs; check its weights, mean and std"
        )
    return opened(inputs.to(device), labels.to(device), clean)


def _settled(plan: Plan, ledger: Ledger, attempts: list[Attempt]) -> Outcome:
    """Verify every success, also if the user says stop just now; one that does not hold does not count."""
    rows = ledger.broken.nonzero().squeeze(1)
    try:
        return Outcome(ledger, tuple(attempts), rows, verify_rows(plan, rows, ledger.adversarial[rows]))
    except KeyboardInterrupt:
        held = verify_rows(plan, rows, ledger.adversarial[rows])
        return Outcome(ledger, tuple(attempts), rows, held, stopped=True)
