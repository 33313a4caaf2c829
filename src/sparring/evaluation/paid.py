"""What a target answered is kept beside the run until the run is written: a query that was paid is not sent again."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from hashlib import sha256
from pathlib import Path

from sparring.data import Samples
from sparring.models import Model
from sparring.models.remote import remote_behind

__all__ = ["answers_kept", "let_go"]


@contextmanager
def answers_kept(
    model: Model, samples: Samples, folder: Path | None, words: str, resume: bool
) -> Iterator[None]:
    """While the block lasts, keep the answers of a model behind an address in a file in `folder`.

    Args:
        model: The target.
        samples: What is attacked.
        folder: Where runs go; None to keep nothing.
        words: What else tells one audit from another.
        resume: Whether answers of an earlier try of the same audit may be used.
    """
    remote = remote_behind(model)
    if remote is None or folder is None:
        yield
        return
    name = sha256(f"{model.digest} {samples.digest} {words}".encode()).hexdigest()[:16]
    remote.keep_answers(folder / f".answers-{name}.jsonl", resume)
    try:
        yield
    finally:
        remote.end(forget=False)


def let_go(model: Model, whole: bool) -> None:
    """Keep no more answers; nor those that are kept, once the run is `whole`."""
    remote = remote_behind(model)
    if remote is not None:
        remote.end(forget=whole)
