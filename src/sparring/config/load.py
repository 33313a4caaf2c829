"""Reading `sparring.toml`: what is wrong with it is said in one sentence, with the line."""

from __future__ import annotations

import json
import tomllib
from dataclasses import replace
from pathlib import Path

from pydantic import TypeAdapter, ValidationError

from sparring.config.tables import AuditTable, Config, TrainTable
from sparring.config.words import fault_words
from sparring.errors import UsageError
from sparring.run_names import is_name

__all__ = ["as_json", "load_config", "read_text"]


def load_config(path: str | Path) -> Config:
    """Read a `sparring.toml`; paths in it become relative to where we run, as the file's folder is.

    Raises:
        UsageError: The file is missing, is no TOML, or says something that nobody understands.
    """
    path = Path(path)
    text = read_text(path)
    try:
        config = TypeAdapter(Config).validate_json(as_json(text, path))
    except ValidationError as error:
        raise UsageError(f"{path}, {fault_words(error, text)}") from None
    return _beside(path.parent, config)


def read_text(path: Path) -> str:
    """The text of a `sparring.toml`.

    Raises:
        UsageError: It is missing or cannot be read.
    """
    if not path.exists():
        raise UsageError(
            f"there is no {path}; write one with: sparring init, or give --model, --data and --threat"
        )
    try:
        return path.read_text(encoding="utf-8")
    except (OSError, UnicodeError) as error:
        raise UsageError(f"{path} cannot be read: {error}") from error


def as_json(text: str, path: Path) -> str:
    """The same as JSON, which is what a strict reader takes lists and tables from; dates become text.

    Raises:
        UsageError: The text is no TOML.
    """
    try:
        return json.dumps(tomllib.loads(text), default=str)
    except tomllib.TOMLDecodeError as error:
        raise UsageError(f"{path} is no TOML: {str(error)[:1].lower()}{str(error)[1:]}") from error


def _beside(folder: Path, config: Config) -> Config:
    """Paths in the file are relative to it."""
    model = replace(
        config.model,
        source=_place(folder, config.model.source),
        weights=_path(folder, config.model.weights),
        engagement=_path(folder, config.model.engagement),
    )
    data = replace(
        config.data, source=_place(folder, config.data.source), classes=_path(folder, config.data.classes)
    )
    audits = tuple(_audit_beside(folder, each) for each in config.audit)
    return replace(config, model=model, data=data, audit=audits, train=_train_beside(folder, config.train))


def _train_beside(folder: Path, train: TrainTable | None) -> TrainTable | None:
    if train is None:
        return None
    data, test, extra = (
        None if each is None else _place(folder, each) for each in (train.data, train.test, train.extra)
    )
    return replace(train, data=data, test=test, extra=extra)


def _audit_beside(folder: Path, audit: AuditTable) -> AuditTable:
    if audit.surrogate is not None:
        audit = replace(audit, surrogate=_place(folder, audit.surrogate))
    if audit.gate is None or audit.gate.baseline is None:
        return audit
    return replace(audit, gate=replace(audit.gate, baseline=_baseline(folder, audit.gate.baseline)))


def _baseline(folder: Path, text: str) -> str:
    """A path beside the file, or the name of a run."""
    path = folder / text
    return text if is_name(text) and not path.exists() else str(path)


def _path(folder: Path, name: str | None) -> str | None:
    return None if name is None else str(folder / name)


def _place(folder: Path, source: str) -> str:
    """A file, or `code.py:name`; what has a scheme, such as `timm:NAME`, is no path."""
    scheme, colon, _ = source.partition(":")
    return source if colon and "." not in scheme and "/" not in scheme else str(folder / source)
