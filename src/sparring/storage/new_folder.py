"""Where the files of a run go."""

from __future__ import annotations

from datetime import datetime
from itertools import count
from pathlib import Path

from sparring.errors import DataError
from sparring.storage.progress import unfinished

__all__ = ["folder_of"]


def folder_of(
    name: str, digest: str, out: str | Path | None, runs: str | Path | None, resume: bool
) -> Path | None:
    """A named folder, an unfinished one of the same plan, a new one named after time and model, or none.

    Args:
        name: Of the model.
        digest: Of the plan.
        out: The folder, if the user named one.
        runs: Where to make one otherwise; None if none is wanted.
        resume: Whether an unfinished run may be gone on with.
    """
    if out is not None:
        return Path(out)
    if runs is None:
        return None
    short = "".join(each if each.isalnum() or each in "-_." else "-" for each in name)[:60]
    new = Path(runs) / f"{datetime.now():%Y%m%d-%H%M%S}-{short}"
    return (unfinished(Path(runs), digest) if resume else None) or _unused(new)


def _unused(folder: Path) -> Path:
    """Make a folder of this name, with a number behind it if there is one already: two runs may begin at once."""
    for each in count(1):
        new = folder if each == 1 else folder.with_name(f"{folder.name}-{each}")
        try:
            new.mkdir(parents=True)
        except FileExistsError:
            continue
        except OSError as error:
            raise DataError(f"{new} cannot be made: {error.strerror or error}") from error
        return new
    raise AssertionError("there is always another number")
