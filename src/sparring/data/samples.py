"""Samples: inputs with their labels, their names, and what they are.

`N` is the number of samples; every field with an N keeps the same order.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from hashlib import sha256

import torch
from torch import Tensor

from sparring.data.kept import Kept
from sparring.domain import Domain
from sparring.errors import UsageError

__all__ = ["Samples"]


@dataclass(frozen=True, eq=False)
class Samples:
    """Labelled samples of one data set, or a choice of them.

    Args:
        kept: Where the inputs are.
        labels: (N,) int64, from 0.
        ids: N names, no two equal; see `sparring.data.ids`.
        index: (N,) int64, the position of each sample in its source.
        domain: Range, step and shape.
        classes: Name of each class in label order, None if the source has none.
        notes: What was found, changed or assumed on the way, a sentence each.
        ordered: True for the whole source or its first N; False for a random draw.
        source: Where the samples come from, for reports.
        names: Of the columns of a table, None if there are none.
    """

    kept: Kept
    labels: Tensor
    ids: tuple[str, ...]
    index: Tensor
    domain: Domain
    classes: tuple[str, ...] | None = None
    notes: tuple[str, ...] = ()
    ordered: bool = True
    source: str = "memory"
    names: tuple[str, ...] | None = None

    def __len__(self) -> int:
        return len(self.ids)

    @cached_property
    def inputs(self) -> Tensor:
        """(N, *shape) float32, in the range of `domain`; if they are in a file, all are read and stay in memory."""
        return self.kept.read()

    def first(self, count: int) -> Tensor:
        """A copy of the first `count` of `inputs`, or of all if there are fewer; no others are read."""
        return self.kept[:count].read().clone()

    def parts(self, count: int) -> "Iterator[Samples]":
        """All samples, `count` at a time."""
        for rows in torch.arange(len(self)).split(count):
            yield self.select(rows)

    def having(self, inputs: Tensor) -> "Samples":
        """The same samples with other `inputs` (N, *shape)."""
        return replace(self, kept=Kept.whole(inputs))

    @cached_property
    def digest(self) -> str:
        """SHA-256 over ids and labels, in order: equal for equal samples, whatever file they came in."""
        lines = (f"{name} {label}\n" for name, label in zip(self.ids, self.labels.tolist(), strict=True))
        return sha256("".join(lines).encode()).hexdigest()

    def select(self, indices: Sequence[int] | Tensor) -> "Samples":
        """The samples at `indices` (positions here, not in the source), in that order."""
        chosen = torch.as_tensor(indices, dtype=torch.long)
        return replace(
            self,
            kept=self.kept[chosen],
            labels=self.labels[chosen],
            ids=tuple(self.ids[i] for i in chosen.tolist()),
            index=self.index[chosen],
        )

    def limit(self, count: int) -> "Samples":
        """The first `count` samples; a note names the classes that are missing from them."""
        _check_count(count)
        if count >= len(self):
            return self
        first = replace(
            self,
            kept=self.kept[:count],
            labels=self.labels[:count],
            ids=self.ids[:count],
            index=self.index[:count],
        )
        missing = sorted(set(self.labels.tolist()) - set(first.labels.tolist()))
        return replace(first, notes=self.notes + _missing_note(count, missing)) if missing else first

    def sample(self, count: int) -> "Samples":
        """A random draw of `count` samples, in their original order.

        Drawn are those whose ids have the smallest SHA-256, so the draw is the same on every machine
        and a smaller draw lies inside a larger one.
        """
        _check_count(count)
        if count >= len(self):
            return self
        hashes = [sha256(name.encode()).digest() for name in self.ids]
        drawn = sorted(range(len(self)), key=hashes.__getitem__)[:count]
        return replace(self.select(sorted(drawn)), ordered=False)


def _check_count(count: int) -> None:
    if count < 1:
        raise UsageError(f"asked for {count} samples; ask for at least 1")


def _missing_note(count: int, missing: list[int]) -> tuple[str]:
    named = ", ".join(map(str, missing[:10])) + (", ..." if len(missing) > 10 else "")
    return (f"the first {count} samples lack {len(missing)} of the classes ({named}); draw a sample instead",)
