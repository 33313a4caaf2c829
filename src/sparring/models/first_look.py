"""A first look at a model with real inputs: does it answer, with what, and do gradients come back?"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor

from sparring.errors import ModelError, SparringError
from sparring.models.behind import modules_behind
from sparring.models.guard import untouched
from sparring.models.model import Model
from sparring.models.outputs import recognise, tensor_in
from sparring.models.remote.refusals import refusals_borne
from sparring.models.remote.target import turned_away
from sparring.models.stand_ins.straight_through import stops

__all__ = ["look"]

ROWS = 8


def look(model: Model, inputs: Tensor, labels: Tensor | None = None) -> Model:
    """Run a few of `inputs` through a model; choose its adapter, and learn whether it has gradients and is
    random.

    Args:
        model: From `load_model`; it is left as it was.
        inputs: (N, *shape) in the range of the data; the first 8 are used, but for those that a target refuses.
        labels: (N,), all labels of the data, to see whether the model has enough outputs.

    Returns:
        The model to audit: `outputs`, `gradients`, `stops`, `randomised` and `notes` now say what was seen. Gradients
        that are zero everywhere, where something is known to stop them, count as none.

    Raises:
        ModelError: If it fails on such inputs, or answers with something that is not logits for these labels.
    """
    with untouched(model), refusals_borne():
        batch = inputs[:ROWS].detach().clone().to(model.device)
        answer = _answer(model, batch)
        if (refusal := turned_away(model)) is not None:  # the others show how it answers
            batch = _taken(batch, answer, refusal)
            answer = _answer(model, batch)
        model = _adapted(model, answer)
        if model.outputs == "labels":
            model = model.having(outputs=f"labels:{_classes(answer, labels)}+")
        if model.outputs == "raw":
            return model
        logits = model.adapt(answer)
        _check(logits, len(batch), labels)
        return _with_nature(model, batch, logits.detach())


def _answer(model: Model, batch: Tensor) -> Any:
    try:
        with torch.no_grad():
            return model.function(batch)
    except (torch.OutOfMemoryError, SparringError):
        raise
    except Exception as error:
        reason = " ".join(str(error).split())[:200]
        raise ModelError(
            f"the model fails on inputs of shape {tuple(batch.shape)}: {type(error).__name__}: {reason}"
            f"{_hint(model, batch)}"
        ) from error


def _taken(batch: Tensor, answer: Any, refusal: str) -> Tensor:
    """The inputs that a target did not refuse."""
    taken = batch[~tensor_in(answer).isnan().reshape(len(batch), -1).any(1)]
    if not len(taken):
        raise ModelError(refusal)
    return taken


def _adapted(model: Model, answer: Any) -> Model:
    if model.outputs != "auto":
        return model
    outputs, note = recognise(answer)
    return model.having(outputs=outputs, notes=model.notes if note is None else (*model.notes, note))


def _classes(answer: Any, labels: Tensor | None) -> int:
    """How many classes are known of: those of the labels, or without labels, of the answers."""
    seen = tensor_in(answer) if labels is None or not len(labels) else labels
    return max(int(seen.max()), 1) + 1


def _check(logits: Tensor, rows: int, labels: Tensor | None) -> None:
    if logits.ndim != 2:
        raise ModelError(
            f"the model answers with shape {tuple(logits.shape)}; logits of shape (B, C) are needed"
        )
    if len(logits) != rows:
        raise ModelError(
            f"the model answers {rows} inputs with {len(logits)} rows; it must give one row per input"
        )
    if not logits.dtype.is_floating_point:
        raise ModelError(
            f"the model answers with {logits.dtype}; logits are needed, not the predicted classes"
        )
    if not bool(logits.isfinite().all()):
        raise ModelError(
            "the model answers with NaN or infinite outputs on clean inputs; check its weights, mean and std"
        )
    if labels is not None and len(labels) and int(labels.max()) >= logits.shape[1]:
        raise ModelError(f"labels go up to {int(labels.max())} but the model has {logits.shape[1]} outputs")


def _with_nature(model: Model, batch: Tensor, logits: Tensor) -> Model:
    """Add what a second call and a backward pass show."""
    notes = model.notes
    with torch.no_grad():
        randomised = not torch.allclose(
            model(batch), logits, rtol=1e-4, atol=1e-4 * float(logits.abs().amax())
        )
    if randomised:
        notes += ("two calls on equal inputs differ: the model is treated as randomised",)
    gradient = _gradient(model, batch) if model.gradients else None
    passed = stops(model, batch) if model.gradients else None
    if model.gradients and gradient is None and passed is None:
        notes += ("no gradient reaches the inputs: attacks that need gradients cannot be used",)
    if gradient is not None and not bool(gradient.isfinite().all()):
        raise ModelError(
            "the gradients of the model are NaN or infinite on clean inputs; check its weights, mean and std"
        )
    useful = gradient is not None and (bool(gradient.any()) or not passed)
    return model.having(gradients=useful, stops=passed, randomised=randomised, notes=notes)


def _gradient(model: Model, batch: Tensor) -> Tensor | None:
    """A gradient with respect to the inputs, None if the model gives none."""
    points = batch.clone().requires_grad_()
    try:
        outputs = model(points)
        spread = (outputs.amax(1) - outputs.amin(1)).sum()
        (gradient,) = torch.autograd.grad(spread, points, allow_unused=True)
    except torch.OutOfMemoryError:
        raise
    except RuntimeError:  # autograd says so when a step of the model has no backward, or cuts the graph
        return None
    return gradient


def _hint(model: Model, batch: Tensor) -> str:
    """Try what usually is the matter, and say what helped."""
    for change, advice in HINTS:
        try:
            with torch.no_grad():
                model.function(change(batch))
        except Exception:  # any failure means: this was not it
            continue
        return f"; it works {advice}"
    for module in modules_behind(model):
        module.training = True
    try:
        with torch.no_grad():
            model.function(batch)
    except Exception:
        return ""
    return "; it works in training mode only, make it work in evaluation mode"


HINTS: tuple[tuple[Callable[[Tensor], Tensor], str], ...] = (
    (lambda batch: batch.movedim(1, -1), "on channels last, so put a permute(0, 2, 3, 1) before it"),
    (lambda batch: batch.movedim(-1, 1), "on channels first, so store the data channels first"),
    (lambda batch: batch.flatten(1), "on flat inputs, so put torch.nn.Flatten() before it"),
    (lambda batch: batch.squeeze(1), "without the channel axis, so put a squeeze(1) before it"),
    (
        lambda batch: batch.expand(-1, 3, *batch.shape[2:]),
        "on three channels, so repeat the grey channel before it",
    ),
    (lambda batch: batch.double(), "on float64, so convert it by model.float()"),
    (lambda batch: batch.half(), "on float16, so convert it by model.float()"),
    (lambda batch: batch.bfloat16(), "on bfloat16, so convert it by model.float()"),
)
