"""What do faster ways to ask a model save? CPU time of one batch as the model is, and as `prepared` asks it.

    .venv/bin/python bench/execution.py

One thread, batches of 64 real images, the least of several rounds, both ways interleaved.
"""

from __future__ import annotations

import time
from collections.abc import Callable

import torch
from honest import NETS

from sparring.execution import prepared
from sparring.models import Model, load_model, look

ROUNDS, BATCH = 7, 64


def main() -> None:
    """A row per net."""
    torch.set_num_threads(1)
    print("| net | with gradients | saves | without | saves |\n|---|---|---|---|---|")
    for name, (_, load) in NETS.items():
        loaded, samples = load(BATCH)
        inputs = samples.inputs[:BATCH]
        model = look(loaded if isinstance(loaded, Model) else load_model(loaded), inputs)
        ready = prepared(model, inputs)
        assert ready.model is not None
        saved = [_saved(use, model, ready.model, inputs) for use in (_climb, _look)]
        print(
            f"| `{name}` | {ready.chosen['climb']} | {saved[0]:.0%} | {ready.chosen['look']} | {saved[1]:.0%} |"
        )


def _saved(use: Callable[..., None], plain: Model, fast: Model, inputs: torch.Tensor) -> float:
    """The share of CPU time that `fast` saves."""
    times: dict[int, list[float]] = {0: [], 1: []}
    for _ in range(ROUNDS):
        for which, model in enumerate((plain, fast)):
            began = time.process_time()
            use(model, inputs)
            times[which].append(time.process_time() - began)
    return 1 - min(times[1]) / min(times[0])


def _climb(model: Model, inputs: torch.Tensor) -> None:
    points = inputs.clone().requires_grad_()
    torch.autograd.grad(model(points).logsumexp(1).sum(), points)


def _look(model: Model, inputs: torch.Tensor) -> None:
    with torch.no_grad():
        model(inputs)


if __name__ == "__main__":
    main()
