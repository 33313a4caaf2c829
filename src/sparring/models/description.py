"""What something is, in plain data: the same in every process, another for anything that computes otherwise."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from dataclasses import fields, is_dataclass
from functools import partial
from hashlib import sha256
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from sparring.models.digest import digest_of

__all__ = ["described"]


def described(value: Any) -> Any:
    """Settings, tensors, modules and code as plain data that are the same in every process."""
    if isinstance(value, Tensor):
        content = value.detach().cpu().contiguous()
        digest = sha256(content.reshape(-1).view(torch.uint8).numpy().data).hexdigest()
        return [str(content.dtype), list(content.shape), digest]
    if is_dataclass(value) and not isinstance(value, type):
        parts = {field.name: described(getattr(value, field.name)) for field in fields(value)}
        return [_named(type(value)), parts]
    if isinstance(value, list | tuple):
        return [described(each) for each in value]
    if isinstance(value, nn.Module):
        return [_named(type(value)), digest_of(value)]
    if isinstance(value, partial):
        keywords = {name: described(each) for name, each in sorted(value.keywords.items())}
        return [described(value.func), described(value.args), keywords]
    return _named(value) if callable(value) else repr(value)


def _named(thing: Callable[..., Any]) -> list[str]:
    """Where code is, and, if it is not ours, what stands in its file."""
    name = f"{getattr(thing, '__module__', '?')}.{getattr(thing, '__qualname__', repr(type(thing)))}"
    if name.startswith("sparring."):
        return [name]
    try:
        file = inspect.getsourcefile(thing)
    except TypeError:
        file = None
    return [name, sha256(Path(file).read_bytes()).hexdigest() if file and Path(file).is_file() else ""]
