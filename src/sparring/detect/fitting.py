"""Fitting a detector: on clean samples alone, or with adversarial ones of them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace

import torch
from torch import Tensor

from sparring.data import Samples
from sparring.detect.detector import Detector, blend, parts_of
from sparring.detect.scores import Score
from sparring.detect.view import View
from sparring.errors import DataError, UsageError

__all__ = ["fit_detector"]

LEAST = 32
"""Fewest reference samples that are worth anything."""

Attacker = Callable[[Tensor, Tensor], Tensor]
"""Adversarial versions of inputs `(N, *shape)` with classes `(N,)`."""


def fit_detector(
    view: View,
    samples: Samples,
    scores: Mapping[str, Score],
    *,
    attacker: Attacker | None = None,
    digest: str | None = None,
    seed: int = 0,
) -> Detector:
    """Fit `scores` on clean samples, blend them, and calibrate what comes out jointly.

    The samples are drawn apart at random: half to fit each score, an eighth to bring them to one scale (and, with an
    attacker, to weigh them by logistic regression), the rest to calibrate the blend. Cost: a forward of each
    sample, and what the scores add.

    Args:
        view: Of the model.
        samples: Clean, drawn as the inputs to come will be.
        scores: By name.
        attacker: If the weights shall be fitted with attacks: makes adversarial inputs of an eighth of the samples.
        digest: Of the model, to tell others from it later.
        seed: Of the draw.

    Raises:
        DataError: There are too few samples.
        UsageError: No score was given.
    """
    if not scores:
        raise UsageError("a detector needs at least one score")
    if len(samples) < LEAST:
        raise DataError(
            f"a detector needs at least {LEAST} clean samples, half of them to fit and the rest to calibrate, but "
            f"there are {len(samples)}"
        )
    order = torch.randperm(len(samples), generator=torch.Generator().manual_seed(seed))
    first, middle, last = (samples.select(order[part]) for part in parts_of(len(samples)))
    settings = tuple(scores.values())
    shown = view.of(first.inputs)
    fitted = tuple(each.fit(view, shown, first.labels) for each in settings)
    # a first detector, whose scores are as they are
    plain = torch.zeros(len(settings)), torch.ones(len(settings))
    bare = Detector(tuple(scores), settings, fitted, *plain, None, torch.zeros(0), samples.domain, digest)
    columns = _columns(bare, view, middle.inputs)
    centre = columns.median(0).values
    spread = (columns - centre).abs().median(0).values.clamp_min(1e-6)
    scaled = replace(bare, centre=centre, spread=spread)
    if attacker is not None:
        attacked = _columns(scaled, view, attacker(middle.inputs, middle.labels))
        scaled = replace(scaled, weights=_weighed(_columns(scaled, view, middle.inputs), attacked))
    calibration = blend(_columns(scaled, view, last.inputs), scaled.weights)
    return replace(scaled, calibration=calibration.sort().values)


def _columns(detector: Detector, view: View, inputs: Tensor) -> Tensor:
    """Every score of any number of inputs, `(N, S)`."""
    with torch.no_grad():
        return torch.cat([detector.each(view, view(part)) for part in inputs.split(view.batch)])


def _weighed(clean: Tensor, attacked: Tensor) -> Tensor:
    """Weights `(S,)` that tell attacked from clean scores best: logistic regression, slightly damped."""
    rows = torch.cat([clean, attacked]).double()
    signs = torch.cat([-torch.ones(len(clean)), torch.ones(len(attacked))]).double()
    weights = torch.zeros(rows.shape[1] + 1, dtype=torch.float64, requires_grad=True)
    descent = torch.optim.LBFGS([weights], max_iter=100, line_search_fn="strong_wolfe")

    def loss() -> Tensor:
        descent.zero_grad()
        odds = rows @ weights[:-1] + weights[-1]
        value = torch.nn.functional.softplus(-signs * odds).mean() + 1e-3 * weights[:-1].square().sum()
        value.backward()
        return value

    with torch.enable_grad():
        descent.step(loss)
    return weights.detach()[:-1].float()
