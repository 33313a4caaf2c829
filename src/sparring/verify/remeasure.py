"""Nothing counts until it is verified: every adversarial example is measured again, from its stored float32 values.

This shares nothing with the engine. Distances are computed in float64 by formulas of its own, the model is asked
once more, and what a randomised model says is counted over many draws.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor

from sparring.domain import Domain
from sparring.models.canonical import show
from sparring.tensors import flat
from sparring.threat import Threat

__all__ = ["Verified", "verified"]


@dataclass(frozen=True)
class Verified:
    """What was seen at each adversarial example.

    Args:
        holds: The example is in the range of the data, inside the threat, and the model errs in most draws.
        distance: In the threat's norm, float64.
        prediction: The class that came out (most often); -1 for scores that are not numbers.
        risk: Share of draws in which the model erred.
    """

    holds: Tensor
    distance: Tensor
    prediction: Tensor
    risk: Tensor


def verified(
    model: Callable[[Tensor], Tensor],
    inputs: Tensor,
    labels: Tensor,
    adversarial: Tensor,
    threat: Threat,
    domain: Domain,
    *,
    targets: Tensor | None = None,
    draws: int = 1,
    batch: int = 64,
) -> Verified:
    """Measure adversarial examples `(N, *shape)` of `inputs`; cost: `draws` forwards each.

    Args:
        model: The model under attack.
        inputs: Clean inputs, `(N, *shape)`.
        labels: True classes, `(N,)`.
        adversarial: What is claimed to be adversarial.
        threat: What was allowed, bound to `inputs`.
        domain: The range of the data.
        targets: If given, an error is an answer of this class, `(N,)`.
        draws: How often to ask; more than once for randomised models.
        batch: Most inputs shown at once.
    """
    answers = torch.stack([_predictions(model, adversarial, batch) for _ in range(draws)])
    wrong = (answers != labels) & (answers >= 0) if targets is None else answers == targets
    risk = wrong.double().mean(0)
    distance = _distance(threat, adversarial.double(), inputs.double())
    allowed = _inside(threat, domain, adversarial.double(), inputs.double(), distance)
    in_range = domain.contains(adversarial) & flat(adversarial).isfinite().all(1)
    return Verified((risk > 0.5) & allowed & in_range, distance, answers.mode(0).values, risk)


def _predictions(model: Callable[[Tensor], Tensor], points: Tensor, batch: int) -> Tensor:
    if not len(points):
        return torch.zeros(0, dtype=torch.int64, device=points.device)
    with torch.no_grad():
        scores = torch.cat([show(model, part) for part in points.split(batch)])
    return scores.argmax(-1).masked_fill(scores.isnan().any(-1), -1)


def _distance(threat: Threat, adversarial: Tensor, inputs: Tensor) -> Tensor:
    """Length of the change in the threat's norm, `(N,)`."""
    change = (adversarial - inputs).flatten(1).abs()
    match threat.norm:
        case "linf":
            return change.max(1).values if len(change) else change.new_zeros(0)
        case "l2":
            return change.square().sum(1).sqrt()
        case "l1":
            return change.sum(1)
        case "l0":
            if getattr(threat, "pixels", False):
                changed = (adversarial != inputs).any(1, keepdim=True).double()
                change = torch.nn.functional.max_pool2d(
                    changed, getattr(threat, "side", 1), ceil_mode=True
                ).flatten(1)
            return (change != 0).sum(1).double()
    return threat.distance(adversarial, inputs)


def _inside(threat: Threat, domain: Domain, adversarial: Tensor, inputs: Tensor, distance: Tensor) -> Tensor:
    """Which changes are allowed, `(N,)`, to one millionth of the budget or of the data's largest value; for a
    table, of the unit of its columns.

    L1 is allowed ten times that: the rounding of every changed coordinate adds up.
    """
    bounds = [float(torch.as_tensor(bound).abs().max()) for bound in (domain.low, domain.high)]
    scale = max(bounds) if domain.columns is None else 1.0
    slack = {"linf": 1e-6, "l2": 1e-6, "l1": 1e-5, "l0": 0.0}.get(threat.norm, 1e-6)
    eps = torch.as_tensor(threat.eps, dtype=torch.float64, device=inputs.device)
    limit = torch.where(eps.isinf(), eps, eps + slack * eps.clamp_min(scale))
    if limit.numel() in (1, len(inputs)):
        near = distance <= limit.reshape(-1)
    else:  # a budget per coordinate
        near = flat((adversarial - inputs).abs() <= limit).all(1)
    mask = threat.mask
    return near if mask is None else near & flat((adversarial == inputs) | mask).all(1)
