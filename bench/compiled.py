"""Does torch.compile pay? CPU time of one batch as the model is, as `prepared` asks it, and compiled.

    .venv/bin/python bench/compiled.py --net cifar10 undefended

One thread, a batch of 64 real images, the least of several rounds, all ways interleaved. What compiling costs is the
CPU time of the first two batches, child processes included; `after` says after how many batches that is earned back
beside what `prepared` chose.
"""

from __future__ import annotations

import argparse
import resource
import tempfile
import time
import warnings
from collections.abc import Callable
from functools import partial

import torch
from _data import FAST_CASES
from torch import Tensor, nn

from sparring.execution import prepared
from sparring.execution.folding import folded
from sparring.models import look

ROUNDS, BATCH = 7, 64

Ask = Callable[[Tensor], object]


def main() -> None:
    """Two rows per net: with gradients and without."""
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    options.add_argument("--net", choices=FAST_CASES, nargs="+", default=["cifar10", "undefended"])
    chosen = options.parse_args()
    torch.set_num_threads(1)
    print("| net | use | plain, ms | prepared, ms | compiled, ms | compiling, CPU s | after |")
    print("|---|---|---|---|---|---|---|")
    with warnings.catch_warnings(action="ignore"):
        for name in chosen.net:
            for line in measured(name):
                print(line, flush=True)


def measured(name: str) -> list[str]:
    """The rows of one net."""
    case = FAST_CASES[name]
    loaded, samples = case.load(BATCH)
    model = look(loaded, samples.inputs)
    ready = prepared(model, samples.inputs).model
    assert ready is not None
    lines = []
    for use, act in (("with gradients", _climb), ("without", _look)):
        compiled = torch.compile(folded(_module(model.function)), dynamic=False)
        compiling = _cost(lambda ask=compiled, act=act: [act(ask, samples.inputs) for _ in range(2)])
        ways = [partial(act, ask, samples.inputs) for ask in (model, ready, compiled)]
        rounds = [[_cost(way) for way in ways] for _ in range(ROUNDS)]
        plain, best, made = (1e3 * min(times) for times in zip(*rounds, strict=True))
        after = f"{1e3 * compiling / (best - made):,.0f} batches" if made < best else "never"
        lines.append(
            f"| {case.model} | {use} | {plain:.1f} | {best:.1f} | {made:.1f} | {compiling:.1f} | {after} |"
        )
    return lines


def _module(function: object) -> nn.Module:
    assert isinstance(function, nn.Module)
    return function


def _climb(ask: Ask, inputs: Tensor) -> None:
    points = inputs.clone().requires_grad_()
    outputs = ask(points)
    assert isinstance(outputs, Tensor)
    torch.autograd.grad(outputs.logsumexp(1).sum(), points)


def _look(ask: Ask, inputs: Tensor) -> None:
    with torch.no_grad():
        ask(inputs)


def _cost(act: Callable[[], object]) -> float:
    """CPU seconds of this process and of those that it started."""
    before = time.process_time() + _children()
    act()
    return time.process_time() + _children() - before


def _children() -> float:
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as folder:  # compiled anew, whatever earlier runs kept
        import os

        os.environ["TORCHINDUCTOR_CACHE_DIR"] = folder
        os.environ["TORCHINDUCTOR_COMPILE_THREADS"] = "1"  # in this process
        main()
