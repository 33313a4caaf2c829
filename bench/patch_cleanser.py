"""PatchCleanser around a traffic-sign net that learned from covered pictures: clean and certified accuracy,
and patches thrown at what is certified.

    .venv/bin/python bench/patch_cleanser.py --n 200 --out runs/bench-physical

Every certified picture meets plain, random and trained patches of the certified size at places drawn at random. The
trained ones climb the loss of the plain net under the patch. One wrong answer would refute the certificate.
"""

from __future__ import annotations

import argparse
import time
from pathlib import Path

import torch
from _signs import SIDE, signs, trained
from torch import Tensor, nn
from torch.nn import functional

from sparring.evaluation.statistics import exact_interval
from sparring.physical import PatchCleanser


def main() -> None:
    """Count, attack, print; the exit code is 1 if a certificate was violated."""
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    options.add_argument("--n", type=int, default=200)
    options.add_argument("--patch", type=int, default=4, help="side in pixels of 32; 4")
    options.add_argument("--masks", type=int, default=6, help="per axis; 6")
    options.add_argument("--places", type=int, default=6, help="where patches are tried on each picture; 6")
    options.add_argument("--out", type=Path, default=Path("runs/bench-physical"))
    chosen = options.parse_args()
    torch.set_num_threads(1)
    samples = signs("test_2000", 16).sample(chosen.n)
    side = PatchCleanser(torch.nn.Identity(), SIDE, chosen.patch, chosen.masks).side
    net, _ = trained(chosen.out, covered=side)
    cleanser, began = PatchCleanser(net, SIDE, chosen.patch, chosen.masks), time.process_time()
    print(
        f"patch of {chosen.patch} pixels, squares of {side}; the net learned from pictures with two of them"
    )
    inputs, labels = samples.inputs, samples.labels
    with torch.no_grad():
        plain = net(inputs).argmax(1) == labels
    certified = cleanser.certified(inputs, labels)
    for name, right in (
        ("plain", plain),
        ("cleansed", cleanser.answers(inputs) == labels),
        ("certified", certified),
    ):
        interval = exact_interval(int(right.sum()), len(labels))
        print(
            f"{name:10} {int(right.sum())} of {len(labels)} ({100 * interval.low:.1f}-{100 * interval.high:.1f}%)"
        )
    shown, violated, fooled = attacked(net, cleanser, inputs[certified], labels[certified], chosen.places)
    print(f"patches shown to {int(certified.sum())} certified pictures: {shown}")
    print(
        f"plain net fooled: {fooled}; certificates violated: {violated}; {time.process_time() - began:.0f} s of CPU"
    )
    raise SystemExit(int(violated > 0))


def attacked(
    net: nn.Module, cleanser: PatchCleanser, inputs: Tensor, labels: Tensor, places: int
) -> tuple[int, int, int]:
    """Patches shown, certificates violated, and how often the net by itself was fooled."""
    draws, counts = torch.Generator().manual_seed(0), torch.zeros(3, dtype=torch.long)
    side = cleanser.patch
    for _ in range(places):
        down, across = torch.randint(SIDE - side + 1, (2,), generator=draws).tolist()
        window = (..., slice(down, down + side), slice(across, across + side))
        trained_patch = climbed(net, inputs, labels, window)
        random = torch.rand(inputs[window].shape, generator=draws)
        for patch in (torch.zeros_like(random), torch.ones_like(random), random, trained_patch):
            changed = inputs.clone()
            changed[window] = patch
            with torch.no_grad():
                fooled = net(changed).argmax(1) != labels
            counts += torch.tensor(
                [len(labels), int((cleanser.answers(changed) != labels).sum()), int(fooled.sum())]
            )
    shown, violated, fooled_by = counts.tolist()
    return shown, violated, fooled_by


def climbed(
    net: nn.Module, inputs: Tensor, labels: Tensor, window: tuple[object, ...], steps: int = 15
) -> Tensor:
    """A patch for each picture, by signed gradient steps on the plain net."""
    patch = torch.full_like(inputs[window], 0.5)
    for _ in range(steps):
        point = patch.requires_grad_()
        changed = inputs.clone()
        changed[window] = point
        (gradient,) = torch.autograd.grad(functional.cross_entropy(net(changed), labels), point)
        patch = (patch.detach() + 0.15 * gradient.sign()).clamp(0, 1)
    return patch


if __name__ == "__main__":
    main()
