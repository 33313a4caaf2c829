"""What a defence says of itself: how an attacker gets through it.

A defence is a module with an attribute `way`, a phrase for reports. Its gradients are those of a knowing attacker
already (BPDA: Athalye, Carlini & Wagner 2018, https://arxiv.org/abs/1802.00420). Where that takes a stand-in, the
module has a method `plain` too: the same answers, with the gradients of the defence as somebody would write it who
thinks of no attacker.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, cast

from torch import nn

from sparring.models.behind import modules_behind

__all__ = ["as_written", "ways_through"]


def ways_through(model: Callable[..., Any]) -> tuple[str, ...]:
    """How an attacker gets through each defence in a model, as they say themselves; each way once."""
    ways = [getattr(module, "way", None) for module in modules_behind(model)]
    return tuple(dict.fromkeys(way for way in ways if isinstance(way, str)))


@contextmanager
def as_written(model: Callable[..., Any]) -> Iterator[None]:
    """Inside, every defence in the model has no stand-in for its gradients; the model answers as before."""
    handles = [
        module.register_forward_hook(_plainly)
        for module in modules_behind(model)
        if isinstance(getattr(module, "way", None), str) and callable(getattr(module, "plain", None))
    ]
    try:
        yield
    finally:
        for handle in handles:
            handle.remove()


def _plainly(module: nn.Module, arguments: tuple[Any, ...], outputs: Any) -> Any:
    return cast(Any, module).plain(*arguments)
