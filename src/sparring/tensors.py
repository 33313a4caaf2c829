"""Row-wise helpers: everything the engine moves is a tree whose tensors have one row per sample.

A tree is a tensor, `Each`, `None`, a plain value, or a list, tuple, dict or dataclass of trees. A tensor with no
dimensions, like a plain value, belongs to all rows and stays as it is.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, fields, is_dataclass, replace
from typing import Any, TypeVar

import torch
from torch import Tensor

__all__ = [
    "Each",
    "either",
    "flat",
    "join",
    "over_rows",
    "per_row",
    "pick",
    "put",
    "take",
    "tree_map",
    "vector",
]

Tree = TypeVar("Tree")


@dataclass(frozen=True)
class Each:
    """Things that are no tensors, one per row, such as running generators; rows are taken and joined as in tensors."""

    things: tuple[Any, ...]
    ndim = 1

    def __getitem__(self, rows: Tensor) -> Each:
        return Each(tuple(self.things[row] for row in rows.tolist()))


def tree_map(change: Callable[..., Any], tree: Any, *others: Any) -> Any:
    """Apply `change` to every tensor or `Each` of `tree`, together with those in the same place of `others`."""
    if isinstance(tree, Tensor | Each):
        return change(tree, *others)
    if isinstance(tree, list | tuple):
        items = [tree_map(change, *each) for each in zip(tree, *others, strict=True)]
        return type(tree)(*items) if hasattr(tree, "_fields") else type(tree)(items)
    if isinstance(tree, dict):
        # dict subclasses of other libraries (model outputs) are read here, never rebuilt
        return {key: tree_map(change, tree[key], *(each[key] for each in others)) for key in tree}
    if is_dataclass(tree) and not isinstance(tree, type):
        names = [field.name for field in fields(tree)]
        parts = {name: tree_map(change, *(getattr(each, name) for each in (tree, *others))) for name in names}
        return replace(tree, **parts)
    return tree


def take(tree: Tree, rows: Tensor) -> Tree:
    """Keep the rows named by a mask or by indices, `(B,)`: a copy, which shares nothing with `tree`."""
    rows = rows.nonzero().squeeze(1) if rows.dtype is torch.bool else rows

    def chosen(values: Any) -> Any:
        if not values.ndim:
            return values
        # several times as fast as values[rows]
        return values[rows] if isinstance(values, Each) else values.index_select(0, rows.to(values.device))

    return tree_map(chosen, tree)


def put(tree: Tree, rows: Tensor, new: Tree) -> Tree:
    """A copy of `tree`, with its dtypes, in which `rows`, a mask or indices, are those of `new`."""

    def write(old: Tensor, values: Tensor) -> Tensor:
        if not old.ndim:
            return old
        changed = old.clone()
        changed[rows] = values.to(old.dtype)
        return changed

    return tree_map(write, tree, new)


def join(first: Tree, *others: Tree) -> Tree:
    """Put the rows of others behind those of `first`, all in one copy."""

    def behind(*parts: Any) -> Any:
        if isinstance(parts[0], Each):
            return Each(tuple(thing for part in parts for thing in part.things))
        return torch.cat(parts) if parts[0].ndim else parts[0]

    return tree_map(behind, first, *others)


def per_row(values: float | Tensor, like: Tensor) -> Tensor:
    """Shape `values` (a number, `(B,)`, or already like one row of `like`) so that they broadcast over `like`."""
    values = torch.as_tensor(values, dtype=like.dtype, device=like.device)
    return values.reshape(-1, *[1] * (like.ndim - 1)) if values.ndim == 1 else values


def over_rows(values: Tensor, like: Tensor) -> Tensor:
    """Append dimensions of length one until `values` `(B, ...)` broadcasts against `like` `(B, ..., *shape)`."""
    return values.reshape(*values.shape, *[1] * (like.ndim - values.ndim))


def pick(chosen: Tensor, yes: Tensor, no: Tensor) -> Tensor:
    """For each row, `yes` where `chosen` `(B,)` holds, else `no`; may be one of them, never a view to write into.

    Copies rows, which is faster than a `torch.where` over every element.
    """
    rows = chosen.nonzero().squeeze(1)
    if len(rows) in (0, len(chosen)):
        return yes if len(rows) else no
    return no.index_copy(0, rows, yes.index_select(0, rows))


def either(mask: Tensor, yes: Tensor, no: Tensor) -> Tensor:
    """`torch.where` for finite numbers, by arithmetic that is exact: a quarter of the time if `mask` has no pattern."""
    return torch.lerp(no, yes, mask.to(no))


def flat(points: Tensor) -> Tensor:
    """See every row as a vector, `(B, n)`."""
    return points.flatten(1)


def vector(values: float | Tensor, like: Tensor) -> Tensor:
    """One number per row of `like` `(B, ...)`, `(B,)`, from a number or from a value per row of any shape."""
    values = torch.as_tensor(values, dtype=like.dtype, device=like.device)
    return values.reshape(-1).expand(len(like))
