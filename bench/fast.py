"""The suite `fast` beside the authors' AutoAttack: cost, robust samples one by one, and whether the goals are met.

    .venv/bin/python bench/fast.py --seeds 0 1 2 --json fast.json --kept theirs.json

For each net and seed ours runs, then theirs, then ours again, in one process and on one thread: the ratio is the CPU
time of theirs over the mean of ours. The whole audit is timed, its trial and the verification of successes included.
`--kept` keeps what AutoAttack came to in a file, and takes it from there the next time: what is taken was not timed in
the same run, and the table says so with a star.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from statistics import mean, median
from typing import Any

import torch
from _data import FAST_CASES, Case
from _peers import installed
from autoattack import Outcome, ours, theirs

from sparring.cli.memory import keep_memory

POOLED, EACH, UNDEFENDED = 20, 10, 3
"""By how many times `fast` shall be cheaper: over all robust nets together, on each of them, on the undefended net."""


@dataclass
class Pair:
    """One net and seed; `ours` has two runs, `kept` says that theirs was timed at another time."""

    net: str
    threat: str
    seed: int
    ours: list[Outcome]
    theirs: Outcome
    refuted: list[int]
    kept: bool

    @property
    def seconds(self) -> float:
        """CPU seconds of ours."""
        return mean(each.seconds for each in self.ours)

    @property
    def ratio(self) -> float:
        """By how many times ours is cheaper."""
        return self.theirs.seconds / self.seconds

    def __str__(self) -> str:
        mine, other = set(self.ours[0].robust), set(self.theirs.robust)
        passes = "/".join(f"{each.forwards}+{each.backwards}" for each in (self.ours[0], self.theirs))
        star = "*" if self.kept else ""
        return (
            f"{self.net:26}{self.threat:12} seed {self.seed}: robust {len(mine)}/{len(other)}, "
            f"CPU s {self.seconds:.2f}/{self.theirs.seconds:.1f}{star}, 1/{self.ratio:.1f}, "
            f"forwards+backwards {passes}, robust only in ours {sorted(mine - other)}, "
            f"only in theirs {sorted(other - mine)}, refuted {self.refuted}"
        )


def main() -> None:
    """Compare, print each result as it comes, and then what it amounts to."""
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    options.add_argument("--net", choices=FAST_CASES, nargs="+", default=list(FAST_CASES))
    options.add_argument("--samples", type=int, default=256)
    options.add_argument("--seeds", type=int, nargs="+", default=[0])
    options.add_argument("--json", type=Path, help="where to write the results, too")
    options.add_argument("--kept", type=Path, help="file with AutoAttack's results of earlier runs")
    chosen = options.parse_args()
    if not installed("pyautoattack"):
        return
    torch.set_num_threads(1)
    keep_memory()
    found = []
    for name in chosen.net:
        for seed in chosen.seeds:
            found.append(pair(FAST_CASES[name], chosen.samples, seed, chosen.kept))
            print(found[-1], flush=True)
            if chosen.json:
                chosen.json.write_text(json.dumps([asdict(each) for each in found], indent=1) + "\n")
    print("\n".join(summary(found)))


def pair(case: Case, count: int, seed: int, kept: Path | None) -> Pair:
    """Run ours, theirs, and ours again."""
    _, samples = case.load(count)
    plain = case.module()
    first, refuted = ours(case, samples, plain, seed, "fast")
    known = _kept(kept)
    key = f"{case.model} {case.threat} {len(samples)} {seed}"
    other = Outcome(**known[key]) if key in known else theirs(case, samples, plain, seed)
    if kept is not None and key not in known:
        kept.write_text(json.dumps({**known, key: asdict(other)}, indent=1) + "\n")
    again, _ = ours(case, samples, plain, seed, "fast")
    return Pair(case.model, case.threat, seed, [first, again], other, refuted, key in known)


def _kept(path: Path | None) -> dict[str, dict[str, Any]]:
    if path is None or not path.is_file():
        return {}
    found: dict[str, dict[str, Any]] = json.loads(path.read_text())
    return found


def summary(found: Sequence[Pair]) -> list[str]:
    """What the pairs amount to, by net, and for the robust nets together."""
    lines: list[str] = []
    nets: dict[tuple[str, str], list[Pair]] = {}
    for each in found:
        nets.setdefault((each.net, each.threat), []).append(each)
    robust = {key: pairs for key, pairs in nets.items() if "undefended" not in key[0]}
    for (net, threat), pairs in nets.items():
        goal = UNDEFENDED if (net, threat) not in robust else EACH
        ratio = median(each.ratio for each in pairs)
        mine, other = _counts(pairs)
        met = ratio >= goal and mine <= other + 1
        lines.append(
            f"{net} {threat}: robust {mine:g} (theirs {other:g}), 1/{ratio:.1f} (goal 1/{goal}): {_word(met)}"
        )
    if robust:
        pooled = sum(median(each.theirs.seconds for each in pairs) for pairs in robust.values())
        pooled /= sum(median(each.seconds for each in pairs) for pairs in robust.values())
        mine, other = (sum(each) for each in zip(*map(_counts, robust.values()), strict=True))
        met = pooled >= POOLED and mine <= other
        lines.append(
            f"robust nets together: robust {mine:g} (theirs {other:g}), 1/{pooled:.1f} (goal 1/{POOLED}): {_word(met)}"
        )
    return lines


def _counts(pairs: Sequence[Pair]) -> tuple[float, float]:
    """Robust samples over the seeds, in the median, of ours and of theirs."""
    return (
        median(len(each.ours[0].robust) for each in pairs),
        median(len(each.theirs.robust) for each in pairs),
    )


def _word(met: bool) -> str:
    return "met" if met else "MISSED"


if __name__ == "__main__":
    main()
