"""Do examples from other models break what the target's own gradients do not? Then these gradients mislead."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from sparring.attacks import APGD
from sparring.data import Samples
from sparring.draws import Draws, row_keys
from sparring.engine import Progress, Task, search
from sparring.evaluation.suspicion.indicators import finding
from sparring.models import Model
from sparring.threat import Threat, Untargeted
from sparring.transfer.table import answers

__all__ = ["Beside", "beside_gradients"]

FEW, SHARE = 3, 0.02
"""So many samples, and this share of what gradients leave, may fall to other models' examples by chance."""

LEAST = 50
"""Steps of the target's own search, at least: an honest net gives in to fewer."""


@dataclass(frozen=True)
class Beside:
    """The samples that the target gets right, by what breaks them.

    Args:
        right: How many there are.
        own: Broken by the target's own gradients.
        transferred: Broken by examples that were made on other models.
        only_transferred: Broken by these and not by its own gradients.
        steps: Gradients that the own search cost a sample at most.
    """

    right: int
    own: int
    transferred: int
    only_transferred: int
    steps: int

    @property
    def findings(self) -> list[dict[str, Any]]:
        """In the form of `result.json`: one, if that is more than gradients which do not mislead would leave."""
        left = self.right - self.own
        if self.only_transferred <= max(FEW, SHARE * left):
            return []
        message = (
            f"of {left} samples that the target's own gradients left standing in {self.steps} steps, examples made on "
            f"other models broke {self.only_transferred}, more than max({FEW}, {SHARE:.0%}): its gradients mislead, "
            "and an attack along them makes it look more robust than it is; audit it with suite standard"
        )
        return [finding("transfer-beats-gradients", "warning", message, self.only_transferred)]


def beside_gradients(
    target: Model,
    samples: Samples,
    threat: Threat,
    examples: Sequence[Tensor],
    gradients: int,
    *,
    seed: int = 0,
    batch: int = 64,
    progress: Callable[[Progress], None] | None = None,
) -> Beside:
    """Attack the target along its own gradients, and compare with what was made without it.

    An attacker who sees the model can do all that one with other models can. Where transfer breaks samples that the own
    gradients leave, these are masked, and an audit that relies on them says too much (Athalye, Carlini & Wagner 2018,
    https://arxiv.org/abs/1802.00420; Carlini et al. 2019, https://arxiv.org/abs/1902.06705). The own search is APGD
    with cross-entropy.

    Args:
        target: A model that gives gradients.
        samples: Only those that it gets right count.
        threat: Which changes are allowed.
        examples: Points `(N, *shape)` each, made for this threat on other models.
        gradients: What an example cost; the own search gets as many, and 50 at least.
        seed: Of all draws.
        batch: Most points shown at once.
        progress: As in `sparring.search`.
    """
    rows = (answers(target, samples.inputs, batch).argmax(1) == samples.labels).nonzero().squeeze(1)
    chosen, steps = samples.select(rows), max(LEAST, gradients)
    inputs = chosen.inputs.to(target.device)
    bound = threat.bind(inputs, chosen.domain)
    draws = Draws(row_keys(seed, chosen.ids, "beside").to(target.device))
    task = Task(inputs, Untargeted(chosen.labels.to(target.device)), bound, draws)
    own = search(target, task, APGD(steps), batch=batch, progress=progress).success.cpu()
    fooled = torch.zeros_like(own)
    for points in examples:
        allowed = bound.contains(points[rows].to(inputs), inputs).cpu()
        fooled |= allowed & (answers(target, points[rows], batch).argmax(1) != chosen.labels)
    return Beside(len(rows), int(own.sum()), int(fooled.sum()), int((fooled & ~own).sum()), steps)
