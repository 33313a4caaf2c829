"""The formats of a report, and the files that they go into."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from sparring.errors import DataError, UsageError, nearest
from sparring.reports.ci.junit import render_junit
from sparring.reports.ci.markdown import render_markdown
from sparring.reports.ci.sarif import render_sarif
from sparring.reports.html import render_html
from sparring.storage import Run, replacing

__all__ = ["FORMATS", "Format", "write_reports"]


@dataclass(frozen=True)
class Format:
    """A file name, and what writes the text; the path is that of a `sparring.toml`, if there is one."""

    file: str
    render: Callable[[Run, Path | None], str]


FORMATS = {
    "html": Format("report.html", lambda run, config: render_html(run)),
    "junit": Format("junit.xml", lambda run, config: render_junit(run)),
    "sarif": Format("report.sarif", render_sarif),
    "md": Format("summary.md", lambda run, config: render_markdown(run)),
}


def write_reports(
    run: Run, folder: Path, formats: Sequence[str] = tuple(FORMATS), config: Path | None = None
) -> list[Path]:
    """Write reports of `run` into `folder`, each whole or not at all.

    Args:
        run: What is reported.
        folder: Made if it is missing.
        formats: Any of html, junit, sarif, md.
        config: The `sparring.toml` whose lines SARIF shall point at.

    Returns:
        The files, in the order of `formats`.

    Raises:
        UsageError: A format is unknown; nothing is written.
        DataError: `folder` cannot be written, or `config` not be read.
    """
    for name in formats or [""]:
        if name not in FORMATS:
            raise UsageError(f"unknown format {name!r}; {nearest(name, FORMATS)}")
    chosen = [FORMATS[name] for name in dict.fromkeys(formats)]
    texts = {folder / each.file: each.render(run, config) for each in chosen}
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise DataError(f"{folder} cannot be written: {error.strerror or error}") from error
    for path, text in texts.items():
        with replacing(path) as temporary:
            temporary.write_text(text, encoding="utf-8")
    return list(texts)
