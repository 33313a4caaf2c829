"""Accuracy per class."""

from dataclasses import dataclass

import numpy as np

from sparring.reports.words import class_name
from sparring.storage import Run
from sparring.storage.tables import STANDING

__all__ = ["ClassLine", "classes"]


@dataclass(frozen=True)
class ClassLine:
    """One line of the table of classes."""

    name: str
    samples: int
    clean: int
    robust: int


def classes(run: Run) -> list[ClassLine]:
    """A line per class that has samples, the least robust first; none where there is no budget to be robust within."""
    if "distances" in run.result:
        return []
    labels = run.records["label"].to_numpy()
    predictions = run.records["prediction"].to_numpy()
    robust = np.isin(np.asarray(run.records["status"].to_pylist(), dtype=str), STANDING)
    lines = [
        ClassLine(
            name=class_name(run, int(label)),
            samples=int((mine := labels == label).sum()),
            clean=int((mine & (predictions == labels)).sum()),
            robust=int((mine & robust).sum()),
        )
        for label in np.unique(labels)
    ]
    return sorted(lines, key=lambda line: line.robust / line.samples)
