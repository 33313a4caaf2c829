"""What reading a table holds in memory: `.parquet` and `.csv`, with and without `[features]`.

    .venv/bin/python bench/table_memory.py --rows 1000000 --json table_memory.json

Random numbers in float64, one column of labels, a process for each line. The most memory that a process held, beyond
what it holds once the library is loaded, while it reads the table, and then all inputs of it 1,000 rows at a time.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from pyarrow import csv

COLUMNS, PART = 40, 100_000

READ = """
import resource, sys, time
import pyarrow.csv, pyarrow.parquet, torch
from sparring.data import load_data
torch.set_num_threads(1)
before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
began = time.process_time()
features = {f"x{place}": {"range": [0.0, 1.0]} for place in range(int(sys.argv[2]))} or None
samples = load_data(sys.argv[1], features=features)
total = sum(float(part.inputs.sum()) for part in samples.parts(1000))
seconds = time.process_time() - began
print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before, seconds)
"""


@dataclass(frozen=True)
class Row:
    """A line of the table: what was read, CPU seconds, and the most memory beyond the library's, in MiB."""

    file: str
    features: bool
    rows: int
    seconds: float
    memory: float

    def __str__(self) -> str:
        name = f"{self.file}{', with [features]' if self.features else ''}"
        return f"| {name} | {self.rows:,} | {self.seconds:.1f} | {self.memory:.0f} |"


def main() -> None:
    """A line for each kind of file, without features and with."""
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    options.add_argument("--rows", type=int, default=1_000_000)
    options.add_argument("--file", choices=[".parquet", ".csv"], nargs="+", default=[".parquet", ".csv"])
    options.add_argument("--json", type=Path, help="where to write the table, too")
    chosen = options.parse_args()
    print("| file | rows | CPU s | memory, MiB |\n|---|---|---|---|")
    found = []
    for suffix in chosen.file:
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / f"table{suffix}"
            _write(path, chosen.rows)
            for features in (False, True):
                found.append(_measured(path, features, chosen.rows))
                print(found[-1], flush=True)
                if chosen.json:
                    chosen.json.write_text(json.dumps([asdict(each) for each in found], indent=1) + "\n")


def _write(path: Path, rows: int) -> None:
    random = np.random.default_rng(0)
    names = [*(f"x{place}" for place in range(COLUMNS)), "label"]
    schema = pa.schema([(name, pa.int64() if name == "label" else pa.float64()) for name in names])
    with (pq.ParquetWriter if path.suffix == ".parquet" else csv.CSVWriter)(path, schema) as file:
        for start in range(0, rows, PART):
            count = min(PART, rows - start)
            values = [*random.random((COLUMNS, count)), random.integers(0, 2, count)]
            file.write_table(pa.table(dict(zip(names, values, strict=True)), schema=schema))


def _measured(path: Path, features: bool, rows: int) -> Row:
    command = [sys.executable, "-c", READ, str(path), str(COLUMNS * features)]
    said = subprocess.run(command, capture_output=True, text=True, env={**os.environ, "OMP_NUM_THREADS": "1"})
    if said.returncode:
        sys.exit(f"reading {path.name} failed: {said.stderr}")
    memory, seconds = map(float, said.stdout.split())
    return Row(path.suffix, features, rows, seconds, memory / 1024)


if __name__ == "__main__":
    main()
