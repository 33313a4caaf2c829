"""Was the attack strong enough? What the model, the trial and the search's own traces say of it.

Each finding says what was seen and on how many samples, what it means, and what was done about it. What was done
something about is a note; what stays is a warning, or an error that makes the evaluation invalid.

The questions are those of AutoAttack's flags (Croce & Hein 2020), of the Indicators of Attack Failure (Pintor et al.
2022, https://arxiv.org/abs/2106.09947), and of Athalye, Carlini & Wagner 2018 (https://arxiv.org/abs/1802.00420).
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from sparring.evaluation.outcome import Outcome
from sparring.evaluation.plan import Plan, climbs, first_row
from sparring.evaluation.suspicion.validity import chance_ahead, misled, missed, without_gradients
from sparring.evaluation.trial.trial import optimises
from sparring.models.stand_ins.straight_through import OPTIMISATION

__all__ = ["indicators", "still_rising"]


def indicators(plan: Plan, outcome: Outcome) -> list[dict[str, Any]]:
    """Findings in the form of `result.json`: `id`, `severity`, `message`, `samples`."""
    return [
        *_of_the_model(plan),
        *_of_the_trial(plan),
        *_of_the_search(plan, outcome),
    ]


def _of_the_model(plan: Plan) -> list[dict[str, Any]]:
    """What stops gradients, and answers that hide them."""
    found = []
    stops = sorted((plan.model.stops or frozenset()) - {OPTIMISATION})
    if stops:
        what = " and ".join(stops)
        done = (
            "every attack that climbs went around it (straight-through)"
            if not plan.model.gradients
            else "where going around it (straight-through) did better, it joined the suite"
        )
        message = (
            f"{what} in the model stops gradients, so that attacks by gradients see little or nothing; {done}"
        )
        found.append(finding("stopped-gradients", "note", message))
    if optimises(plan):
        joined = plan.fit.added.get("unoptimised")
        done = (
            "what it would answer without them was attacked too, and the model asked about the points that this found "
            f"({', '.join(joined)} joined the suite)"
            if joined
            else "attacks by gradients see little of what such steps do; audit with suite standard, which goes around"
        )
        message = f"the model takes gradient steps while it answers; {done}"
        found.append(finding("optimises-at-inference", "note" if joined else "warning", message))
    if plan.model.outputs == "probabilities":
        message = (
            "the model returns probabilities, whose saturation hides gradients; their logarithms were attacked, and "
            "where the model computes a softmax in torch, its logits"
        )
        found.append(finding("softmax-output", "note", message))
    return found


_BEYOND = {
    "reversed": ("gradients-mislead", "climbing against the gradient"),
    "nearer": ("non-monotone", "climbing within half of eps"),
    "smoothed": ("rough-gradients", "climbing the mean gradient of neighbouring points"),
    "straight-through": ("gradients-stop", "going around what stops gradients"),
    "random": ("random-search-ahead", "random search"),
}


def _of_the_trial(plan: Plan) -> list[dict[str, Any]]:
    """Methods that joined the suite because they did better than gradients."""
    fit, found = plan.fit, []
    for method, (name, words) in _BEYOND.items():
        joined = fit.added.get(method)
        if joined and fit.beyond.get(method):
            message = (
                f"in a trial on {fit.tried} samples, {words} broke {fit.beyond[method]} that climbing the model's own "
                f"gradient did not: the gradient misleads; {', '.join(joined)} joined the suite"
            )
            found.append(finding(name, "note", message, fit.beyond[method]))
    if missed(plan):
        gone = fit.planted - fit.planted_found
        message = (
            f"of {fit.planted} points that were planted for the search to find, it missed {gone}: it would miss "
            "adversarial examples, too; fewer samples are robust than counted"
        )
        found.append(finding("planted-points-missed", "error", message, gone))
    if fit.far_left:
        message = (
            f"in a trial on {fit.tried} samples, an attack without bounds left {fit.far_left} standing; without bounds "
            "every model can be broken, so the search sees too little here; fewer samples are robust than counted"
        )
        found.append(finding("unbounded-attack-fails", "warning", message, fit.far_left))
    return found


def _of_the_search(plan: Plan, outcome: Outcome) -> list[dict[str, Any]]:
    """What the attempts say."""
    found = []
    left, fell = without_gradients(plan, outcome)
    if misled(plan, outcome):
        message = (
            f"of {left} samples that gradients left standing, search without gradients broke {fell}, more than "
            "max(3, 2%): gradients mislead, and what could help has been tried; fewer samples are robust than counted"
        )
        found.append(finding("random-search-wins", "error", message, fell))
    elif chance_ahead(plan, outcome):
        message = (
            f"of {left} samples that gradients left standing, search at random broke {fell}: in L0 values jump, and "
            "slopes say little of where to; with more queries fewer samples may be robust than counted"
        )
        found.append(finding("random-search-ahead", "warning", message, fell))
    rising = int(still_rising(plan, outcome).sum())
    if rising > max(3, 0.5 * int(outcome.robust.sum())):
        message = (
            "the loss was still rising when the steps were used up: a longer search would break more; give more steps, "
            "or the suite standard"
        )
        found.append(finding("still-rising", "warning", message, rising))
    return found


def still_rising(plan: Plan, outcome: Outcome) -> Tensor:
    """Robust samples on which every climb still gained when it ended, `(N,)`."""
    first = first_row(plan.samples, plan.threat)
    climbing = [climbs(stage, first) for stage in plan.stages]
    rising = outcome.robust.clone()
    tried = torch.zeros_like(rising)
    for attempt in outcome.attempts:
        if climbing[attempt.stage]:
            rising[attempt.rows] &= attempt.rising
            tried[attempt.rows] = True
    return rising & tried


def finding(name: str, severity: str, message: str, samples: int | None = None) -> dict[str, Any]:
    return {"id": name, "severity": severity, "message": message, "samples": samples}
