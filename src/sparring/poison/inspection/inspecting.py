"""Is a class opened more easily, or further in front, than in clean models of the same kind?"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from math import ceil
from typing import Any

import torch
from torch import Tensor, nn

from sparring.data import Samples
from sparring.errors import ModelError, UsageError
from sparring.models.canonical import show
from sparring.poison.inspection.inversion import Inverted, smallest_triggers
from sparring.poison.inspection.margins import largest_margins
from sparring.poison.making.planting import class_count

__all__ = ["Inspection", "check_references", "inspect", "judged", "signs_of"]

INPUTS = 32
"""Samples that a trigger must send to its class."""


@dataclass(frozen=True, eq=False)
class Inspection:
    """What was seen in a model.

    Args:
        verdict: `fail` if a class stands out more than `level` allows, `pass` if not, `measured` without references.
        reasons: Why, a sentence each.
        p_value: Share of the models, this one and the references, in which a class stands out as far; None without.
        suspect: The class that stands out most.
        margins: (C,), the largest margin of each class.
        usual_margins: (C,), the median of the references; None without.
        inverted: The smallest trigger of each class.
        usual_sizes: (C,), the median size in the references; None without.
    """

    verdict: str
    reasons: tuple[str, ...]
    p_value: float | None
    suspect: int
    margins: Tensor
    usual_margins: Tensor | None
    inverted: Inverted
    usual_sizes: Tensor | None


def inspect(
    model: Callable[[Tensor], Tensor],
    samples: Samples,
    references: Sequence[Callable[[Tensor], Tensor]] = (),
    *,
    level: float = 0.05,
    steps: int = 100,
    seed: int = 0,
    told: Callable[[int, int], None] | None = None,
) -> Inspection:
    """Look for a backdoor in a model by two signs: a small trigger that opens a class, and a class that leads by far.

    Some classes are opened more easily than others anyway, so each class is compared with itself in clean models. If
    these were made like the model (net, recipe, data of the same kind) and it is clean, it is one of them, and the
    share that stands out as far is an exact p-value: clean models raise the alarm at most at the rate `level`.

    Cost per model: `C * steps * (32 + 8)` forwards and backwards.

    Args:
        model: Gives logits and gradients; left as it is.
        samples: Clean; 32 of them are used.
        references: Clean models.
        level: The alarm goes off for at most this share of clean models.
        steps: Of each search.
        seed: Of all draws.
        told: Told after each model how many are done, of how many.

    Raises:
        UsageError: There are too few references for the level.
        ModelError: The model gives no gradients, or has fewer classes than the data.
    """
    check_references(len(references), level)
    seen = []
    for done, each in enumerate((model, *references), 1):
        seen.append(signs_of(each, samples, steps, seed))
        if told is not None:
            told(done, len(references) + 1)
    return judged(seen, level)


def check_references(count: int, level: float) -> None:
    """Whether so many references can raise an alarm at all; none is no alarm and no fault.

    Raises:
        UsageError: They are too few for the level.
    """
    if count and 1 / (count + 1) > level + 1e-12:
        raise UsageError(
            f"an alarm rate of {level:g} needs at least {ceil(1 / level - 1e-9) - 1} reference models, got {count}"
        )


def signs_of(
    model: Callable[[Tensor], Tensor], samples: Samples, steps: int = 100, seed: int = 0
) -> tuple[Tensor, Inverted]:
    """Both signs of each class of one model."""
    inputs, classes = samples.sample(min(INPUTS, len(samples))).inputs, class_count(samples)
    answers = _checked(model, inputs, classes)
    margins = largest_margins(answers, samples.domain, classes, steps=steps, seed=seed)
    return margins, smallest_triggers(answers, inputs, samples.domain, classes, steps, seed)


def judged(seen: Sequence[tuple[Tensor, Inverted]], level: float) -> Inspection:
    """The first against the others."""
    margins = torch.stack([each for each, _ in seen])
    sizes = torch.stack([inverted.sizes for _, inverted in seen])
    signs = torch.stack([margins.clamp_min(1e-6).log(), -sizes.clamp_min(1e-6).log()], 1)
    if len(seen) == 1:
        suspect = int(sizes[0].argmin())
        reason = "no reference models were trained, so classes are ranked and no alarm can be promised a rate"
        return Inspection("measured", (reason,), None, suspect, margins[0], None, seen[0][1], None)
    beyond = _beyond(signs)
    tops = beyond.amax((1, 2))
    p_value, suspect = float((tops >= tops[0]).double().mean()), int(beyond[0].amax(0).argmax())
    sign = ("leads by far", "is opened by a small trigger")[int(beyond[0, :, suspect].argmax())]
    alarm = p_value <= level + 1e-12
    found = (
        f"class {suspect} {sign}, more than in clean models" if alarm else "no class stands out beyond chance"
    )
    reasons = (f"{found} (p = {p_value:.3f}, the alarm goes off at {level:g})",)
    usual = margins[1:].median(0).values, sizes[1:].median(0).values
    return Inspection(
        "fail" if alarm else "pass", reasons, p_value, suspect, margins[0], usual[0], seen[0][1], usual[1]
    )


def _beyond(signs: Tensor) -> Tensor:
    """How far each sign of each class lies above the median model, (M, 2, C), both signs on one scale.

    Signs count beside the other classes of the model, as the logits of one may all be larger than those of another.
    All models are treated alike, so that each is as likely as any other to stand out furthest if all were made
    alike.
    """
    beside = signs - signs.median(2, keepdim=True).values
    above = beside - beside.median(0).values
    return above / above.amax(2).median(0).values[:, None].clamp_min(1e-12)


def _checked(model: Callable[[Tensor], Tensor], inputs: Tensor, classes: int) -> Callable[[Tensor], Tensor]:
    """What asks the model for logits that have gradients, where it is, once it was seen to give them."""
    first = next(model.parameters(), None) if isinstance(model, nn.Module) else None

    def answers(points: Tensor) -> Tensor:
        told: Any = show(model, points if first is None else points.to(first.device))
        return told.cpu() if isinstance(told, Tensor) else told

    probe = inputs[:2].clone().requires_grad_(True)
    logits: object = answers(probe)
    if not isinstance(logits, Tensor) or logits.ndim != 2 or not logits.requires_grad:
        raise ModelError(
            "an inspection needs a model that gives one row of logits per sample, with gradients"
        )
    if logits.shape[1] < classes:
        raise ModelError(
            f"the model knows {logits.shape[1]} classes, but the data have {classes}; give samples of the kind that it "
            "was trained on"
        )
    return answers
