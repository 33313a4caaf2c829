"""What keeps a patch from working on paper: a mask over detail, known to the attacker or not, and training.

    .venv/bin/python bench/paper_defences.py --out runs/bench-physical

Stop signs, to be read as 30, as in `physical.py levels`: accuracy on 300 signs, and the patch's success at level 1
(held-out draws of the channel), for a patch made for each net. `unaware` shows the mask the patch that was made for the
plain net. Nothing here is physical: all of it is calculated.
"""

from __future__ import annotations

import argparse
import time
from dataclasses import dataclass, replace
from pathlib import Path

import torch
from _signs import Seen, signs, trained
from physical import PLACEMENT, SIGNS, lit, of_class
from safetensors.torch import load_file, save_file
from torch import Tensor, nn

from sparring.defences import LocalGradients
from sparring.draws import Draws
from sparring.physical import OnPaper, PatchAttack, load_scenario
from sparring.physical.attacks.controls import controls_of
from sparring.physical.attacks.patch_attack import fit_patch
from sparring.physical.channel.channel import Channel
from sparring.physical.runs.judging import usable
from sparring.physical.runs.levels import Trial, looks_at
from sparring.physical.runs.tally import tallied
from sparring.training import Recipe, fit

SCENARIO = load_scenario("scanner")


@dataclass(frozen=True)
class SeenOnPaper:
    """Turned, shifted, lighter or darker, then a half of it printed and photographed."""

    paper: OnPaper

    def __call__(self, inputs: Tensor, draws: Draws) -> Tensor:
        return self.paper(Seen()(inputs, draws), draws)


def main() -> None:
    """A line for every net."""
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    options.add_argument("--steps", type=int, default=100, help="of each patch; 100")
    options.add_argument("--out", type=Path, default=Path("runs/bench-physical"))
    chosen = options.parse_args()
    torch.set_num_threads(1)
    plain, _ = trained(chosen.out)
    covered, _ = trained(chosen.out, covered=8)
    mask = LocalGradients(1.0, 0.4, 8)
    patch = line("plain", plain, chosen.steps)
    line("mask, unaware", nn.Sequential(mask, plain), chosen.steps, patch)
    line("mask, aware", nn.Sequential(mask, plain), chosen.steps)
    line("trained on covered pictures", covered, chosen.steps)
    line("trained with the channel", photographed(plain, chosen.out), chosen.steps)


def line(name: str, net: nn.Module, steps: int, patch: Tensor | None = None) -> Tensor:
    """Accuracy, and success of a patch at level 1; returns the patch."""
    began = time.process_time()
    sign, target, _ = SIGNS["stop to 30"]
    learn, judge = (
        usable(net, lit(of_class(signs(part, 16), sign)), target) for part in ("train_2614", "test_2000")
    )
    if patch is None:
        channel = Channel(SCENARIO, PLACEMENT.side, 32)
        attack = PatchAttack(steps, 16, 0.1)
        objects = learn.inputs, learn.labels
        patch = fit_patch(net, objects, PLACEMENT, channel, target=target, size=32, attack=attack)
    arms = {"none": None, "patch": patch, **controls_of(patch)}
    trial = Trial(net, 32, judge.inputs, judge.labels, judge.ids, arms, PLACEMENT, SCENARIO, target)
    shares = {each.arm: each for each in tallied(looks_at(trial, 1, 3))}
    main, best = (
        shares["patch"],
        max((each for arm, each in shares.items() if arm != "patch"), key=lambda each: each.share),
    )
    whole = lit(signs("test_2000", 16)).select(range(300))
    with torch.no_grad():
        right = int((net(whole.inputs).argmax(1) == whole.labels).sum())
    print(
        f"{name:28} right {right} of 300; patch {main.successes} of {main.looks} "
        f"({100 * main.low:.0f}-{100 * main.high:.0f}%), "
        f"best control {best.arm} {best.successes}; {time.process_time() - began:.0f} s",
        flush=True,
    )
    return patch


def photographed(net: nn.Module, folder: Path) -> nn.Module:
    """The plain net trained further on signs of which half are printed and photographed."""
    path = folder / "signs-photographed.safetensors"
    if path.is_file():
        net.load_state_dict(load_file(path))
        return net
    torch.manual_seed(0)
    learn = replace(signs("train_2614"), notes=())
    recipe = Recipe(epochs=5, minibatch=32, augment=SeenOnPaper(OnPaper(SCENARIO, PLACEMENT.side)))
    fitted = fit(net, learn, recipe)
    save_file(fitted.model.state_dict(), path)
    return fitted.model


if __name__ == "__main__":
    main()
