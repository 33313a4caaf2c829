"""What several runs of `bench/transfer.py methods --save FILE` found on different samples, as one table.

python bench/transfer_pooled.py runs/transfer/50-*.safetensors
"""

from __future__ import annotations

import argparse
from pathlib import Path

from _shares import joined, show

if __name__ == "__main__":
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("files", nargs="+", type=Path)
    parser.add_argument("--control", default="mi", help="what the others are compared with")
    asked = parser.parse_args()
    counts = joined(asked.files)
    show(f"{next(iter(counts.values())).shape[1]} images", counts, asked.control)
