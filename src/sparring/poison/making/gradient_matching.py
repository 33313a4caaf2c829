"""Clean-label poison for models that are trained from nothing: samples whose gradients do the poisoner's work."""

from __future__ import annotations

from collections.abc import Sequence
from copy import deepcopy

import torch
from torch import Tensor, nn
from torch.nn.functional import cosine_similarity, cross_entropy

from sparring.data import Samples
from sparring.domain import Domain
from sparring.draws import Draws, row_keys
from sparring.poison.making.moving import moved
from sparring.poison.making.planting import triggered
from sparring.poison.making.relabelling import CleanLabel
from sparring.poison.making.spec import PoisonSpec, unchanged
from sparring.poison.making.triggers import Trigger
from sparring.threat import Linf

__all__ = ["gradient_matched", "match_gradients"]


def gradient_matched(
    samples: Samples,
    surrogates: Sequence[nn.Module],
    shown: Tensor,
    target: int,
    rate: float,
    *,
    eps: float,
    trigger: Trigger = unchanged,
    steps: int = 60,
    seed: int = 0,
) -> PoisonSpec:
    """Samples of the target class, changed a little, that teach a new model to take `shown` for that class.

    With samples of other classes and a trigger this is Sleeper Agent (Souri et al. 2022,
    https://arxiv.org/abs/2106.08970): a backdoor whose trigger is in no training sample. With one sample to show and no
    trigger it is Witches' Brew (Geiping et al. 2021, https://arxiv.org/abs/2009.02276). Poisoned are those samples
    that the first surrogate would learn most from, as in the former. Deviates from both in having no restarts and no
    augmentation, and from Sleeper Agent in that surrogates are not trained again meanwhile, and that all other
    classes may be opened, not one.

    Cost when it is planted: a forward and a backward per sample of the class, then `steps` times two forwards and two
    backwards per poisoned sample and surrogate.

    Args:
        samples: What is poisoned later.
        surrogates: Models of such data, trained by the poisoner.
        shown: (S, *shape), what the model shall later get wrong; the trigger is put on here.
        target: The class it shall be taken for, and of the poisoned samples, whose labels stay right.
        rate: Poisoned samples as a share of the whole training set; the class must have as many.
        eps: How far each value may move, in units of the data.
        trigger: Put on inputs when the model is used, never on those that are learned from.
        steps: Of the search.
        seed: Of draws.
    """
    wanted = triggered(trigger, shown, samples.domain)

    def lessons(given: Samples) -> Tensor:
        lengths, model = torch.zeros(len(given)), _learner(surrogates[0])
        for row in (given.labels == target).nonzero()[:, 0].tolist():
            lengths[row] = _slope(model, given.inputs[row : row + 1], target).norm()
        return lengths

    def planted(inputs: Tensor, places: Tensor) -> Tensor:
        draws = Draws(row_keys(seed, [samples.ids[place] for place in places.tolist()], "gradient-matched"))
        start = inputs + eps * (2 * draws.uniform(torch.zeros_like(inputs)) - 1)
        return match_gradients(surrogates, inputs, start, wanted, target, samples.domain, eps, steps)

    name = "witches-brew" if trigger is unchanged else "sleeper-agent"
    return PoisonSpec(name, trigger, CleanLabel(target), rate, planted=planted, first=lessons, seed=seed)


def match_gradients(
    surrogates: Sequence[nn.Module],
    bases: Tensor,
    start: Tensor,
    shown: Tensor,
    target: int,
    domain: Domain,
    eps: float,
    steps: int,
) -> Tensor:
    """Move samples within Linf, so that to learn them moves weights as to learn `shown` as `target` would.

    What rises is the cosine between both gradients of the weights, its mean over surrogates, by Adam on the sign of
    its slope.

    Args:
        surrogates: Models whose gradients are matched.
        bases: (K, *shape), samples of class `target`.
        start: (K, *shape), where they start from.
        shown: (S, *shape), what shall be learned as `target`.
        target: A class.
        domain: What the data are.
        eps: Most that a value may change.
        steps: Of the search.

    Returns:
        The poisons, like `bases`; not yet on the grid of the data.
    """
    models = [_learner(each) for each in surrogates]
    aims = [_slope(each, shown, target).detach() for each in models]

    def apart(poisons: Tensor) -> Tensor:
        alike = [
            cosine_similarity(_slope(model, poisons, target), aim, dim=0)
            for model, aim in zip(models, aims, strict=True)
        ]
        [slope] = torch.autograd.grad(-torch.stack(alike).sum(), poisons)
        return slope.sign()

    return moved(bases, start, Linf(eps).bind(bases, domain), apart, steps)


def _learner(model: nn.Module) -> nn.Module:
    """A copy whose weights have gradients."""
    return deepcopy(model).eval().requires_grad_(True)


def _slope(model: nn.Module, inputs: Tensor, label: int) -> Tensor:
    """The gradient of the mean loss in all weights, as one vector that has gradients itself."""
    loss = cross_entropy(model(inputs), torch.full((len(inputs),), label))
    slopes = torch.autograd.grad(loss, list(model.parameters()), create_graph=True)
    return torch.cat([each.flatten() for each in slopes])
