"""The query budget: how often a target may be asked about a sample, whatever it is asked for.

Everything counts that the target is shown of a sample: the first look at it, every point of the search over all stages,
and what verification asks again, for which a part of the budget is held back. Not counted is what the target is
asked before any sample is attacked, to learn how it answers (`models.look`).
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from torch import Tensor

from sparring.attacks.suites import within
from sparring.errors import UsageError
from sparring.evaluation.figures import eight_bit
from sparring.evaluation.ledger import Ledger
from sparring.evaluation.outcome import Outcome
from sparring.evaluation.plan import Plan, climbs, first_row
from sparring.evaluation.verifying import draws

__all__ = ["held_back", "left", "told", "with_queries"]


def with_queries(plan: Plan, queries: int | None) -> Plan:
    """The plan with a budget of so many queries per sample, for which its stages set their schedules.

    Faster ways to ask are not looked for: they would be asked apart from the target, and not for money.

    Raises:
        UsageError: A stage climbs gradients, which no query gives, or the budget leaves nothing for a search.
    """
    if queries is None:
        return plan
    first = first_row(plan.samples, plan.threat)
    climbing = [stage.name for stage in plan.stages if climbs(stage, first)]
    if climbing:
        raise UsageError(
            f"a budget of queries is for attacks that read answers, and {', '.join(climbing)} of suite {plan.suite} "
            "climb gradients; give the suite blackbox, or leave queries out"
        )
    plan = replace(plan, queries=queries, speed_ups=False)
    look, kept = draws(plan), held_back(plan) + _fixing(plan)
    if queries <= look + kept:
        raise UsageError(
            f"{queries:,} queries per sample leave nothing for a search: the first look takes {look:,}, and {kept:,} "
            f"are held back to measure what is found; give at least {look + kept + 1:,}"
        )
    return replace(plan, stages=within(plan.stages, queries - look - kept))


def held_back(plan: Plan) -> int:
    """Queries of each sample that a search may not spend: to verify, and to round 8-bit data and verify that, too."""
    rounded = eight_bit.applies(plan)
    return draws(plan) * (1 + rounded) + rounded


def left(plan: Plan, ledger: Ledger, rows: Tensor) -> Tensor | None:
    """What one more search may spend on each of `rows` `(K,)`, `(K,)`; None without a budget."""
    if plan.queries is None:
        return None
    return plan.queries - ledger.forwards[rows] - held_back(plan) - _fixing(plan)


def told(plan: Plan, outcome: Outcome) -> dict[str, Any]:
    """What `result.json` says of a run with a budget."""
    if plan.queries is None:
        return {}
    looked_again = int((~outcome.verified.risk.isnan()).sum())
    if outcome.storable is not None:
        looked_again += int(outcome.broken.sum())
    verifying = draws(plan) * looked_again
    asked = int(outcome.ledger.forwards.sum()) + verifying
    return {"query_budget": {"per_sample": plan.queries, "verifying": verifying, "asked": asked}}


def _fixing(plan: Plan) -> int:
    """What an attempt on a model that answers at random spends besides its search, to fix one point."""
    return draws(plan) if plan.model.randomised else 0
