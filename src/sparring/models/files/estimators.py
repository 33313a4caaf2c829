"""Classifiers of scikit-learn and its like: scores of rows of a table, no gradients.

A batch is one call, in numpy, at this edge only. Scores come out relative to the highest: subtracted in float64, so
that the class that the estimator itself calls highest stays so in float32.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from sparring.errors import ModelError
from sparring.models.loaded import Loaded

__all__ = ["Rows", "is_estimator", "load_estimator", "relative", "told_apart"]

Array = NDArray[Any]

_LEAST = 1e-300


@dataclass(frozen=True)
class Rows:
    """A function of rows `(N, F)` in numpy, as a callable on tensors.

    Args:
        answers: Rows of float64 to scores `(N, C)` or classes `(N,)`.
        width: F, None if unknown.
    """

    answers: Callable[[Array], Array]
    width: int | None

    def __call__(self, inputs: Tensor) -> Tensor:
        """Answers to `inputs` `(N, F)`.

        Raises:
            ModelError: The rows have another number of columns than the model was trained on.
        """
        if inputs.ndim != 2 or self.width not in (None, inputs.shape[1]):
            raise ModelError(
                f"the model takes rows of {self.width or 'a table with some'} columns, but the samples have shape "
                f"{tuple(inputs.shape[1:])}"
            )
        rows = inputs.detach().cpu().numpy().astype(np.float64)
        return torch.from_numpy(np.ascontiguousarray(self.answers(rows))).to(inputs.device)


def is_estimator(thing: Any) -> bool:
    """Whether an object predicts classes the way scikit-learn's do."""
    return not callable(thing) and hasattr(thing, "predict") and hasattr(thing, "classes_")


def load_estimator(model: Any, digest: str | None = None) -> Loaded:
    """A fitted classifier; class k of the data is the k-th of its `classes_`.

    Asked for decision values where these decide, else for probabilities, else for classes.

    Raises:
        ModelError: It predicts no classes.
    """
    classes = getattr(model, "classes_", None)
    if classes is None or np.ndim(classes) != 1:
        raise ModelError(
            f"{type(model).__name__} predicts no classes; a fitted classifier of one label per row is needed"
        )
    answers, scores = _answers(model, len(classes))
    notes = [
        "the model is no net: it gives scores but no gradients" if scores else "the model gives classes only"
    ]
    if list(classes) != list(range(len(classes))):
        notes.append(f"the classes of the model are {', '.join(map(str, classes))}, in this order")
    return Loaded(
        Rows(answers, getattr(model, "n_features_in_", None)),
        digest,
        gradients=False,
        outputs="logits" if scores else f"labels:{len(classes)}",
        notes=tuple(notes),
    )


def _answers(estimator: Any, count: int) -> tuple[Callable[[Array], Array], bool]:
    """What to ask, and whether it gives scores; where these could name another class than `predict`, that is asked."""
    if count == 2 and hasattr(estimator, "decision_function"):
        return lambda rows: two(_named(estimator, estimator.decision_function, rows)), True
    if hasattr(estimator, "predict_proba") and not hasattr(estimator, "decision_function"):
        return lambda rows: relative(_logarithms(_named(estimator, estimator.predict_proba, rows))), True
    if hasattr(estimator, "decision_function") and not hasattr(estimator, "support_vectors_"):
        return lambda rows: relative(_named(estimator, estimator.decision_function, rows)), True
    return lambda rows: np.searchsorted(estimator.classes_, _named(estimator, estimator.predict, rows)), False


def _named(estimator: Any, ask: Callable[[Any], Any], rows: Array) -> Array:
    """What it answers; one that was trained on named columns is asked with them."""
    names = getattr(estimator, "feature_names_in_", None)
    if names is None:
        return np.asarray(ask(rows))
    import pandas as pd  # which it was trained with

    return np.asarray(ask(pd.DataFrame(rows, columns=names)))


def two(decision: Array) -> Array:
    """Scores `(N, 2)` of one decision value, above 0 for class 1."""
    value = decision.reshape(len(decision)).astype(np.float64)
    return relative(np.stack([np.zeros_like(value), value], 1))


def relative(scores: Array) -> Array:
    """Scores `(N, C)` less the highest of each row, as float32: which is highest survives the rounding."""
    scores = scores.astype(np.float64)
    return (scores - scores.max(1, keepdims=True)).astype(np.float32)


def told_apart(logit: Array) -> Array:
    """Scores `(N, 2)` of one logit; class 1 needs a probability above one half, as boosters count it."""
    with np.errstate(over="ignore"):
        sure = 1 / (1 + np.exp(-logit)) > 0.5  # in the type of the logit: a tiny one rounds to a half
    return two(np.where(sure, logit, np.minimum(logit, 0)))


def _logarithms(probabilities: Array) -> Array:
    return np.log(np.maximum(probabilities.astype(np.float64), _LEAST))
