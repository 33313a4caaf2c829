"""What models answer, turned into logits (B, C).

Models answer with a tensor, a tuple, a dict, or an object with `.logits`; with logits, probabilities, or one
logit for two classes. An adapter turns one kind into logits; it is differentiable and keeps the data type.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

import torch
from torch import Tensor

from sparring.errors import ModelError, UsageError, nearest
from sparring.models.coarse import coarse_words

__all__ = ["ADAPTERS", "adapter", "recognise", "tensor_in"]


def as_they_are(outputs: Any) -> Any:
    """Whatever the model answers, for goals that understand it."""
    return outputs


def logits(outputs: Any) -> Tensor:
    """Logits, or log-probabilities, which are logits too."""
    return tensor_in(outputs)


def one_logit(outputs: Any) -> Tensor:
    """One logit z for class 1 against class 0: logits [0, z]."""
    logit = _column(tensor_in(outputs))
    return torch.stack([torch.zeros_like(logit), logit], 1)


def probabilities(outputs: Any) -> Tensor:
    """Probabilities, one per class or that of class 1 alone: their logarithms.

    A probability that has underflowed to 0 gives the logarithm of the smallest number, and no gradient.
    """
    found = tensor_in(outputs)
    if found.ndim == 1 or found.shape[1] == 1:
        found = torch.stack([1 - _column(found), _column(found)], 1)
    return found.clamp_min(torch.finfo(found.dtype).tiny).log()


def chosen_class(outputs: Any, count: int) -> Tensor:
    """The class alone, whole numbers from 0: one for the class that was answered, zero for the `count` others.

    NaN, no answer at all, gives NaN for every class.

    Raises:
        ModelError: An answer is no such class.
    """
    found = _column(tensor_in(outputs))
    silent = found.isnan()
    known = silent | ((found >= 0) & (found < count) & (found == found.round()))
    if not bool(known.all()):
        odd = found[~known][0].item()
        raise ModelError(f"the model answers with {odd}, which is none of the {count} classes from 0")
    chosen = torch.nn.functional.one_hot(found.masked_fill(silent, 0).long(), count).float()
    return chosen.masked_fill(silent[:, None], torch.nan)


def class_or_other(outputs: Any, count: int) -> Tensor:
    """As `chosen_class`, with a column more for whole numbers that are none of the `count` known classes.

    Raises:
        ModelError: An answer is no whole number.
    """
    found = _column(tensor_in(outputs))
    other = ((found < 0) | (found >= count)) & (found == found.round()) & found.isfinite()
    return chosen_class(torch.where(other, count, found), count + 1)


def by_shape(outputs: Any) -> Tensor:
    """Logits of a model that nobody has looked at yet: one column is one logit."""
    found = tensor_in(outputs)
    return one_logit(found) if found.ndim == 1 or found.shape[1] == 1 else found


ADAPTERS: dict[str, Callable[[Any], Any]] = {
    "auto": by_shape,
    "logits": logits,
    "logit": one_logit,
    "probabilities": probabilities,
    "labels": as_they_are,
    "raw": as_they_are,
}
"""`labels` becomes `labels:7+` once data were looked at."""


def adapter(name: str) -> Callable[[Any], Any]:
    """The adapter called `name`; `labels:7` is that of a model that answers with one of 7 classes, `labels:7+` that of
    one that may know more.

    Raises:
        UsageError: If there is none of this name.
    """
    kind, _, count = name.partition(":")
    if kind == "labels" and count.isdecimal():
        return partial(chosen_class, count=int(count))
    if kind == "labels" and count.removesuffix("+").isdecimal():
        return partial(class_or_other, count=int(count[:-1]))
    if name not in ADAPTERS:
        raise UsageError(f'there is no kind of outputs called "{name}"; {nearest(name, ADAPTERS)}')
    return ADAPTERS[name]


def tensor_in(outputs: Any) -> Tensor:
    """Find the tensor (B, C) or (B,) in what a model answers.

    Raises:
        ModelError: If there is none, or several and no telling which.
    """
    found = _tensor(outputs)
    if found.ndim > 2 and set(found.shape[2:]) == {1}:  # heads made of convolutions leave (B, C, 1, 1)
        found = found.flatten(1)
    if found.ndim not in (1, 2):
        raise ModelError(
            f"the model answers with shape {tuple(found.shape)}; one row of logits per input is needed"
        )
    return found


def recognise(outputs: Any) -> tuple[str, str | None]:
    """Look at the answer to one batch: the name of its adapter, and a note if it is not plain logits.

    Raises:
        ModelError: If it could be read in two ways.
    """
    found = tensor_in(outputs).detach().float()
    wrapped = None if isinstance(outputs, Tensor) else f"logits were found in a {type(outputs).__name__}"
    if not tensor_in(outputs).dtype.is_floating_point and (found.ndim == 1 or found.shape[1] == 1):
        return "labels", "the model answers with classes only: attacks that read scores cannot be used"
    if found.ndim == 1 or found.shape[1] == 1:
        return _recognise_column(found)
    coarse = coarse_words(found)
    if _are_probabilities(found, tensor_in(outputs).dtype):
        note = (
            "the model returns probabilities: their logarithms are attacked; logits from before the "
            "softmax are better where you have them, since a saturated softmax hides gradients"
        )
        return "probabilities", note if coarse is None else f"{note}; {coarse}"
    return "logits", coarse or wrapped


def _recognise_column(found: Tensor) -> tuple[str, str]:
    if bool(((found >= 0) & (found <= 1)).all()):
        raise ModelError(
            "the model returns one number per input, all between 0 and 1, a probability or a logit; "
            'say outputs="probabilities" or outputs="logit"'
        )
    return "logit", "the model returns one logit: it is taken as class 1 against class 0"


def _are_probabilities(found: Tensor, dtype: torch.dtype) -> bool:
    tolerance = 1e-3 if dtype in (torch.float32, torch.float64) else 2e-2
    return bool((found >= 0).all()) and bool(((found.sum(1) - 1).abs() < tolerance).all())


def _tensor(outputs: Any) -> Tensor:
    if isinstance(outputs, Mapping):
        return _in_mapping(outputs)
    if isinstance(outputs, tuple | list) and outputs and not hasattr(outputs, "logits"):
        outputs = outputs[0]
    found = getattr(outputs, "logits", outputs)
    if not isinstance(found, Tensor):
        raise ModelError(f"the model answers with {type(found).__name__}; a tensor of logits is needed")
    return found


def _in_mapping(outputs: Mapping[Any, Any]) -> Tensor:
    """The entry called logits, or the only tensor. Outputs of Hugging Face models are mappings too."""
    tensors = [value for value in outputs.values() if isinstance(value, Tensor)]
    found = outputs.get("logits", tensors[0] if len(tensors) == 1 else None)
    if not isinstance(found, Tensor):
        raise ModelError(
            f"the model answers with a dict of {', '.join(map(str, outputs))}; none is called logits"
        )
    return found


def _column(found: Tensor) -> Tensor:
    if found.ndim == 2 and found.shape[1] != 1:
        raise ModelError(f"the model answers with {found.shape[1]} columns where one was promised")
    column = found.reshape(-1)
    return column if column.is_floating_point() else column.float()  # JSON writes 1.0 as 1
