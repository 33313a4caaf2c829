"""How close audits of a table come to the smallest change that there is, by an exact method, on breast cancer.

`python bench/tables_exact.py` trains XGBoost on rows of scikit-learn's breast cancer data (30 columns, each divided by
its range), and finds for test rows that it gets right the smallest change in Linf that turns the answer. Trees are
constant on boxes, so this is the way from the row to some threshold; of all those ways the shortest is sought by
bisection, where dtai-veritas (Devos, Meert & Davis 2021, https://arxiv.org/abs/2010.09463) proves for the box of each
size that an answer turns in it, or that none does. What turns is shown to XGBoost itself. Then the same rows are
audited under `linf:min` by several suites, and the distances that they find are held against that.
"""

from __future__ import annotations

import argparse
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import _peers  # noqa: F401  peers lie in a folder of their own
import numpy as np
import veritas
import xgboost
from sklearn.datasets import load_breast_cancer
from sklearn.model_selection import train_test_split

import sparring

Rows = np.ndarray[Any, Any]

TOLERANCE = 1e-6
"""Distances are measured in float32."""

_SLACK = 1e-10
"""Less than the way between any two thresholds, more than the rounding of float64."""

MOST_STEPS = 10_000_000
"""Of one proof; none came near it."""


@dataclass(frozen=True)
class Problem:
    """A model, its ensemble of trees, and test rows `(n, 30)` in [0, 1] that it gets right, with labels `(n,)`."""

    model: xgboost.XGBClassifier
    trees: Any
    rows: Rows
    labels: Rows


def problem(seed: int, count: int, trees: int, depth: int) -> Problem:
    """Train on 60% of the rows, drawn by `seed`; the first `count` of the others that are recognised."""
    rows, labels = load_breast_cancer(return_X_y=True)
    rows = ((rows - rows.min(0)) / np.ptp(rows, axis=0)).astype(np.float32)
    train, test, train_labels, test_labels = train_test_split(rows, labels, test_size=0.4, random_state=seed)
    model = xgboost.XGBClassifier(n_estimators=trees, max_depth=depth, n_jobs=1, random_state=0)
    model.fit(train, train_labels)
    right = (model.predict(test) == test_labels).nonzero()[0][:count]
    return Problem(model, veritas.get_addtree(model, silent=True), test[right], test_labels[right])


def smallest_change(posed: Problem, row: Rows, label: int) -> float:
    """The exact smallest Linf distance from `row` to a float32 row in [0, 1] with another answer."""
    trees = posed.trees if label == 0 else posed.trees.negate_leaf_values()
    ways = _ways(trees, row)
    few, enough = -1, len(ways) - 1
    assert _turned(trees, row, ways[enough]) is not None, "no row at all has another answer"
    while enough - few > 1:
        middle = (few + enough) // 2
        few, enough = (few, middle) if _turned(trees, row, ways[middle]) is not None else (middle, enough)
    found = _turned(trees, row, ways[enough])
    assert found is not None
    assert posed.model.predict(found[None])[0] != label, "XGBoost does not agree"
    assert np.abs(found.astype(np.float64) - row).max() <= ways[enough] + _SLACK
    return float(ways[enough])


def _ways(trees: Any, row: Rows) -> Rows:
    """How far the row is from the other side of every threshold, sorted; a value of a threshold is on its right."""
    far = [
        float(bound) - float(value)
        for column, thresholds in trees.get_splits().items()
        for value, threshold in ((row[column], np.float32(each)) for each in thresholds)
        for bound in (threshold if value < threshold else np.nextafter(threshold, np.float32(-1)),)
    ]
    return np.unique(np.abs(far))


def _turned(trees: Any, row: Rows, reach: float) -> Rows | None:
    """A row at most `reach` away whose score is above 0, or None: proven that there is none."""
    low = np.maximum(row.astype(np.float64) - reach - _SLACK, 0.0)
    high = np.minimum(row.astype(np.float64) + reach + _SLACK, 1.0 + _SLACK)
    config = veritas.Config(veritas.HeuristicType.MAX_OUTPUT)
    config.ignore_state_when_worse_than = 0.0
    config.stop_when_num_solutions_exceeds = 1
    config.stop_when_optimal = True
    search = config.get_search(trees, [veritas.Interval(*each) for each in zip(low, high, strict=True)])
    reason = search.steps(MOST_STEPS)
    if search.num_solutions() and search.get_solution(0).output > 0:
        return _nearest(search.get_solution(0).box(), row)
    assert reason == veritas.StopReason.NO_MORE_OPEN, f"no proof: {reason}"
    return None


def _nearest(box: dict[int, Any], row: Rows) -> Rows:
    """The row of a box, closed below and open above, that is closest."""
    found = row.copy()
    for column, side in box.items():
        low = np.float32(side.lo)
        low = low if float(low) >= side.lo else np.nextafter(low, np.float32(2))
        high = np.float32(side.hi)
        high = high if float(high) < side.hi else np.nextafter(high, np.float32(-1))
        found[column] = np.clip(row[column], low, high)
    return found


def distances(posed: Problem, suite: str, queries: int, seed: int) -> Rows:
    """The smallest change `(n,)` that an audit finds; infinite where it finds none."""
    features = {f"x{column}": {"range": (0, 1)} for column in range(posed.rows.shape[1])}
    data = sparring.load_data((posed.rows, posed.labels), features=features)
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "model.ubj"
        posed.model.save_model(file)
        run = sparring.audit(
            str(file), data, "linf:min", suite, queries=queries, seed=seed, out=f"{folder}/run"
        )
    found = {row["index"]: row["distance"] for row in run.records.to_pylist() if row["status"] == "broken"}
    return np.array([found.get(place, np.inf) for place in range(len(posed.rows))])


def main(arguments: Sequence[str] | None = None) -> None:
    """Audit, compare and tell."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--suites", nargs="*", default=["trees", "labels", "blackbox"])
    parser.add_argument("--queries", type=int, default=1000)
    parser.add_argument("--rows", type=int, default=30)
    parser.add_argument("--trees", type=int, default=30)
    parser.add_argument("--depth", type=int, default=4)
    parser.add_argument("--seed", type=int, default=0, help="which rows it trains on, and draws of the audit")
    asked = parser.parse_args(arguments)
    posed = problem(asked.seed, asked.rows, asked.trees, asked.depth)
    exact = np.array([smallest_change(posed, *each) for each in zip(posed.rows, posed.labels, strict=True)])
    print(f"{len(exact)} rows; exact smallest change: median {np.median(exact):.4f}, mean {exact.mean():.4f}")
    for suite in asked.suites:
        found = distances(posed, suite, asked.queries, asked.seed)
        assert bool((found >= exact - TOLERANCE).all()), "a distance is below the exact minimum"
        ratio = (found / exact)[np.isfinite(found)]
        if not len(ratio):
            print(f"{suite}: nothing found")
            continue
        print(
            f"{suite}: {len(ratio)} found, none below; found / exact: mean {ratio.mean():.3f},"
            f" median {np.median(ratio):.3f}, largest {ratio.max():.3f};"
            f" {(ratio <= 1.001).sum()} of {len(ratio)} exact to 0.1%"
        )


if __name__ == "__main__":
    main()
