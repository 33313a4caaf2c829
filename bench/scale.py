"""Ten times the samples: ten times the time, and how much memory.

    .venv/bin/python bench/scale.py --samples 10000 100000 --json scale.json

Random 8-bit images of 3x32x32 in an .npz file, or with `--folder` as PNG files in folders by class, and a tiny net that
gave them their labels, are audited by the command line (Linf 2/255, suite `fast`), a process for each size. The table
shows the CPU time of that process and the most memory that it held, per sample beyond what the smallest needs; an image
alone takes 12 KiB as floats.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import zipfile
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
import torch
from PIL import Image
from torch import nn

from sparring.models import load_model

NET = """
import torch
from torch import nn


def make():
    torch.manual_seed(0)
    return nn.Sequential(nn.AvgPool2d(4), nn.Flatten(), nn.Linear(192, 10))
"""
SHAPE, PART = (3, 32, 32), 1000
SPARRING = (sys.executable, "-c", "from sparring.cli import main; main()")


@dataclass(frozen=True)
class Row:
    """A size: samples, those left robust, CPU seconds, and the most memory held, in MiB."""

    samples: int
    robust: int
    seconds: float
    memory: float


def main() -> None:
    """A row per size."""
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    options.add_argument("--samples", type=int, nargs="+", default=[10_000, 100_000])
    options.add_argument("--suite", default="fast")
    options.add_argument("--folder", action="store_true", help="PNG files, instead of one .npz")
    options.add_argument("--json", type=Path, help="where to write the table, too")
    chosen = options.parse_args()
    rows: list[Row] = []
    for samples in chosen.samples:
        with tempfile.TemporaryDirectory() as folder:
            rows.append(_measured(Path(folder), samples, chosen.suite, chosen.folder))
        print(_line(rows), flush=True)
        if chosen.json:
            chosen.json.write_text(json.dumps([asdict(row) for row in rows], indent=1) + "\n")


def _measured(folder: Path, samples: int, suite: str, png: bool) -> Row:
    (folder / "net.py").write_text(NET)
    net, data = load_model(f"{folder}/net.py:make"), folder / ("images" if png else "images.npz")
    (_write_folder if png else _write_archive)(data, samples, net)
    command = [
        *(*SPARRING, "audit", "--model", f"{folder}/net.py:make", "--data", str(data)),
        *("--threat", "linf:2/255", "--suite", suite, "--out", f"{folder}/run", "--json"),
    ]
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, env={**os.environ, "OMP_NUM_THREADS": "1"}
    ) as process:
        assert process.stdout is not None
        said = process.stdout.read()
        _, status, used = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        sys.exit(f"the audit of {samples} samples ended with exit code {process.returncode}")
    return Row(samples, json.loads(said)["robust"], used.ru_utime + used.ru_stime, used.ru_maxrss / 1024)


def _images(samples: int, net: nn.Module) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """Random images and the classes that the net gives them, in parts: what is held here counts there."""
    random = np.random.default_rng(0)
    for start in range(0, samples, PART):
        part = random.integers(0, 256, (min(PART, samples - start), *SHAPE), np.uint8)
        with torch.no_grad():
            yield part, net(torch.from_numpy(part) / 255).argmax(1).numpy()


def _write_folder(path: Path, samples: int, net: nn.Module) -> None:
    for label in range(10):
        (path / str(label)).mkdir(parents=True)
    for number, (part, labels) in enumerate(_images(samples, net)):
        for place, (image, label) in enumerate(zip(part, labels, strict=True)):
            name = f"{number * PART + place}.png"
            Image.fromarray(image.transpose(1, 2, 0)).save(path / str(label) / name, compress_level=1)


def _write_archive(path: Path, samples: int, net: nn.Module) -> None:
    labels = []
    with zipfile.ZipFile(path, "w") as archive:
        with archive.open("x.npy", "w", force_zip64=True) as file:
            shape = (samples, *SHAPE)
            np.lib.format.write_array_header_1_0(
                file, {"descr": "|u1", "fortran_order": False, "shape": shape}
            )
            for part, told in _images(samples, net):
                file.write(part.tobytes())
                labels.append(told)
        with archive.open("y.npy", "w") as file:
            np.lib.format.write_array(file, np.concatenate(labels))


def _line(rows: list[Row]) -> str:
    row, first = rows[-1], rows[0]
    text = f"{row.samples:8,} samples: {row.robust:,} robust, {row.seconds:.1f} CPU s, {row.memory:.0f} MiB"
    if len(rows) == 1:
        return text
    each = (row.memory - first.memory) / (row.samples - first.samples) * 1024
    more, times = row.samples / first.samples, row.seconds / first.seconds
    return f"{text}; {more:.1f} times the samples, {times:.1f} times the time, {each:.1f} KiB a sample"


if __name__ == "__main__":
    main()
