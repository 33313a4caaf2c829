"""Which samples a defended model can be made to get wrong by an attacker who has read its code.

Shares no search with the package but Square: plain PGD, written here, climbs the stand-ins of the bank.
"""

from __future__ import annotations

from collections.abc import Iterator

import torch
from defences import Defence
from defences.defence import Look
from torch import Tensor

import sparring
from sparring.attacks import Square
from sparring.threat import Linf

__all__ = ["breakable", "correct", "errs"]

AIMS, RESTARTS, STEPS, QUERIES, DRAWS = 3, 2, 50, 5000, 100
BATCH = 64


def breakable(defence: Defence, inputs: Tensor, labels: Tensor) -> Tensor:
    """Samples for which a point within eps was found where the defended model errs, `(N,)`.

    For each stand-in: PGD on the margin, untargeted and towards the classes that score highest, from random starts.
    A deterministic model is shown every point on the way, and Square has a last try with `QUERIES` queries. A
    randomised one is shown the end of each climb: it must err there in most of `DRAWS` fresh draws, twice.
    """
    found = torch.zeros(len(inputs), dtype=torch.bool)
    for stand_in in defence.stand_ins:
        for turn in range(RESTARTS * (1 + AIMS)):
            rows = (~found).nonzero().flatten()
            for part in rows.split(BATCH) if len(rows) else ():
                climbed = _climb(stand_in, inputs[part], labels[part], defence.eps, turn % (1 + AIMS))
                found[part] = _any_errs(defence, climbed, inputs[part], labels[part])
    rows = (~found).nonzero().flatten()
    if len(rows) and not defence.randomised:
        found[rows] = _square(defence, inputs[rows], labels[rows])
    return found


def errs(defence: Defence, points: Tensor, inputs: Tensor, labels: Tensor) -> Tensor:
    """Points within eps and [0, 1] where the defended model errs, in most draws if it is randomised, `(N,)`."""
    change = (points.double() - inputs.double()).abs().flatten(1).amax(1)
    inside = ((points >= 0) & (points <= 1)).flatten(1).all(1)
    return (
        inside & (change <= defence.eps + 1e-6) & ~correct(defence, points, labels)
    )  # float32 cannot do better


def correct(defence: Defence, points: Tensor, labels: Tensor) -> Tensor:
    """Where the defended model answers with the label, in at least half of the draws if it is randomised, `(N,)`."""
    draws = DRAWS if defence.randomised else 1
    with torch.no_grad():
        right = [torch.stack([_answer(defence, part) for _ in range(draws)]) for part in points.split(BATCH)]
    return (torch.cat(right, 1) == labels).double().mean(0) >= 0.5


def _answer(defence: Defence, points: Tensor) -> Tensor:
    return defence.model(points).argmax(1)


def _any_errs(defence: Defence, climbed: Iterator[Tensor], inputs: Tensor, labels: Tensor) -> Tensor:
    """Whether some point of a climb breaks each row."""
    if not defence.randomised:
        return torch.stack([errs(defence, points, inputs, labels) for points in climbed]).any(0)
    *_, last = climbed
    return errs(defence, last, inputs, labels) & errs(defence, last, inputs, labels)


def _climb(stand_in: Look, inputs: Tensor, labels: Tensor, eps: float, rank: int) -> Iterator[Tensor]:
    """The points of one climb, whose steps shrink from eps / 4 to nothing.

    The aim is the best other class at each step for rank 0, else the class of that rank among the others.
    """
    low, high = (inputs - eps).clamp_min(0), (inputs + eps).clamp_max(1)
    points = low + (high - low) * torch.rand_like(inputs)
    with torch.no_grad():
        others = _without(stand_in(inputs), labels).argsort(1, descending=True)
    for step in range(STEPS):
        points.requires_grad_()
        scores = stand_in(points)
        rest = _without(scores, labels)
        ahead = rest.amax(1) if rank == 0 else rest.gather(1, others[:, rank - 1 : rank]).squeeze(1)
        (gradient,) = torch.autograd.grad(
            (ahead - scores.gather(1, labels[:, None]).squeeze(1)).sum(), points
        )
        length = eps / 4 * (1 - step / STEPS)
        points = (points.detach() + length * gradient.sign()).clamp(low, high)
        yield points


def _without(scores: Tensor, labels: Tensor) -> Tensor:
    return scores.scatter(1, labels[:, None], -torch.inf)


def _square(defence: Defence, inputs: Tensor, labels: Tensor) -> Tensor:
    found = sparring.search(defence.model, (inputs, labels), Square(QUERIES), Linf(defence.eps))
    return found.success & errs(defence, found.adversarial, inputs, labels)
