"""Problems whose answer is known exactly: which rows can be broken, and how far the closest success is."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import torch
from torch import Tensor

from sparring.domain import Domain
from sparring.draws import Draws, row_keys
from sparring.engine import Task
from sparring.tensors import take
from sparring.testing import half_space
from sparring.threat import L2, Crosses, Linf, Threat, Untargeted

UNIT_IMAGE = Domain(0.0, 1.0, None, (2, 4, 4))


@dataclass(frozen=True)
class Known:
    """A problem and its answer.

    Args:
        model: Inputs `(B, *shape)` to outputs.
        task: The rows.
        breakable: Which rows can be broken inside the threat, `(N,)`.
        distance: Of the closest success in the threat's norm, whatever its eps, `(N,)`.
    """

    model: Callable[[Tensor], Any]
    task: Task
    breakable: Tensor
    distance: Tensor


def task_of(
    inputs: Tensor, labels: Tensor, threat: Threat, domain: Domain | None = None, seed: int = 0
) -> Task:
    """Rows with keys of their own, numbered from zero."""
    domain = Domain(0.0, 1.0, None, tuple(inputs.shape[1:])) if domain is None else domain
    keys = row_keys(seed, [str(row) for row in range(len(inputs))])
    return Task(inputs, Untargeted(labels), threat.bind(inputs, domain), Draws(keys))


def flat_boundary(threat: Threat, **options: Any) -> Known:
    """Two classes (and a third that never wins) on two sides of a hyperplane."""
    problem = half_space(threat, **options)
    score = problem.model(problem.task.inputs)[:, 1].detach()
    return Known(
        problem.model,
        problem.task,
        problem.breakable,
        score.abs() / dual(threat, problem.model.normal.detach()),
    )


def dual(threat: Threat, normal: Tensor) -> Tensor:
    """By how much a unit of the threat's budget moves `<normal, x>`."""
    norms = {"linf": 1.0, "l2": 2.0, "l1": math.inf}
    return torch.linalg.vector_norm(normal, norms[threat.norm])


def seen_through(problem: Known, change: Callable[[Tensor], Any], goal: Any = None) -> Known:
    """The same problem with outputs that tell the same in another way."""
    model = problem.model
    task = problem.task if goal is None else replace(problem.task, goal=goal)
    return replace(problem, model=lambda points: change(model(points)), task=task)


def one_logit(threat: Threat, threshold: float = 0.0) -> Known:
    """The half-space, told by one score that crosses a threshold."""
    problem = flat_boundary(threat)
    goal = Crosses(problem.task.goal.labels, threshold)
    return seen_through(problem, lambda outputs: outputs[:, 1:2] + threshold, goal)


def of_classes(threat: Threat, classes: int) -> Known:
    """The half-space among so many classes, of which only the first two ever win."""
    problem = flat_boundary(threat)

    def widen(outputs: Tensor) -> Tensor:
        if classes < 3:
            return outputs[:, :classes]
        others = -100 - torch.arange(classes - 2, dtype=outputs.dtype)
        return torch.cat([outputs[:, :2], others.expand(len(outputs), -1)], 1)

    return seen_through(problem, widen)


def scaled(threat: Threat, scale: float) -> Known:
    """The half-space with logits times `scale`: saturated or almost equal."""
    return seen_through(flat_boundary(threat), lambda outputs: outputs * scale)


def sphere(threat: Threat, rows: int = 24) -> Known:
    """Inside or outside a ball of radius 0.4 around grey; every row starts inside, at a spread of distances.

    The way out: in L2 straight on; in Linf every coordinate moves outwards by e, with
    `n e^2 + 2 e |u|_1 + |u|_2^2 = R^2`; in L1 the largest coordinate moves alone.
    """
    shape, radius = (2, 4, 4), 0.4
    generator = torch.Generator().manual_seed(3)
    away = torch.randn(rows, 32, generator=generator)
    away = away + 0.5 * away.sign()  # no coordinate is so small that it tips over
    away = away / away.norm(dim=1, keepdim=True) * torch.linspace(0.5, 0.95, rows)[:, None] * radius
    size, total, square = away.abs(), away.abs().sum(1), away.square().sum(1)
    match threat:
        case Linf():
            distance = (-total + (total**2 + 32 * (radius**2 - square)).sqrt()) / 32
        case L2():
            distance = radius - square.sqrt()
        case _:
            largest = size.amax(1)
            distance = (radius**2 - square + largest**2).sqrt() - largest
    task = task_of(0.5 + away.reshape(rows, *shape), torch.zeros(rows, dtype=torch.int64), threat)

    def model(points: Tensor) -> Tensor:
        beyond = (points.flatten(1) - 0.5).square().sum(1) / radius - radius
        return torch.stack([torch.zeros_like(beyond), beyond], 1)

    return Known(model, task, distance < float(threat.eps), distance)


def table(eps: float = 0.13, cells: int = 10, rows: int = 40) -> Known:
    """A table of classes over two features: no gradient anywhere, and Linf robustness by looking it up."""
    generator = torch.Generator().manual_seed(1)
    classes = (torch.rand(cells, cells, generator=generator) < 0.12).long()
    inputs = torch.rand(rows, 2, generator=generator)

    def model(points: Tensor) -> Tensor:
        cell = (points * cells).long().clamp(0, cells - 1)
        return torch.nn.functional.one_hot(classes[cell[:, 0], cell[:, 1]], 2).to(points.dtype)

    labels = model(inputs).argmax(1)
    corner = torch.cartesian_prod(torch.arange(cells), torch.arange(cells)) / cells
    gap = torch.maximum(corner - inputs[:, None], inputs[:, None] - corner - 1 / cells).clamp_min(0).amax(2)
    distance = gap.masked_fill(classes.flatten() == labels[:, None], torch.inf).amin(1)
    return Known(model, task_of(inputs, labels, Linf(eps)), distance < eps, distance)


def constant(threat: Threat) -> Known:
    """Says class 0 whatever it is shown, and has no graph to its inputs."""
    problem = flat_boundary(threat)
    labels = torch.zeros_like(problem.task.goal.labels)
    task = replace(problem.task, goal=Untargeted(labels))
    never = torch.zeros(len(task), dtype=torch.bool)

    def model(points: Tensor) -> Tensor:
        return torch.tensor([1.0, 0.0, 0.0]).expand(len(points), 3)

    return Known(model, task, never, torch.full((len(task),), torch.inf))


def stepped(threat: Threat, levels: int = 64) -> Known:
    """The half-space behind rounding to `levels`: right answers, zero gradients."""
    problem = flat_boundary(threat)
    model = problem.model
    return replace(problem, model=lambda points: model((points * levels).round() / levels))


def broken_beyond(threat: Threat, value: float = math.nan) -> Known:
    """The half-space, but across the boundary every score is `value`: nothing there is an answer."""
    problem = flat_boundary(threat)
    model, signs = problem.model, 2.0 * problem.task.goal.labels[0] - 1

    def beyond(points: Tensor) -> Tensor:
        outputs = model(points)
        return torch.where((signs * outputs[:, 1:2] > 0), outputs, value)

    same = (problem.task.goal.labels == problem.task.goal.labels[0]).nonzero().flatten()
    task = take(problem.task, same)
    never = torch.zeros(len(task), dtype=torch.bool)
    return Known(beyond, task, never, torch.full((len(task),), torch.inf))


def noisy(threat: Threat, scale: float) -> Known:
    """The half-space with noise of this size on its logits: a randomised model."""
    problem = flat_boundary(threat)
    return seen_through(problem, lambda outputs: outputs + scale * torch.randn_like(outputs))
