"""Making examples on a surrogate: the target is not asked until they are done."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import torch
from torch import Tensor

from sparring.data import Samples
from sparring.domain import GREY_LEVEL
from sparring.draws import Draws, row_keys
from sparring.engine import AttackLoss, Progress, Task, search
from sparring.errors import ModelError, UsageError
from sparring.models import Model
from sparring.threat import Grid, Targeted, Threat, Untargeted
from sparring.transfer.backward_rules import Backward
from sparring.transfer.ensemble import Ensemble
from sparring.transfer.methods import Setting, method_named
from sparring.transfer.targeted import wanted_score

__all__ = ["Crafted", "craft"]


@dataclass(frozen=True)
class Crafted:
    """Examples that were made without asking a target.

    Args:
        points: `(N, *shape)`, inside the threat; whole grey levels where the data are 8-bit.
        gradients: What each cost, over all surrogates.
    """

    points: Tensor
    gradients: int


def craft(
    surrogates: Sequence[Model],
    samples: Samples,
    threat: Threat,
    method: str,
    gradients: int,
    *,
    targets: Tensor | None = None,
    loss: AttackLoss | None = None,
    seed: int = 0,
    batch: int = 64,
    progress: Callable[[Progress], None] | None = None,
) -> Crafted:
    """Make one example of each sample, on one surrogate or the mean of several.

    Args:
        surrogates: Models whose gradients are followed, of the same classes as the target.
        samples: All of them, whatever the surrogates make of them.
        threat: Which changes are allowed.
        method: One of `METHODS`.
        gradients: Most that a sample may cost; each surrogate's gradient counts.
        targets: Classes that must come out `(N,)`; without, any error will do.
        loss: What is climbed; without, cross-entropy, or the score of the class that must come out.
        seed: Of all draws.
        batch: Most points shown at once; a matter of memory.
        progress: As in `sparring.search`.

    Raises:
        UsageError: The method is unknown, or the budget does not pay for one gradient of each surrogate.
        ModelError: A surrogate has no gradients.
    """
    each = gradients // len(surrogates)
    _check(surrogates, gradients, each)
    chosen = method_named(method)
    inputs = samples.inputs.to(surrogates[0].device)
    bound = threat.bind(inputs, samples.domain)
    attack = chosen.make(Setting(each, float(torch.as_tensor(threat.eps).max()), samples.inputs))
    attack = replace(attack, loss=loss or (attack.loss if targets is None else wanted_score))
    labels = samples.labels.to(inputs.device)
    task = Task(
        inputs=inputs,
        goal=Untargeted(labels) if targets is None else Targeted(targets.to(inputs.device), labels),
        threat=bound,
        draws=Draws(row_keys(seed, samples.ids, "transfer", method).to(inputs.device)),
    )
    looks = [model if chosen.rule is None else Backward(model, chosen.rule) for model in surrogates]
    look = looks[0] if len(looks) == 1 else Ensemble(looks)
    found = search(look, task, attack, retire="never", keep="last", batch=batch, progress=progress)
    points = found.adversarial
    if samples.domain.step == GREY_LEVEL:
        points = Grid(bound).render(points, inputs)
    spent = int(found.backwards.max()) if len(samples) else 0
    return Crafted(points.cpu(), spent * len(surrogates))


def _check(surrogates: Sequence[Model], gradients: int, each: int) -> None:
    blind = next((model for model in surrogates if not model.gradients), None)
    if blind is not None:
        raise ModelError(
            f"the surrogate {blind.name} gives no gradients; a surrogate must be a model that does"
        )
    if each < 1:
        raise UsageError(
            f"{gradients} gradients do not pay for one step on {len(surrogates)} surrogates; "
            f"give at least {len(surrogates)}"
        )
