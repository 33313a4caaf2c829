"""Does the model behave as attacks need it to? Outputs, gradients, repeated calls, company in the batch."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional

from sparring.data import Samples
from sparring.errors import ModelError
from sparring.evaluation.doctor.check import Check, many
from sparring.evaluation.doctor.trials import answers
from sparring.models import Model
from sparring.models.outputs import recognise
from sparring.models.remote.target import remote_behind

__all__ = ["check_batches", "check_gradients", "check_outputs", "check_repeats"]

FEW, ALONE = 64, 8
SAME = 1e-3
"""Differences of logits up to this share of the largest come from rounding."""


def check_outputs(model: Model, samples: Samples) -> Check:
    """Whether the model answers with logits, and with what it was said to answer."""
    name, few = "outputs", samples.inputs[:FEW].to(model.device)
    with torch.no_grad():
        raw = model.function(few)
    try:
        kind, _ = recognise(raw)
    except ModelError:  # it could be two things, and the user said which
        kind = model.outputs
    if kind != model.outputs and "probabilities" in (kind, model.outputs):
        seen = f"said to be {model.outputs}, but they look like {kind}"
        return Check(
            name, "error", seen, len(few), f'outputs = "{kind}" in [model]', {"model": {"outputs": kind}}
        )
    if model.outputs == "probabilities":
        fix = "return the logits from before the softmax: a saturated softmax hides gradients"
        return Check(name, "warning", "probabilities; their logarithms are attacked", len(few), fix)
    if model.outputs == "logit":
        return Check(name, "ok", "one logit: class 1 against class 0", len(few))
    return Check(name, "ok", f"logits of {model(few).shape[1]} classes", len(few))


def check_gradients(model: Model, samples: Samples) -> Check:
    """On how many samples the gradient of the margin is zero, and on how many that of plain cross-entropy."""
    name, count = "gradients", min(len(samples), FEW)
    if not model.gradients:
        return _without_gradients(name, model, count)
    inputs, labels = samples.inputs[:FEW].to(model.device), samples.labels[:FEW].to(model.device)
    points = inputs.clone().requires_grad_()
    logits = model(points).float()
    right, others = (
        logits.gather(1, labels[:, None])[:, 0],
        logits.scatter(1, labels[:, None], -torch.inf).amax(1),
    )
    of_margin = _gradient((right - others).sum(), points)
    of_loss = _gradient(functional.cross_entropy(logits, labels, reduction="sum"), points)
    zero, saturated = (int((each == 0).flatten(1).all(1).sum()) for each in (of_margin, of_loss))
    share = float((of_margin == 0).float().mean())
    seen = f"zero everywhere on {zero:,} of {many(count)}; {share:.0%} of all values are zero"
    if zero:
        fix = "look for rounding, thresholds or a saturated softmax: attacks by gradients see nothing there"
        return Check(name, "error" if 2 * zero > count else "warning", seen, count, fix)
    if saturated:
        seen = f"those of plain cross-entropy vanish on {saturated:,} of {many(count)}; Sparring's own loss keeps them"
        return Check(name, "note", seen, count)
    return Check(name, "ok", seen, count)


def _without_gradients(name: str, model: Model, count: int) -> Check:
    if remote_behind(model) is not None:
        return Check(name, "note", "none: the model is behind an address; use the suite blackbox", count)
    fix = "find the step that cuts them (detach, numpy, no_grad), or use attacks that read scores only"
    return Check(name, "error", "none reach the inputs", count, fix)


def check_repeats(model: Model, samples: Samples) -> Check:
    """Whether two calls on equal inputs agree."""
    name, few = "repeated calls", samples.inputs[:FEW]
    first, second = answers(model, few), answers(model, few)
    far, flips = _difference(first, second)
    if far <= SAME:
        return Check(name, "ok", "two calls on equal inputs agree", len(few))
    seen = f"two calls differ by {far:.1%} of the largest logit; {_flips(flips)}"
    fix = "look for dropout or noise that ignores eval(); a defence by noise is audited as a random model"
    return Check(name, "warning", seen, len(few), fix)


def check_batches(model: Model, samples: Samples) -> Check:
    """Whether a sample gets the same answer alone as in a batch."""
    name, few = "company in the batch", samples.inputs[:FEW]
    whole = answers(model, few)
    if _difference(whole, answers(model, few))[0] > SAME:
        return Check(name, "note", "cannot be told: the model answers equal inputs differently", len(few))
    count = min(ALONE, len(few))
    alone = torch.cat([answers(model, one) for one in few[:count].split(1)])
    far, flips = _difference(whole[:count], alone)
    if far <= SAME:
        return Check(name, "ok", "a sample alone gets the answer that it gets in a batch", count)
    seen = f"alone and in a batch differ by {far:.1%} of the largest logit; {_flips(flips)}"
    return Check(
        name, "error", seen, count, "use fixed statistics in batch-norm, and nothing else over the batch"
    )


def _gradient(value: Tensor, points: Tensor) -> Tensor:
    return torch.autograd.grad(value, points, retain_graph=True)[0]


def _difference(one: Tensor, other: Tensor) -> tuple[float, int]:
    """The largest difference, relative to the largest logit, and how many classes differ."""
    scale = float(one.abs().amax()) or 1.0
    return float((one - other).abs().amax()) / scale, int((one.argmax(1) != other.argmax(1)).sum())


def _flips(flips: int) -> str:
    return f"{many(flips)} changed class" if flips else "no class changed"
