"""The modules behind a callable: `predict = lambda x: net(x)` runs `net`, whose mode and state count too."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

from torch import nn

__all__ = ["modules_behind"]

DEEPEST = 4


def modules_behind(model: Callable[..., Any]) -> list[nn.Module]:
    """All modules that a model consists of or calls, each once.

    They are found through modules, bound methods, partials, closures, defaults, attributes of callable
    objects, and the global names that a function uses, a few steps deep.
    """
    found: dict[int, nn.Module] = {}
    _collect(model, found, set(), DEEPEST)
    return list(found.values())


def _collect(thing: Any, found: dict[int, nn.Module], visited: set[int], depth: int) -> None:
    if id(thing) in visited or depth < 0:
        return
    visited.add(id(thing))
    if isinstance(thing, nn.Module):
        for module in thing.modules():
            found[id(module)] = module
        # A module may hold another outside its registry: in a list, or behind a plain function.
        for module in thing.modules():
            for value in vars(module).values():
                _collect(value, found, visited, depth - 1)
        return
    for part in _parts(thing):
        _collect(part, found, visited, depth - 1)


def _parts(thing: Any) -> Iterator[Any]:
    if isinstance(thing, list | tuple):
        yield from thing
    elif isinstance(thing, dict):
        yield from thing.values()
    elif isinstance(thing, partial):
        yield from (thing.func, *thing.args, *thing.keywords.values())
    elif hasattr(thing, "__func__"):
        yield from (thing.__self__, thing.__func__)
    elif hasattr(thing, "__code__"):
        yield from _used_by(thing)
    elif callable(thing) and not isinstance(thing, type):
        yield from vars(thing).values() if hasattr(thing, "__dict__") else ()


def _used_by(function: Any) -> Iterator[Any]:
    """What a Python function holds in its closure and defaults, and the globals it names."""
    for cell in function.__closure__ or ():
        try:
            yield cell.cell_contents
        except ValueError:  # a cell that has not been filled yet
            continue
    yield from function.__defaults__ or ()
    for name in function.__code__.co_names:
        yield function.__globals__.get(name)
