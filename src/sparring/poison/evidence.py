"""What detectors look at: the samples, and what a model that learned from them makes of each."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from sparring.errors import DataError, ModelError
from sparring.models.canonical import show

__all__ = ["Evidence", "answer", "evidence_of", "last_linear"]

BATCH = 512


@dataclass(frozen=True, eq=False)
class Evidence:
    """Of N samples, in one order.

    Args:
        model: Learned from them, the poisoned ones among them.
        inputs: (N, *shape).
        labels: (N,), as they stand in the data.
        features: (N, n), what the model's last linear layer reads; its logits if no such layer is found.
        logits: (N, C).
        losses: (epochs, N) of each sample when the model learned from it; None if nobody kept them.
    """

    model: Callable[[Tensor], Tensor]
    inputs: Tensor
    labels: Tensor
    features: Tensor
    logits: Tensor
    losses: Tensor | None = None


@torch.no_grad()
def evidence_of(
    model: Callable[[Tensor], Tensor], inputs: Tensor, labels: Tensor, losses: Tensor | None = None
) -> Evidence:
    """Show the model every sample once, in batches. Cost: 1 forward per sample.

    Raises:
        ModelError: It knows fewer classes than there are labels, or gives no logits (B, C).
        DataError: It gives values that are not finite.
    """
    seen: list[Tensor] = []
    layer = last_linear(model)
    hook = (
        None
        if layer is None
        else layer.register_forward_pre_hook(lambda _, given: seen.append(given[0].flatten(1)))
    )
    try:
        answers, features = [], []
        for part in inputs.split(BATCH):
            seen.clear()
            logits = answer(model, part)
            _check_logits(logits, labels)
            answers.append(logits.float())
            features.append((seen[-1] if seen else logits)[: len(part)].float().cpu())
    finally:
        if hook is not None:
            hook.remove()
    logits = torch.cat(answers)
    if not logits.isfinite().all():
        raise DataError("the model answers some samples with NaN or infinity; a scan needs numbers")
    return Evidence(model, inputs, labels, torch.cat(features), logits, losses)


def answer(model: Callable[[Tensor], Tensor], inputs: Tensor) -> Tensor:
    """What the model says of a batch (B, *shape), asked where it is and brought back to the CPU."""
    first = next(model.parameters(), None) if isinstance(model, nn.Module) else None
    told: Any = show(model, inputs if first is None else inputs.to(first.device))
    return told.cpu() if isinstance(told, Tensor) else told


def last_linear(model: object) -> nn.Linear | None:
    """The last linear layer of a model, None if it has none that can be seen (as in an exported program)."""
    if not isinstance(model, nn.Module):
        return None
    layers = [module for module in model.modules() if isinstance(module, nn.Linear)]
    return layers[-1] if layers else None


def _check_logits(logits: object, labels: Tensor) -> None:
    if not isinstance(logits, Tensor) or logits.ndim != 2:
        raise ModelError("a scan needs a model that answers with one row of logits per sample")
    if logits.shape[1] <= int(labels.max()):
        raise ModelError(
            f"the model knows {logits.shape[1]} classes, but labels go up to {int(labels.max())}; "
            "give the model that was trained on these data"
        )
