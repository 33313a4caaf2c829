"""A model of one's own: what is given is never changed."""

from __future__ import annotations

import warnings
from copy import deepcopy

from torch import nn

from sparring.errors import ModelError

__all__ = ["copied"]


def copied(model: nn.Module) -> nn.Module:
    """A copy that shares no tensor with the model.

    Raises:
        ModelError: It cannot be copied.
    """
    try:
        with warnings.catch_warnings():
            warnings.simplefilter(
                "ignore", FutureWarning
            )  # of torch, about copies of its own exported programs
            return deepcopy(model)
    except Exception as error:
        reason = " ".join(str(error).split())[:200]
        raise ModelError(
            f"the model cannot be copied, so it cannot be trained without being changed: {reason}"
        ) from error
