"""Does an audit see through defences that fool attacks? A row per defence of the bank in bench/defences.

    .venv/bin/python bench/fooled.py --n 32 --only "2 bits" jpeg --json fooled.json

For each: n test samples that the defended model gets right (a randomised one in most of 100 draws), an audit with
suite "standard" (or the one of --suite) and a demand of 50% robust accuracy, and, of these samples,

- breakable: the truth. A point within eps is known where the defended model errs, in most of 100 fresh draws if it is
  randomised: found by an attacker who has read its code (`_truth.py`), or by the audit itself. Every such point is
  measured here again. What is not breakable was not broken by anybody, no more.
- broken: breakable samples that the audit broke; refuted: what it called broken but does not hold when measured here
  (of a randomised model, one that errs in about half of all draws can turn out either way).

The audit is wrong about a defence if it ends *pass*, or *fail* with few of the breakable samples broken. Only one
bit of MNIST is a real defence.
"""

from __future__ import annotations

import argparse
import json
from dataclasses import asdict, dataclass
from pathlib import Path

import torch
from _data import found
from _passes import cpu_seconds
from _truth import breakable, correct, errs
from defences import BANK, Defence
from torch import Tensor

import sparring
from sparring.data import Samples
from sparring.domain import Domain
from sparring.errors import SparringError
from sparring.evaluation.gates import Gates
from sparring.storage import Run

MOST = 500
"""How many test samples are looked through for those that a defended model gets right."""


@dataclass
class Outcome:
    """What became of one defence; counts are of the `samples` that it gets right, seconds are of the CPU."""

    defence: str
    samples: int
    clean_correct: int
    breakable: int
    broken: int
    refuted: int
    verdict: str
    findings: list[str]
    reasons: list[str]
    seconds: float
    truth_seconds: float

    def __str__(self) -> str:
        share = f"{self.broken / self.breakable:5.0%}" if self.breakable else "     "
        counts = f"{self.samples:4}{self.clean_correct:7}{self.breakable:10}{self.broken:8} {share}{self.refuted:8}"
        said = ", ".join(self.findings) or "; ".join(self.reasons)
        return f"{self.defence:24}{counts}  {self.verdict:12} {self.seconds:6.0f}  {said}"


HEADER = f"{'defence':24}   n  clean breakable  broken share refuted  {'verdict':12}  CPU s  findings, or why refused"


def main() -> None:
    """Audit, and print each row as it comes."""
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    options.add_argument("--only", nargs="+", help="parts of names of defences", metavar="NAME")
    options.add_argument("--n", type=int, default=64, help="samples of each; 64")
    options.add_argument("--suite", default="standard")
    options.add_argument("--seed", type=int, default=0)
    options.add_argument("--json", type=Path, help="where to write the results, too")
    chosen = options.parse_args()
    torch.set_num_threads(1)
    print(HEADER)
    outcomes = []
    for defence in _wanted(chosen.only):
        outcomes.append(outcome(defence, chosen.n, chosen.suite, chosen.seed))
        print(outcomes[-1], flush=True)
        if chosen.json:
            chosen.json.write_text(json.dumps([asdict(each) for each in outcomes], indent=2) + "\n")


def _wanted(parts: list[str] | None) -> list[Defence]:
    bank = [make() for make in BANK]
    wanted = [
        each for each in bank if parts is None or any(part.lower() in each.name.lower() for part in parts)
    ]
    if not wanted:
        raise SystemExit(f"no defence has such a name; there are: {', '.join(each.name for each in bank)}")
    return wanted


def outcome(defence: Defence, count: int, suite: str, seed: int) -> Outcome:
    """Audit one defence, and measure what the audit says."""
    torch.manual_seed(seed)  # randomised models, and starts of the truth
    samples = right_ones(defence, count)
    runs: list[Run | SparringError] = []
    seconds = cpu_seconds(lambda: runs.append(_audited(defence, samples, suite, seed)))
    known: list[Tensor] = []
    truth_seconds = cpu_seconds(lambda: known.append(breakable(defence, samples.inputs, samples.labels)))
    if isinstance(runs[0], SparringError):
        return _refused(defence, samples, known[0], str(runs[0]), seconds, truth_seconds)
    result, (claimed, holds) = runs[0].result, measured(defence, samples, runs[0])
    return Outcome(
        defence=defence.name,
        samples=len(samples),
        clean_correct=result["clean_correct"],
        breakable=int((known[0] | holds).sum()),
        broken=int(holds.sum()),
        refuted=int((claimed & ~holds).sum()),
        verdict=result["verdict"],
        findings=[finding["id"] for finding in result["findings"]],
        reasons=result["reasons"],
        seconds=seconds,
        truth_seconds=truth_seconds,
    )


def right_ones(defence: Defence, count: int) -> Samples:
    """The first samples that the defended model gets right, taken as continuous."""
    whole = sparring.load_data(found(f"data/{defence.data}")).limit(MOST)
    right = correct(defence, whole.inputs, whole.labels).nonzero().flatten()[:count]
    # from arrays, so that these are all the samples there are, and the gate counts instead of estimating
    domain = Domain(low=0.0, high=1.0, step=None, shape=whole.domain.shape)
    return sparring.data.load_data((whole.inputs[right], whole.labels[right]), domain=domain)


def measured(defence: Defence, samples: Samples, run: Run) -> tuple[Tensor, Tensor]:
    """Samples that the audit calls broken, and those of them that hold, `(N,)` each."""
    claimed, holds = (torch.zeros(len(samples), dtype=torch.bool) for _ in range(2))
    index = run.tensors["index"]
    claimed[index] = True
    holds[index] = errs(defence, run.tensors["adversarial"], samples.inputs[index], samples.labels[index])
    return claimed, holds


def _audited(defence: Defence, samples: Samples, suite: str, seed: int) -> Run | SparringError:
    gates = Gates(min_robust_accuracy=0.5)
    try:
        return sparring.audit(defence.model, samples, f"linf:{defence.eps}", suite, seed=seed, gates=gates)
    except SparringError as error:
        return error


def _refused(
    defence: Defence, samples: Samples, known: Tensor, why: str, seconds: float, truth_seconds: float
) -> Outcome:
    counts = (len(samples), len(samples), int(known.sum()), 0, 0)
    return Outcome(defence.name, *counts, "refused", [], [why], seconds, truth_seconds)


if __name__ == "__main__":
    main()
