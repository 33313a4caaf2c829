"""What a target answered is kept until it is no longer needed: a query that was paid is not sent again.

What an audit asks itself is kept beside its run, what the search of a shard asks on the shelf, so that any process may
go on with any shard; both until the run is written.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from hashlib import sha256
from pathlib import Path

from sparring.data import Samples
from sparring.evaluation.search.shelf import Shelf
from sparring.models import Model
from sparring.models.remote.target import remote_behind

__all__ = ["answers_kept", "forgotten", "shard_answers_kept"]


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
    with remote.keeping(folder / f".answers-{name}.jsonl", resume):
        yield


@contextmanager
def shard_answers_kept(model: Model, shelf: Shelf, digest: str) -> Iterator[None]:
    """While the block lasts, keep the answers about a shard on its shelf, if that lasts, and use earlier ones."""
    remote = remote_behind(model)
    if remote is None or not shelf.lasting:
        yield
        return
    with remote.keeping(shelf.answers_path(digest), resume=True):
        yield


def forgotten(model: Model, shelf: Shelf) -> None:
    """Throw away the answers that are kept by the block around, and those on the shelf: the run is written."""
    remote = remote_behind(model)
    if remote is not None:
        remote.forget()
        shelf.drop_answers()
