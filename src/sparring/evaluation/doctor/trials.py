"""Trying changes of the inputs: is a model better when something stands before it?"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import torch
from torch import Tensor

from sparring.data import Samples
from sparring.evaluation.gates.power import chance_of_at_most
from sparring.models import Model
from sparring.models.canonical import show

__all__ = ["Change", "Trial", "answers", "much_better", "try_changes"]

Change = Callable[[Tensor], Tensor]

WRONG = 32
"""So many samples that the model gets wrong choose the changes that are tried on all."""
FINALISTS, CLOSE = 5, 0.02
LEAST, MUCH = 0.05, 0.2
"""A rise of accuracy counts from `MUCH` on, or if it halves the errors, but never below `LEAST`."""
ERROR = 0.01
"""Chance of seeing a rise, over all changes tried, where there is none."""


@dataclass(frozen=True)
class Trial:
    """What a change of the inputs did to clean accuracy.

    Args:
        name: Of the best change.
        before: Accuracy without it.
        after: Accuracy with it.
        rivals: Other changes that do almost as well.
    """

    name: str
    before: float
    after: float
    rivals: tuple[str, ...] = ()

    @property
    def rise(self) -> float:
        """In accuracy."""
        return self.after - self.before

    @property
    def words(self) -> str:
        """Both accuracies."""
        others = f" (almost as many {' or '.join(self.rivals)})" if self.rivals else ""
        return f"{self.before:.0%} are classified correctly, {self.after:.0%} {self.name}{others}"


def answers(model: Callable[[Tensor], Tensor], inputs: Tensor, batch: int = 64) -> Tensor:
    """Logits of all inputs, without gradients."""
    device = getattr(model, "device", inputs.device)
    with torch.no_grad():
        return torch.cat([show(model, part.to(device)).float().cpu() for part in inputs.split(batch)])


def try_changes(
    model: Model, samples: Samples, correct: Tensor, changes: Mapping[str, Change]
) -> Trial | None:
    """The change under which the model is much better, None if there is none.

    Some samples that the model gets wrong choose a few changes, and all samples one of these.

    Args:
        model: Looked at.
        samples: N of them.
        correct: (N,) whether the model is right as it is.
        changes: By name; of several that do equally well the first is taken.
    """
    wrong = (~correct).nonzero().flatten()
    if not changes or len(wrong) < LEAST * len(samples):
        return None
    few = samples.select(wrong[:WRONG])
    gains = {name: int(_right(model, few, change).sum()) for name, change in changes.items()}
    finalists = sorted(gains, key=gains.__getitem__, reverse=True)[:FINALISTS]
    found = {name: _right(model, samples, changes[name]) for name in changes if name in finalists}
    best = max(int(right.sum()) for right in found.values())
    name, *rivals = (each for each in found if int(found[each].sum()) >= best - CLOSE * len(samples))
    after = found[name]
    if not much_better(after, correct, len(changes)):
        return None
    return Trial(name, float(correct.float().mean()), float(after.float().mean()), tuple(rivals))


def much_better(right: Tensor, before: Tensor, tries: int) -> bool:
    """Whether so many more are right that neither chance nor a weak model explains it.

    Args:
        right: (N,) which samples are right now.
        before: (N,) which were right before.
        tries: Out of how many attempts this is the best.
    """
    gained, lost = int((right & ~before).sum()), int((before & ~right).sum())
    rise, errors = (gained - lost) / len(right), float((~before).float().mean())
    return rise >= min(MUCH, max(LEAST, errors / 2)) and _by_chance(gained, lost) * tries < ERROR


def _by_chance(gained: int, lost: int) -> float:
    """The chance of so many gains among all flips if gains and losses are equally likely (McNemar's exact test)."""
    return 1 - chance_of_at_most(gained - 1, gained + lost, 0.5)


def _right(model: Model, samples: Samples, change: Change) -> Tensor:
    """Which samples are classified correctly behind a change; outputs that are no numbers are wrong."""
    logits = answers(model, change(samples.inputs))
    return (logits.argmax(1) == samples.labels) & logits.isfinite().all(1)
