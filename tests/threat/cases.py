"""Drawn inputs, points, budgets, boxes and masks, and what a projection onto them must be, in float64."""

from __future__ import annotations

import itertools
from dataclasses import dataclass
from typing import Any

import torch
from hypothesis import strategies as st
from torch import Tensor

from sparring.domain import Domain
from sparring.draws import Draws, row_keys
from sparring.threat import L0, L1, L2, Linf, Threat

NORMS = {"linf": Linf, "l2": L2, "l1": L1, "l0": L0, "l0px": lambda eps, **rest: L0(eps, pixels=True, **rest)}
EUCLIDEAN_BALLS = ("linf", "l2", "l1")


@dataclass(frozen=True)
class Drawn:
    """A bound threat with rows and points somewhere around them."""

    threat: Threat
    inputs: Tensor
    points: Tensor
    domain: Domain

    @property
    def scale(self) -> float:
        """The largest number in play: rounding errors are multiples of it."""
        box = max(float(torch.as_tensor(each).abs().max()) for each in (self.domain.low, self.domain.high))
        return max(box, float(self.points.abs().max()))

    @property
    def size(self) -> float:
        """The largest value of the data."""
        return max(float(torch.as_tensor(each).abs().max()) for each in (self.domain.low, self.domain.high))


def drawn(norm: str, **fixed: Any) -> st.SearchStrategy[Drawn]:
    """All kinds of rows, points, budgets, boxes and masks for one norm."""
    choices: dict[str, list[Any]] = {
        "shape": [(2, 3, 3), (1, 2, 4)] if norm == "l0px" else [(6,), (1,), (2, 3, 3), (1, 2, 4)],
        "rows": [1, 2, 5],
        "where": ["inside", "border", "mixed"],
        "far": [0.0, 1e-7, 0.05, 0.5, 5.0, 100.0],
        "budget": ["one", "per row", *(["per coordinate"] if norm == "linf" else [])],
        "masked": ["no", "per coordinate", "per row", "all of a row"],
        "box": ["unit", "grey levels", "per coordinate"],
    }
    kinds = {
        name: st.sampled_from([fixed[name]] if name in fixed else among) for name, among in choices.items()
    }
    return st.builds(make, norm=st.just(norm), seed=st.integers(0, 10**6), **kinds)


def make(
    norm: str,
    seed: int,
    shape: tuple[int, ...],
    rows: int,
    where: str,
    far: float,
    budget: str,
    masked: str,
    box: str,
) -> Drawn:
    """The case that these words describe."""
    generator = torch.Generator().manual_seed(seed)

    def uniform(*size: int) -> Tensor:
        return torch.rand(*size, generator=generator)

    domain = _domain(box, shape, uniform)
    low, width = torch.as_tensor(domain.low), torch.as_tensor(domain.high) - torch.as_tensor(domain.low)
    place = uniform(rows, *shape)
    if where != "inside":
        border = uniform(rows, *shape) < (1.0 if where == "border" else 0.5)
        place = torch.where(border, place.round(), place)
    inputs = torch.minimum(low + width * place, torch.as_tensor(domain.high))
    points = inputs + far * width * torch.randn(rows, *shape, generator=generator)
    if seed % 3 == 0:
        points[-1] = inputs[-1]  # a row that does not change
    count = inputs[0].numel() if norm != "l0px" else shape[1] * shape[2]
    longest = float(width.expand(shape).min())
    shares = {"one": uniform(1), "per row": uniform(rows), "per coordinate": uniform(*shape)}[
        budget
    ] * 0.9 + 0.05
    eps = (1 + (shares * count).floor()).clamp_max(count) if norm.startswith("l0") else shares * longest
    eps = (
        float(eps)
        if budget == "one"
        else eps.reshape(rows, *[1] * len(shape))
        if budget == "per row"
        else eps
    )
    mask = {
        "no": None,
        "per coordinate": uniform(1, *shape) < 0.6,
        "per row": uniform(rows, *shape) < 0.6,
        "all of a row": torch.arange(rows).reshape(rows, *[1] * len(shape)).expand(rows, *shape) > 0,
    }[masked]
    threat = NORMS[norm](eps, mask=mask).bind(inputs, domain)
    return Drawn(threat, inputs, points, domain)


