"""The one way in: `load_data` finds out what it was given."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from sparring.data.csv_table import load_csv
from sparring.data.features import Features
from sparring.data.folder import load_folder
from sparring.data.npz import load_npz
from sparring.data.parquet import load_parquet
from sparring.data.python import from_python
from sparring.data.samples import Samples
from sparring.domain import Domain
from sparring.errors import DataError, UsageError
from sparring.factories import call, is_reference, load_object

__all__ = ["load_data"]


def load_data(
    source: Any,
    *,
    classes: Sequence[str] | str | Path | None = None,
    resize: int | None = None,
    crop: int | None = None,
    labels: str | None = None,
    domain: Domain | None = None,
    features: Features | None = None,
) -> Samples:
    """Load samples with their labels.

    Args:
        source: An `.npz`, `.parquet` or `.csv` file, a folder of images by class, `code.py:factory` (called without
            arguments; naming it is consent to run it), `(inputs, labels)`, a Dataset, a DataLoader, or
            Samples.
        classes: Names of the classes in label order, or a text file with one name per line.
        resize: For folders: length in pixels to which the short side is scaled.
        crop: For folders: side in pixels of a centred square, cut after the resize.
        labels: For files: the array or column that holds the labels, if its name is not a usual one.
        domain: What the data are, where looking at them does not tell (audio, images in [-1, 1]).
        features: For tables: what each column may become (`docs/tables.md`); samples are then in units of scale.

    Raises:
        DataError: If the data cannot be read or used.
        UnsafeFileError: If reading the file could run code.
        UsageError: If an option does not fit the source.
    """
    names = _class_names(classes)
    loader, options = _loader(source)
    given = {"resize": resize, "crop": crop, "labels": labels, "domain": domain, "features": features}
    for option, value in given.items():
        if value is not None and option not in options:
            raise UsageError(f"{option} has no meaning for {_called(source)}; leave it out")
    return loader(_subject(source), classes=names, **{option: given[option] for option in options})


_FILES: dict[str, Callable[..., Samples]] = {".npz": load_npz, ".parquet": load_parquet, ".csv": load_csv}


def _loader(source: Any) -> tuple[Callable[..., Samples], tuple[str, ...]]:
    """Choose the loader of a source, and which options it takes."""
    if not isinstance(source, str | Path):
        return from_python, ("domain", "features")
    if is_reference(source):
        return _from_factory, ("domain", "features")
    path = Path(source)
    if not path.exists():
        raise DataError(f'there is no data file or folder "{source}"')
    if path.is_dir():
        return load_folder, ("resize", "crop")
    if path.suffix not in _FILES:
        raise DataError(
            f'"{source}" is not a kind of data that is known: .npz, .parquet, .csv, a folder, code.py:factory'
        )
    return _FILES[path.suffix], ("labels", "domain", "features")


def _from_factory(reference: str, **options: Any) -> Samples:
    return from_python(call(load_object(reference), reference), source=reference, **options)


def _subject(source: Any) -> Any:
    return Path(source) if isinstance(source, str) and not is_reference(source) else source


def _called(source: Any) -> str:
    return f'"{source}"' if isinstance(source, str | Path) else f"data of type {type(source).__name__}"


def _class_names(classes: Sequence[str] | str | Path | None) -> tuple[str, ...] | None:
    if not isinstance(classes, str | Path):
        return None if classes is None else tuple(classes)
    path = Path(classes)
    if not path.is_file():
        raise DataError(f'there is no file of class names "{classes}"')
    return tuple(line.strip() for line in path.read_text("utf-8").splitlines() if line.strip())
