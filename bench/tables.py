"""Audits of tables from the command line: does every adversarial row obey what `[features]` says?

`python bench/tables.py` trains XGBoost on NSL-KDD (20% of the training set, tested on Test+) and a random forest of
scikit-learn on UCI Adult, writes a project for each (model, table, `sparring.toml`), audits it by `sparring audit`, and
holds the rows that come out against the columns' ranges, steps and categories, and against the model's own library.
"""

from __future__ import annotations

import argparse
import csv
import lzma
import subprocess
import sys
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import skops.io
import xgboost
from _data import found
from sklearn.ensemble import RandomForestClassifier

from sparring.config.draft import draft
from sparring.data import load_data
from sparring.data.proposed import proposed_features
from sparring.storage import Run, load_run

Rows = list[dict[str, str]]
Table = dict[str, np.ndarray[Any, Any]]


@dataclass(frozen=True)
class Case:
    """One table and its model.

    Args:
        read: Training rows and test rows.
        label: Column with the class, and the text of class 0.
        free: Columns that an attacker can change; of a category its name.
        fit: Trains on rows and labels, saves beside the table, and gives the file's name and how the library predicts.
        threat, suite: Of the audit.
    """

    read: Callable[[], tuple[Rows, Rows]]
    label: tuple[str, str]
    free: tuple[str, ...]
    fit: Callable[[Any, Any, Path], tuple[str, Callable[[Any], Any]]]
    threat: str
    suite: str


def _kdd() -> tuple[Rows, Rows]:
    return _rows("KDDTrain+_20Percent.txt.xz"), _rows("KDDTest+.txt.xz")


def _adult() -> tuple[Rows, Rows]:
    return _rows("adult.data.xz"), _rows("adult.test.xz")


def _rows(name: str) -> Rows:
    with lzma.open(found(f"data/tabular/{name}"), "rt") as file:
        return [row for row in csv.DictReader(file, skipinitialspace=True) if None not in row.values()]


def _boosted(rows: Any, labels: Any, folder: Path) -> tuple[str, Callable[[Any], Any]]:
    model = xgboost.XGBClassifier(n_estimators=60, max_depth=5, n_jobs=1, random_state=0).fit(rows, labels)
    model.save_model(folder / "model.ubj")
    return "model.ubj", model.predict


def _forest(rows: Any, labels: Any, folder: Path) -> tuple[str, Callable[[Any], Any]]:
    model = RandomForestClassifier(30, max_depth=10, n_jobs=1, random_state=0).fit(rows, labels)
    skops.io.dump(model, folder / "model.skops")
    return "model.skops", model.predict


_TRAFFIC = (
    "duration",
    "src_bytes",
    "dst_bytes",
    "hot",
    "num_failed_logins",
    "count",
    "srv_count",
    "dst_host_count",
)
_WORK = ("hours-per-week", "capital-gain", "capital-loss", "workclass", "occupation")
CASES = {
    "nsl-kdd": Case(_kdd, ("attack", "normal"), _TRAFFIC, _boosted, "linf:0.5", "blackbox"),
    "adult": Case(_adult, ("classification", "<=50K"), _WORK, _forest, "l2:2", "blackbox"),
}


def encoded(train: Rows, test: Rows, label: str) -> tuple[Table, Table]:
    """Numbers as they are, text as a column per value (`name=value`)."""
    names = [name for name in train[0] if name != label and name not in ("level", "education")]
    tables: list[Table] = [{}, {}]
    for name in names:
        values = sorted({row[name] for row in train + test})
        number = all(value.replace(".", "", 1).lstrip("-").isdigit() for value in values)
        for table, rows in zip(tables, (train, test), strict=True):
            if number:
                table[name] = np.array([float(row[name]) for row in rows], np.float32)
            else:
                table |= {
                    f"{name}={each}": np.array([row[name] == each for row in rows], np.float32)
                    for each in values
                }
    return tables[0], tables[1]


def project(case: Case, folder: Path, queries: int, sample: int) -> Callable[[Any], Any]:
    """Write model, table and `sparring.toml`; how the library predicts."""
    train, test = case.read()
    key, negative = case.label
    before, after = encoded(train, test, key)
    labels = [
        np.array([not row[key].startswith(negative) for row in rows], np.int64) for rows in (train, test)
    ]
    file, predict = case.fit(np.column_stack(list(before.values())), labels[0], folder)
    pq.write_table(pa.table({**after, "label": labels[1]}), folder / "test.parquet")
    features = proposed_features(load_data(folder / "test.parquet"))
    for name, said in features.items():
        if name not in case.free:
            said["mutable"] = False
    text = draft(
        {"source": (file, "")},
        {"source": ("test.parquet", ""), "sample": (sample, "")},
        {"threat": (case.threat, ""), "suite": (case.suite, ""), "queries": (queries, "")},
        features,
    )
    (folder / "sparring.toml").write_text(text)
    return predict


def audited(folder: Path) -> Run:
    """`sparring audit` in the project, as a process of its own."""
    command = [sys.executable, "-c", "from sparring.cli import main; main()", "audit", "--out", "run"]
    subprocess.run(command, cwd=folder, check=True)
    return load_run(folder / "run")


def broken_rules(run: Run, predict: Callable[[Any], Any]) -> dict[str, int]:
    """How many adversarial rows break which rule, measured in the columns' own units."""
    rows, clean = (run.tensors[name].double().numpy() for name in ("adversarial", "clean"))
    columns = run.result["data"]["columns"]
    low, high, step, group = (
        np.array([each[key] for each in columns]) for key in ("low", "high", "step", "group")
    )
    mutable = np.array([each["mutable"] for each in columns])
    change = rows - clean
    steps = change[:, step > 0] / step[step > 0]
    kinds = [rows[:, group == number] for number in range(group.max() + 1)]
    labels = np.array([row["label"] for row in run.records.to_pylist() if row["status"] == "broken"])
    rules = {
        "range": ((rows < low) | (rows > high)).any(1),
        "step": (np.abs(steps - steps.round()) > 1e-4).any(1),
        "fixed column": (change[:, ~mutable] != 0).any(1),
        "category": np.any([(kind.sum(1) != 1) | ~np.isin(kind, (0, 1)).all(1) for kind in kinds], axis=0)
        if kinds
        else np.zeros(len(rows), bool),
        "not wrong by the library itself": predict(rows.astype(np.float32)) == labels,
    }
    return {rule: int(count.sum()) for rule, count in rules.items()}


def main(arguments: Sequence[str] | None = None) -> None:
    """Audit what was asked for, and tell."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("cases", nargs="*", default=list(CASES))
    parser.add_argument("--queries", type=int, default=300)
    parser.add_argument("--sample", type=int, default=200)
    asked = parser.parse_args(arguments)
    for name in asked.cases:
        with tempfile.TemporaryDirectory() as folder:
            predict = project(CASES[name], Path(folder), asked.queries, asked.sample)
            run = audited(Path(folder))
            print(
                name, run.result["clean_correct"], "correct,", run.result["robust"], "robust of", run.samples
            )
            print(
                f"  {len(run.tensors['index'])} adversarial rows; rules broken: {broken_rules(run, predict)}"
            )


if __name__ == "__main__":
    main()
