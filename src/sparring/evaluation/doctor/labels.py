"""Does the model know these labels? Clean accuracy against guessing, and the order of the classes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from sparring.data import Samples
from sparring.evaluation.doctor.check import Check, many
from sparring.evaluation.doctor.trials import ERROR, much_better
from sparring.evaluation.gates.power import chance_of_at_most
from sparring.evaluation.statistics import exact_interval

__all__ = ["check_chance", "check_order"]

FEWEST = 10
PREFERENCE = 0.05
"""A usual mistake explains better than a learnt order that fits this much better."""


def check_chance(logits: Tensor, samples: Samples) -> Check:
    """Whether clean accuracy is above what guessing gives, by the exact binomial test at 1%.

    Args:
        logits: (N, C), of the clean samples.
        samples: N of them.
    """
    name, count, classes = "clean accuracy", len(samples), logits.shape[1]
    correct = int((logits.argmax(1) == samples.labels).sum())
    interval = exact_interval(correct, count)
    seen = f"{correct:,} of {many(count)} correct, {interval.low:.0%} to {interval.high:.0%}"
    seen += f"; guessing gives {1 / classes:.0%}"
    if count < FEWEST:
        return Check(name, "note", f"{seen}; too few to tell", count, f"give {FEWEST} samples or more")
    if 1 - chance_of_at_most(correct - 1, count, 1 / classes) > ERROR:
        fix = "check the weights, the normalisation, the channel order and the order of the classes"
        return Check(name, "error", f"{seen}: hardly better than guessing", count, fix)
    common = float(samples.labels.bincount().max()) / count
    if correct / count <= common:
        seen = f"{seen}; always saying the most common class gives {common:.0%}"
        return Check(name, "warning", seen, count, "check the weights, or audit balanced samples")
    return Check(name, "ok", seen, count)


def check_order(logits: Tensor, samples: Samples) -> Check:
    """Whether another order of the classes explains the predictions much better.

    Usual mistakes are tried on all samples. Whatever else it may be is learnt from one half of them (the best
    assignment of outputs to labels) and tried on the other.

    Args:
        logits: (N, C), of the clean samples.
        samples: N of them.
    """
    said, labels, classes = logits.argmax(1), samples.labels, logits.shape[1]
    mistakes = _mistakes(classes, samples.classes)
    found = [
        _Order(mistake, fix, torch.tensor(order)[said] == labels, said == labels)
        for mistake, (order, fix) in mistakes.items()
    ]
    found.append(_learnt(said, labels, classes))
    best = max(found, key=lambda each: each.share - (PREFERENCE if each.learnt else 0))
    if not len(best.right) or not much_better(best.right, best.before, len(found)):
        return Check("label order", "ok", "no other order of the classes fits much better", len(samples))
    seen = (
        f"{best.mistake}: {float(best.before.float().mean()):.0%} are correct as it is, {best.share:.0%} so"
    )
    return Check("label order", "error", seen, len(samples), best.fix)


@dataclass(frozen=True)
class _Order:
    """Which samples are right in another order of the classes, and in the order as it is."""

    mistake: str
    fix: str
    right: Tensor
    before: Tensor
    learnt: bool = False

    @property
    def share(self) -> float:
        return float(self.right.float().mean()) if len(self.right) else 0.0


def _learnt(said: Tensor, labels: Tensor, classes: int) -> _Order:
    """The order that fits one half of the samples best, tried on the other half."""
    mixed = torch.randperm(len(said), generator=torch.Generator().manual_seed(0))
    learn, held = mixed[: len(said) // 2], mixed[len(said) // 2 :]
    order = _assigned(said[learn], labels[learn], classes)
    moved = [
        f"{k} is {label}" for k, label in enumerate(order.tolist()) if label != k and bool((said == k).any())
    ]
    fix = f"reorder the labels: output {', '.join(moved[:10])}{', ...' if len(moved) > 10 else ''}"
    right, before = order[said[held]] == labels[held], said[held] == labels[held]
    return _Order("the classes are exchanged", fix, right, before, learnt=True)


def _mistakes(classes: int, names: Sequence[str] | None) -> dict[str, tuple[list[int], str]]:
    """Which label each output would stand for, and the fix, by usual mistake."""
    every = list(range(classes))
    as_text = sorted(every, key=str)
    found = {
        "the labels are one too high": ([(k + 1) % classes for k in every], "subtract 1 from the labels"),
        "the labels are one too low": ([(k - 1) % classes for k in every], "add 1 to the labels"),
        "the classes are in reverse order": (every[::-1], f"reverse the labels: {classes - 1} - labels"),
        "the model numbers its classes as text (0, 1, 10, 11, ...)": (
            as_text,
            "number the labels in the order of the class numbers as text, as sorted folders do",
        ),
        "the labels number the classes as text (0, 1, 10, 11, ...)": (
            _inverse(as_text),
            "number the labels by value; for a folder give classes.txt in that order",
        ),
    }
    if names is not None and len(names) == classes:
        by_name = sorted(every, key=names.__getitem__)
        found["the model has its classes in sorted order"] = by_name, "give the classes in sorted order"
        fix = "give the classes in the order that the model was trained with"
        found["the labels have the classes in sorted order"] = _inverse(by_name), fix
    return {mistake: value for mistake, value in found.items() if value[0] != every}


def _inverse(order: Sequence[int]) -> list[int]:
    return sorted(range(len(order)), key=order.__getitem__)


def _assigned(said: Tensor, labels: Tensor, classes: int) -> Tensor:
    """The one-to-one assignment of outputs to labels that most samples agree with, `(C,)`; ties keep the order."""
    from scipy.optimize import linear_sum_assignment  # scipy takes its time, and few callers come here

    agree = torch.bincount(said * classes + labels, minlength=classes**2).reshape(classes, classes).double()
    agree += torch.eye(classes, dtype=torch.double) / 2
    return torch.from_numpy(linear_sum_assignment(agree.numpy(), maximize=True)[1]).long()
