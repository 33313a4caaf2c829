"""Fitting a suite to a model: what did better than gradients in the trial joins the suite.

The suite itself stays as it is, so that figures compare; stages that join stand before its first search without
gradients, so that what such a search finds alone still shows.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

from torch import Tensor

from sparring.attacks import APGD, Averaged, Nearer, difference_of_logits_ratio
from sparring.attacks.suites import Stage
from sparring.engine.ask import Look
from sparring.evaluation.ledger import Ledger
from sparring.evaluation.plan import Fit, Plan, climbs, first_row
from sparring.evaluation.suspicion.validity import missed
from sparring.evaluation.trial.planted import sought
from sparring.evaluation.trial.trial import climber, held_trial, optimises, seeker
from sparring.models.stand_ins.reversed import reversed_gradients
from sparring.models.stand_ins.straight_through import straight_through
from sparring.models.stand_ins.unoptimised import unoptimised
from sparring.threat import threat_kind

__all__ = ["applies", "fit_of", "fitted", "fitted_with_all", "refitted"]

ENOUGH = 2
"""Samples that a method must break, and gradients not, before it joins."""

ALWAYS = ("unoptimised",)
"""Methods that join wherever they apply: few samples show too little of them."""


def applies(plan: Plan) -> bool:
    """Whether a trial can be held: the smoke suite has no time for one, and other norms no methods."""
    climbing = any(climbs(stage, first_row(plan.samples, plan.threat)) for stage in plan.stages)
    usual = threat_kind(plan.threat) in ("linf", "l2", "l1") and isinstance(plan.threat.eps, float)
    return usual and climbing and plan.suite != "smoke" and not plan.model.randomised


def fitted(plan: Plan, ledger: Ledger) -> Plan:
    """The plan with the stages that a trial calls for.

    Raises:
        Interrupted: On Ctrl-C.
    """
    trial = held_trial(plan, ledger)
    broken = {method: int(hits.sum()) for method, hits in trial.broken.items()}
    beyond = dict(list(broken.items())[1:])
    fit = replace(
        plan.fit,
        tried=len(trial.rows),
        broken=broken,
        beyond=beyond,
        far_left=int((~trial.far).sum()),
        forwards=trial.forwards,
        backwards=trial.backwards,
    )
    plan = replace(plan, fit=fit)
    joined = [method for method in beyond if beyond[method] >= ENOUGH or method in ALWAYS]
    plan = fitted_with_all(plan) if "random" in joined else _joined(plan, joined)
    if bool(trial.first.all()):
        return plan  # nothing is hidden where climbing breaks every sample, so nothing needs to be planted
    plan = _planted(plan, trial.rows)
    wider = fitted_with_all(plan)
    return _planted(wider, trial.rows) if missed(plan) and wider != plan else plan


def _planted(plan: Plan, rows: Tensor) -> Plan:
    """The plan, knowing whether its search finds what is planted."""
    seen, fit = sought(plan, rows), plan.fit
    fit = replace(
        fit,
        planted=seen.planted,
        planted_found=seen.found,
        forwards=fit.forwards + seen.forwards,
        backwards=fit.backwards + seen.backwards,
    )
    return replace(plan, fit=fit)


def fit_of(words: Mapping[str, Any]) -> Fit:
    """A fit that was kept as JSON."""
    added = {method: tuple(names) for method, names in words["added"].items()}
    return Fit(**{**words, "added": added})


def refitted(plan: Plan, fit: Fit) -> Plan:
    """The plan as it was fitted before, without another trial."""
    return replace(_joined(plan, list(fit.added)), fit=fit)


def fitted_with_all(plan: Plan) -> Plan:
    """The plan with everything that could do better than gradients."""
    return _joined(plan, ["straight-through", "smoothed", "reversed", "nearer", "unoptimised", "random"])


def _joined(plan: Plan, methods: list[str]) -> Plan:
    """The plan with the stages of some methods, each once, before the first stage that climbs nothing."""
    first = first_row(plan.samples, plan.threat)
    ends = [place for place, stage in enumerate(plan.stages) if not climbs(stage, first)]
    place = ends[0] if ends else len(plan.stages)
    added = {method: _stages(plan, method) for method in methods if method not in plan.fit.added}
    if ends:
        added.pop("random", None)
    new = [stage for stages in added.values() for stage in stages]
    names = {method: tuple(stage.name for stage in stages) for method, stages in added.items()}
    return replace(
        plan,
        stages=(*plan.stages[:place], *new, *plan.stages[place:]),
        fit=replace(plan.fit, added={**plan.fit.added, **names}),
    )


def _stages(plan: Plan, method: str) -> list[Stage]:
    """The stages that a method stands for; none that this model cannot run."""
    norm, around, stages = plan.threat.norm, plan.model.stops is not None, list[Stage]()
    match method:
        case "random":
            stages = [Stage("random-search", seeker(norm, 5000))]
        case "reversed" if plan.model.gradients:
            stages = _climbs(norm, "reversed", reversed_gradients)
        case "nearer" if plan.model.gradients:
            stages = [Stage("apgd-nearer", Nearer(climber(norm, 100)))]
        case "straight-through" if around:
            stages = _climbs(norm, "through", straight_through)
        case "smoothed" if around:
            stages = _smoothed(norm)
        case "unoptimised" if optimises(plan):
            stages = _climbs(norm, "unoptimised", unoptimised)
    return stages


def _smoothed(norm: str) -> list[Stage]:
    """Over a near and a wide neighbourhood, and with another loss."""
    near, wide = (Averaged(climber(norm, 50), 8, radius) for radius in (0.25, 1.0))
    stages = [Stage("apgd-smoothed", wide), Stage("apgd-smoothed-near", near)]
    if norm != "l1":
        ratio = Averaged(APGD(50, difference_of_logits_ratio), 8, 1.0)
        stages.append(Stage("apgd-dlr-smoothed", ratio, aims=3))
    return [replace(stage, stand_in=straight_through) for stage in stages]


def _climbs(norm: str, name: str, stand_in: Callable[[Look], Look]) -> list[Stage]:
    """Both kinds of loss, through a stand-in."""
    ratio = Stage(f"apgd-dlr-{name}", APGD(100, difference_of_logits_ratio), aims=3, stand_in=stand_in)
    return [Stage(f"apgd-{name}", climber(norm, 100), stand_in=stand_in), *([ratio] if norm != "l1" else [])]
