"""`sparring poison undo`: takes a planted poison out again."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

__all__ = ["undo"]


def undo(
    data: Annotated[Path | None, typer.Option(help="poisoned .npz, as poison run --save wrote it")] = None,
    save: Annotated[Path | None, typer.Option(help="where the samples go as they were before, .npz")] = None,
    sidecar: Annotated[
        Path | None, typer.Option(help="what was changed; without, the sidecar beside --data")
    ] = None,
) -> int:
    """Take a planted poison out of a file: its sidecar knows every sample that was changed, and how it was before.

    sparring poison undo --data poisoned.npz --save clean.npz
    """
    import sparring
    from sparring.errors import DataError, UsageError
    from sparring.poison import load_provenance, sidecar_of, undo, write_samples

    if data is None or save is None:
        raise UsageError(
            "this needs poisoned data and a place for what comes out: --data poisoned.npz --save clean.npz"
        )
    note = load_provenance(sidecar_of(data) if sidecar is None else sidecar)
    restored = undo(sparring.load_data(str(data)), note)
    if restored.digest != note.before:
        raise DataError(
            f'"{data}" without the poison is not what was poisoned, so its sidecar belongs to another version; '
            "nothing was written"
        )
    write_samples(restored, save)
    poisoned = int(note.poisoned.sum())
    covers = len(note.places) - poisoned
    typer.echo(
        f"{poisoned:,} samples poisoned by {note.name}{f' and {covers:,} covers' if covers else ''} are as they were "
        f"before: {save.resolve()}"
    )
    return 0