def _domain(box: str, shape: tuple[int, ...], uniform: Any) -> Domain:
    if box == "unit":
        return Domain(0.0, 1.0, None, shape)
    if box == "grey levels":
        return Domain(0.0, 255.0, 1.0, shape)
    low = uniform(*shape) * 4 - 2
    return Domain(low, low + uniform(*shape) * 3 + 0.5, None, shape)


def draws(rows: int, seed: int = 0) -> Draws:
    """Randomness for so many rows."""
    return Draws(row_keys(seed, [str(row) for row in range(rows)]))


def exact_distance(drawn: Drawn, points: Tensor) -> Tensor:
    """Length of the change in float64, by formulas of its own; for Linf in units of each coordinate's eps."""
    change = (points.double() - drawn.inputs.double()).abs()
    match drawn.threat:
        case Linf():
            return change.flatten(1).amax(1)
        case L2():
            return change.flatten(1).square().sum(1).sqrt()
        case L1():
            return change.flatten(1).sum(1)
        case L0(pixels=True):
            return (change != 0).any(1).flatten(1).sum(1)
    return (change != 0).flatten(1).sum(1)


def exact_projection(drawn: Drawn) -> Tensor:
    """The nearest allowed points in float64: a multiplier found by bisection; for L0 by trying everything."""
    inputs, points = drawn.inputs.double(), drawn.points.double()
    low, high = torch.as_tensor(drawn.domain.low).double(), torch.as_tensor(drawn.domain.high).double()
    if drawn.threat.mask is not None:
        points = torch.where(drawn.threat.mask, points, inputs)
    eps = torch.as_tensor(drawn.threat.eps, dtype=torch.float64)

    def clip(values: Tensor) -> Tensor:
        return torch.minimum(torch.maximum(values, low), high)

    def on_l2(multiplier: Tensor) -> Tensor:
        return clip((points + multiplier * inputs) / (1 + multiplier))

    def on_l1(multiplier: Tensor) -> Tensor:
        change = points - inputs
        return clip(inputs + (change.abs() - multiplier).clamp_min(0) * change.sign())

    match drawn.threat:
        case Linf():
            return clip(torch.minimum(torch.maximum(points, inputs - eps), inputs + eps))
        case L2():
            return _bisect(on_l2, lambda z: (z - inputs).flatten(1).norm(dim=1), eps, inputs)
        case L1():
            return _bisect(on_l1, lambda z: (z - inputs).flatten(1).abs().sum(1), eps, inputs)
    return torch.stack([_fewest(drawn, row, clip(points)[row], points[row]) for row in range(len(inputs))])


def _bisect(at: Any, length: Any, eps: Tensor, inputs: Tensor) -> Tensor:
    """`at(multiplier)` with the least multiplier >= 0 at which its `length` is no more than eps."""
    rows = len(inputs)
    shape = (rows, *[1] * (inputs.ndim - 1))
    low, high = torch.zeros(shape, dtype=torch.float64), torch.full(shape, 1e9, dtype=torch.float64)
    budget = eps.reshape(-1).expand(rows)
    free = length(at(low)) <= budget
    for _ in range(200):
        middle = (low + high) / 2
        fits = (length(at(middle)) <= budget).reshape(shape)
        low, high = torch.where(fits, low, middle), torch.where(fits, middle, high)
    return torch.where(free.reshape(shape), at(torch.zeros_like(high)), at(high))


def _fewest(drawn: Drawn, row: int, clipped: Tensor, wished: Tensor) -> Tensor:
    """The best choice of at most eps coordinates (or pixels) to change, by trying all choices."""
    start = drawn.inputs[row].double()
    most = int(torch.as_tensor(drawn.threat.eps).reshape(-1).expand(len(drawn.inputs))[row])
    pixels = drawn.threat.pixels
    count = start[0].numel() if pixels else start.numel()

    def cost(choice: tuple[int, ...]) -> float:
        return float((wished - torch.where(_where(choice, start, pixels), clipped, start)).square().sum())

    best = min(itertools.combinations(range(count), min(most, count)), key=cost)
    return torch.where(_where(best, start, pixels), clipped, start)


def _where(choice: tuple[int, ...], like: Tensor, pixels: bool) -> Tensor:
    """The chosen coordinates as a mask."""
    mask = torch.zeros(like[0].numel() if pixels else like.numel(), dtype=torch.bool)
    mask[list(choice)] = True
    return mask.reshape(like.shape[1:]).expand_as(like) if pixels else mask.reshape(like.shape)
