"""What an audit will cost at most, and whether its gate can be expected to decide."""

from __future__ import annotations

import time
from collections.abc import Callable
from statistics import median

import torch

from sparring.data import Samples
from sparring.evaluation.doctor.check import Check, many
from sparring.evaluation.gates.claims import Sampling
from sparring.evaluation.gates.power import chance_of_decision, samples_needed
from sparring.evaluation.gates.settings import Gates
from sparring.evaluation.plan import Plan, first_row
from sparring.evaluation.search.standing import price
from sparring.evaluation.statistics import exact_interval

__all__ = ["check_cost", "check_gates", "passes_per_sample"]

AWAY = 0.05
"""How far from the minimum the chance of a decision is told."""
LONG = 3600.0


def passes_per_sample(plan: Plan, classes: int) -> int:
    """Most passes, forwards and backwards, that the suite spends on one sample."""
    task = first_row(plan.samples, plan.threat)
    turns = (
        (min(stage.aims, classes - 1) if stage.aims else 1) * stage.restarts * price(stage, task)
        for stage in plan.stages
    )
    return sum(turns) if plan.queries is None else min(sum(turns), plan.queries)


def check_cost(plan: Plan, count: int, clock: Callable[[], float] = time.perf_counter) -> Check:
    """Passes per sample times the time of a pass, measured here: an upper bound, most samples break sooner.

    Args:
        plan: Of the audit, on the few samples that are looked at.
        count: How many samples the audit will have.
        clock: Seconds, from any start.
    """
    inputs = plan.samples.first(plan.batch).to(plan.model.device)
    with torch.no_grad():
        classes = plan.model(inputs).shape[1]
    passes = passes_per_sample(plan, classes)
    seconds = median(_timed(plan, inputs, clock) for _ in range(3)) / len(inputs)
    seen = f"at most {_duration(count * passes * seconds)} for {many(count)}"
    seen += f" ({many(passes, 'pass')} each, {1000 * seconds:.3g} ms a pass on {plan.model.device})"
    long = count * passes * seconds > LONG
    fix = "draw fewer samples (sample), or use a device (device)" if long else ""
    return Check("cost", "note" if long else "ok", seen, len(inputs), fix)


def check_gates(
    gates: Gates, samples: Samples, correct: int, count: int, sampling: Sampling, suite: str
) -> Check:
    """Whether the gate can be met, and how likely it is to be decided if the truth is 5 points from its minimum.

    Args:
        gates: What is demanded.
        samples: The few that were looked at.
        correct: How many of them the model classifies correctly.
        count: How many samples the audit will have.
        sampling: How they were chosen.
        suite: Name of the suite.
    """
    name, minimum = "gate", gates.min_robust_accuracy
    if minimum is None:
        return Check(name, "ok", "no minimum robust accuracy to foresee", len(samples))
    best = exact_interval(correct, len(samples), 0.999, "upper").high
    if best < minimum:
        seen = f"{minimum:g} can never be met: even without an attack at most {best:.1%} are classified correctly"
        return Check(name, "error", seen, len(samples), f"demand less, {best:.2f} at the very most")
    if suite == "smoke":
        return Check(
            name,
            "warning",
            "suite smoke may fail a model and never pass one",
            len(samples),
            'suite = "standard"',
        )
    if not sampling.drawn and sampling.unseen == 0:
        return Check(name, "ok", f"all {many(count)} are counted, so it will be decided", len(samples))
    if not sampling.drawn:
        seen = "samples in a fixed order say nothing of the others, so it may stay undecided"
        return Check(
            name, "warning", seen, len(samples), f"sample = {count} instead of limit, or all of them"
        )
    return _foreseen(minimum, gates.level, count, count + (sampling.unseen or 0), len(samples))


def _foreseen(minimum: float, level: float, count: int, there: int, looked: int) -> Check:
    """The chance of a decision at the worse of two truths, above and below the minimum."""
    truths = [rate for rate in (minimum - AWAY, minimum + AWAY) if 0 <= rate <= 1]
    chance = min(chance_of_decision(count, rate, minimum, level) for rate in truths)
    needed = [samples_needed(rate, minimum, level=level) for rate in truths]
    most = max((each for each in needed if each is not None), default=None)
    seen = f"decided with a chance of {chance:.0%} if robust accuracy is truly {100 * AWAY:g} points from {minimum:g}"
    if most is None or chance >= 0.9:
        return Check("gate", "ok", seen, looked)
    fix = (
        f"sample = {most}"
        if most <= there
        else f"there are not so many: audit all {there:,}, which are counted"
    )
    return Check("gate", "warning", f"{seen}; {many(most)} make it 90%", looked, fix)


def _timed(plan: Plan, inputs: torch.Tensor, clock: Callable[[], float]) -> float:
    """Seconds for one pass of a batch: half of a forward with its backward."""
    points = inputs.clone().requires_grad_(plan.model.gradients)
    began = clock()
    total = plan.model(points).sum()
    if plan.model.gradients:
        torch.autograd.grad(total, points)
    float(total.detach())  # waits for a device that works behind our back
    return (clock() - began) / (2 if plan.model.gradients else 1)


def _duration(seconds: float) -> str:
    """In two units.

    >>> _duration(3700), _duration(90.4), _duration(0.3)
    ('1 h 1 min', '1 min 30 s', '1 s')
    """
    whole = max(1, round(seconds))
    if whole >= 3600:
        return f"{whole // 3600:,} h {whole % 3600 // 60} min"
    return f"{whole // 60} min {whole % 60} s" if whole >= 60 else f"{whole} s"
