"""Surrogates by targets: how often an example that was made on one model fools another."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial

import torch
from torch import Tensor

from sparring.data import Samples
from sparring.engine import Progress
from sparring.errors import ModelError
from sparring.evaluation.statistics import Interval, exact_interval
from sparring.models import Model
from sparring.models.canonical import show
from sparring.threat import Threat, threat_text
from sparring.transfer.crafting import Crafted, craft
from sparring.transfer.eligible import check_classes, check_eligible, group_name, unlike
from sparring.transfer.files import MEDIA, read_again
from sparring.transfer.stealth import colour_difference, structural_similarity

__all__ = ["MEMORY", "Line", "Shown", "answers", "transfer_table"]

MEMORY = "memory"
"""The examples as they were made; the other media are files that are written and read again."""


@dataclass(frozen=True)
class Line:
    """One surrogate (or several), method, threat and medium against one target.

    Args:
        surrogate: Its name; names joined by `+` for several.
        target: Its name.
        white_box: Whether the target is among the surrogates: a ceiling, not a transfer.
        method: One of `METHODS`.
        threat: As text.
        medium: `memory`, or the kind of file that the examples went through.
        fooled: Eligible samples that the target gets wrong now, or answers as is wanted.
        eligible: Samples that both got right before, and that are not of the wanted class; nothing else counts.
        interval: Exact, about the draw of the samples.
        left: Examples that lie outside the threat after the file was read.
        gradients: What each example cost.
        similarity: Mean SSIM of the eligible ones; None if they are not images.
        colour: Mean CIEDE2000 difference of the eligible ones; None likewise.
    """

    surrogate: str
    target: str
    white_box: bool
    method: str
    threat: str
    medium: str
    fooled: int
    eligible: int
    interval: Interval
    left: int
    gradients: int
    similarity: float | None
    colour: float | None

    @property
    def share(self) -> float:
        """Fooled among the eligible."""
        return self.fooled / self.eligible


@dataclass(frozen=True)
class Shown:
    """Examples that were made, and what one target says of them as they are.

    Args:
        surrogates: What they were made on.
        method: One of `METHODS`.
        threat: As text.
        points: `(N, *shape)`.
        said: The target's classes `(N,)`; -1 for samples that do not count, which it was not asked about.
        fooled: Where it errs on a sample that counts, or answers as is wanted, `(N,)`.
    """

    surrogates: Sequence[Model]
    method: str
    threat: str
    points: Tensor
    said: Tensor
    fooled: Tensor

    @property
    def origin(self) -> str:
        """Names of the surrogates, joined by `+`."""
        return group_name(self.surrogates)


def transfer_table(
    surrogates: Sequence[Sequence[Model]],
    targets: Sequence[Model],
    samples: Samples,
    threats: Sequence[Threat],
    methods: Sequence[str],
    gradients: int,
    *,
    wanted: Tensor | None = None,
    media: Sequence[str] | None = None,
    seed: int = 0,
    batch: int = 64,
    keep: Callable[[Shown], None] = lambda shown: None,
    watch: Callable[[str, Progress], None] = lambda what, progress: None,
) -> Iterator[Line]:
    """Make examples on each surrogate and show them to each target, once; lines come as they are measured.

    Args:
        surrogates: Each one or several models, whose mean is followed.
        targets: Models that are asked about clean samples once and about each example once per medium.
        samples: What is attacked.
        threats: Sizes of the change.
        methods: Names of `METHODS`.
        gradients: What each example may cost, the same for all methods.
        wanted: Classes that must come out `(N,)`; without, any error will do.
        media: What the examples go through before they are shown; for images `memory` and all `MEDIA` if None.
        seed: Of all draws.
        batch: Most points shown at once.
        keep: Handed examples once a target was shown them as they were made.
        watch: Told what is being made and how far it is.

    Raises:
        ModelError: A model does not take the samples, or a surrogate answers with other classes than a target.
        DataError: No sample is classified correctly by a surrogate and a target, or all are of the class wanted.
        UsageError: A class is wanted that the models do not know.
    """
    everyone = {id(model): model for model in (*targets, *(each for group in surrogates for each in group))}
    clean = {key: _clean(model, samples, batch) for key, model in everyone.items()}
    check_classes(clean, everyone)
    other = unlike(wanted, samples.labels, next(iter(clean.values())).shape[1])
    right = {key: given.argmax(1) == samples.labels for key, given in clean.items()}
    for group in surrogates:
        own = torch.stack([other, *(right[id(model)] for model in group)]).all(0)
        for target in targets:
            check_eligible(own & right[id(target)], group_name(group), target.name)
        for threat in threats:
            for method in methods:
                told = partial(watch, f"{method} on {group_name(group)} under {threat_text(threat)}")
                made = craft(
                    group, samples, threat, method, gradients, targets=wanted, seed=seed, batch=batch, progress=told,
                )  # fmt: skip
                case = _Case(group, samples, threat, method, wanted, made)
                for medium in media or (MEMORY, *(MEDIA if samples.domain.is_image else ())):
                    points = made.points if medium == MEMORY else read_again(made.points, medium)
                    for target in targets:
                        shown = _shown(case, target, points, own & right[id(target)], batch)
                        if medium == MEMORY:
                            keep(shown)
                        yield _line(case, target, medium, shown)


def answers(model: Model, inputs: Tensor, batch: int) -> Tensor:
    """What a model says of inputs `(N, *shape)`, scores `(N, C)`."""
    with torch.no_grad():
        return torch.cat([show(model, piece.to(model.device)).float().cpu() for piece in inputs.split(batch)])


def _clean(model: Model, samples: Samples, batch: int) -> Tensor:
    """Its answers to the samples; the sentence says which model it was that cannot take them."""
    try:
        return answers(model, samples.inputs, batch)
    except ModelError as error:
        raise ModelError(f"{model.name} does not take the samples: {error}") from error


@dataclass(frozen=True)
class _Case:
    group: Sequence[Model]
    samples: Samples
    threat: Threat
    method: str
    wanted: Tensor | None
    made: Crafted


def _shown(case: _Case, target: Model, points: Tensor, eligible: Tensor, batch: int) -> Shown:
    said = torch.full((len(points),), -1)
    said[eligible] = answers(target, points[eligible], batch).argmax(1)
    reached = said != case.samples.labels if case.wanted is None else said == case.wanted
    fooled = eligible & reached
    return Shown(case.group, case.method, threat_text(case.threat), points, said, fooled)


def _line(case: _Case, target: Model, medium: str, shown: Shown) -> Line:
    inputs, counts = case.samples.inputs, shown.said >= 0
    outside = ~case.threat.bind(inputs, case.samples.domain).contains(shown.points, inputs)
    pictures = case.samples.domain.is_image
    before, after, fooled, eligible = (
        inputs[counts],
        shown.points[counts],
        int(shown.fooled.sum()),
        int(counts.sum()),
    )
    return Line(
        surrogate=shown.origin,
        target=target.name,
        white_box=any(model is target for model in case.group),
        method=shown.method,
        threat=shown.threat,
        medium=medium,
        fooled=fooled,
        eligible=eligible,
        interval=exact_interval(fooled, eligible),
        left=int((outside & counts).sum()),
        gradients=case.made.gradients,
        similarity=float(structural_similarity(before, after).mean()) if pictures else None,
        colour=float(colour_difference(before, after).mean()) if pictures else None,
    )
