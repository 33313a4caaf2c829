"""`--wanted`: the classes that examples must come out as."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from torch import Tensor

    from sparring.data import Samples
    from sparring.models import Model

__all__ = ["wanted_classes"]


def wanted_classes(words: str | None, samples: Samples, target: Model) -> Tensor | None:
    """The class wanted of each sample `(N,)`; None if any error will do.

    Args:
        words: None, `next` (the one after the label), a number, a name, or a file with one a line for all the data.
        samples: Those that are attacked.
        target: Asked about one sample, if the class after the last must be known.

    Raises:
        UsageError: The words name no class and no file, or the file has no line for a sample.
    """
    import torch

    from sparring.transfer.table import answers

    if words is None:
        return None
    if words == "next":
        return (samples.labels + 1) % answers(target, samples.inputs[:1], 1).shape[1]
    if not Path(words).is_file():
        return torch.full_like(samples.labels, _number(words, samples.classes))
    lines = Path(words).read_text("utf-8", "replace").split("\n")
    return torch.tensor(
        [_number(_line(words, lines, row), samples.classes) for row in samples.index.tolist()]
    )


def _line(file: str, lines: Sequence[str], row: int) -> str:
    from sparring.errors import UsageError

    if row >= len(lines) or not lines[row].strip():
        raise UsageError(
            f"{file} has no class on line {row + 1}; it needs a line for each sample of the data"
        )
    return lines[row].strip()


def _number(word: str, names: Sequence[str] | None) -> int:
    from sparring.errors import UsageError

    if names is not None and word in names:
        return list(names).index(word)
    if word.isdecimal() and len(word) < 10:
        return int(word)
    raise UsageError(f"--wanted takes next, a class by number or name, or a file of these, but got {word!r}")
