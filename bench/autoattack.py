"""The suite `standard` beside the authors' AutoAttack: what each leaves robust, which samples, at what cost.

    .venv/bin/python bench/autoattack.py --model mnist --seeds 0 1 2 --json mnist.json

Both attack the same first samples within the same eps in Linf, in batches of 128 on one thread. Every success of ours
is measured again here, in float64 and by the model as torch loads it. The claim under test: what ours leaves robust
is robust in theirs too, but for at most one sample.
"""

from __future__ import annotations

import argparse
import json
from dataclasses import asdict, dataclass, field
from functools import partial
from pathlib import Path

import torch
from _data import CASES, Case
from _parts import Part, metered, metered_authors
from _passes import Counting, cpu_seconds
from _peers import installed
from torch import Tensor, nn

import sparring
from sparring.cli.memory import keep_memory
from sparring.data import Samples
from sparring.storage import Run

BATCH = 128


@dataclass
class Outcome:
    """What an attack left robust, as indices, and what that cost: CPU seconds, and passes of all samples; by part."""

    robust: list[int]
    seconds: float
    forwards: int
    backwards: int
    parts: dict[str, Part] = field(default_factory=dict)


@dataclass
class Comparison:
    """One model and seed."""

    model: str
    samples: int
    seed: int
    ours: Outcome
    theirs: Outcome
    refuted: list[int]

    def __str__(self) -> str:
        mine, other = set(self.ours.robust), set(self.theirs.robust)
        lines = [f"{self.model}, {self.samples} samples, seed {self.seed}"]
        for name, each in (("ours", self.ours), ("theirs", self.theirs)):
            passes = f"{each.forwards} forwards, {each.backwards} backwards"
            lines.append(f"  {name:7}{len(each.robust):4} robust, {each.seconds:7.1f} CPU s, {passes}")
            for title, part in each.parts.items():
                costs = f"{part.seconds:7.1f} CPU s, {part.forwards} forwards, {part.backwards} backwards"
                lines.append(f"      {title:14}{costs}")
        lines.append(f"  robust only in ours: {sorted(mine - other)}, only in theirs: {sorted(other - mine)}")
        lines.append(f"  successes of ours that do not hold: {self.refuted}")
        return "\n".join(lines)


def main() -> None:
    """Compare, and print each result as it comes."""
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    options.add_argument("--model", choices=CASES, nargs="+", default=list(CASES))
    options.add_argument("--samples", type=int, default=256)
    options.add_argument("--seeds", type=int, nargs="+", default=[0])
    options.add_argument("--json", type=Path, help="where to write the results, too")
    chosen = options.parse_args()
    if not installed("pyautoattack"):
        return
    torch.set_num_threads(1)
    keep_memory()
    found = []
    for name in chosen.model:
        for seed in chosen.seeds:
            found.append(compare(CASES[name], chosen.samples, seed))
            print(found[-1], flush=True)
            if chosen.json:
                chosen.json.write_text(json.dumps([asdict(each) for each in found], indent=2) + "\n")


def compare(case: Case, count: int, seed: int) -> Comparison:
    """Run both, and check the successes of ours."""
    _, samples = case.load(count)
    plain = case.module()
    mine, refuted = ours(case, samples, plain, seed, "standard")
    return Comparison(case.model, len(samples), seed, mine, theirs(case, samples, plain, seed), refuted)


def ours(case: Case, samples: Samples, plain: nn.Module, seed: int, suite: str) -> tuple[Outcome, list[int]]:
    """The outcome of an audit, and the samples whose adversarial example does not hold."""
    runs: list[Run] = []
    audit = partial(sparring.audit, case.source, samples, case.threat, suite, seed=seed, batch=BATCH)
    with metered() as parts:
        seconds = cpu_seconds(lambda: runs.append(audit()))
    result, records, tensors = runs[0].result, runs[0].records.to_pydict(), runs[0].tensors
    standing = sorted(_places(records["status"], "robust") + _places(records["status"], "gave_up"))
    held = set(
        tensors["index"][_holds(case, samples, plain, tensors["index"], tensors["adversarial"])].tolist()
    )
    outcome = Outcome(standing, seconds, result["forwards"], result["backwards"], dict(parts))
    return outcome, sorted(set(_places(records["status"], "broken")) - held)


def _places(values: list[str], wanted: str) -> list[int]:
    return [place for place, value in enumerate(values) if value == wanted]


def _holds(case: Case, samples: Samples, plain: nn.Module, index: Tensor, adversarial: Tensor) -> Tensor:
    """Which adversarial examples are images within eps that the model gets wrong; NaN is none."""
    change = (adversarial.double() - samples.inputs[index].double()).abs().flatten(1).amax(1)
    near = change <= case.eps + 1e-6  # float32 cannot do better
    inside = ((adversarial >= 0) & (adversarial <= 1)).flatten(1).all(1)
    with torch.no_grad():
        wrong = plain(adversarial).argmax(1) != samples.labels[index]
    return near & inside & wrong


def theirs(case: Case, samples: Samples, plain: nn.Module, seed: int) -> Outcome:
    """What the authors' AutoAttack came to."""
    from pyautoattack import AutoAttack

    counting, answers = Counting(plain), []
    attack = AutoAttack(counting, norm="Linf", eps=case.eps, seed=seed, version="standard")
    work = partial(attack.run_standard_evaluation, samples.inputs, samples.labels, batch_size=BATCH)
    parts = metered_authors(attack, counting)
    seconds = cpu_seconds(lambda: answers.append(work()))
    robust = (answers[0][1] == samples.labels).nonzero().flatten().tolist()
    return Outcome(robust, seconds, counting.forwards, counting.backwards, dict(parts))


if __name__ == "__main__":
    main()
