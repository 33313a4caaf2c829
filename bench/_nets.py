"""What black-box benchmarks attack: nets in models/, or EfficientNet-Lite 0, and samples that each gets right."""

from __future__ import annotations

import torch
from _data import found
from _imagenet import EfficientNet, photographs
from torch import Tensor, nn

from sparring.data import load_data
from sparring.domain import Domain
from sparring.draws import Draws, row_keys
from sparring.engine import Task
from sparring.engine.ask import Look
from sparring.threat import Untargeted, parse_threat

__all__ = ["problem"]

COLOURS, DIGITS = "cifar10/test_lossless_500.npz", "mnist/mnist_70000.npz"


def problem(name: str, threat: str, count: int, skip: int = 0) -> tuple[Look, Task]:
    """A net by its name, and a task for `count` samples that it gets right, after `skip` others, as continuous data."""
    if name == "efficientnet_lite0":
        net, samples = _by_pairs(_fused(_traced(EfficientNet(0), torch.rand(2, 3, 224, 224)))), photographs()
    else:
        samples = load_data(found(f"data/{DIGITS if name.startswith('mnist') else COLOURS}")).limit(500)
        net = _quiet(_traced(torch.export.load(found(f"models/{name}.pt2")).module(), samples.inputs[:2]))
    rows: list[int] = []
    for part in torch.arange(len(samples)).split(20):
        if len(rows) >= skip + count:
            break
        right = net(samples.inputs[part]).argmax(1) == samples.labels[part]
        rows += part[right].tolist()
    chosen = samples.select(torch.tensor(rows[skip : skip + count]))
    domain = Domain(0.0, 1.0, None, tuple(chosen.inputs.shape[1:]))
    bound = parse_threat(threat).bind(chosen.inputs, domain)
    draws = Draws(row_keys(0, [str(row) for row in range(len(chosen))]))
    return net, Task(chosen.inputs, Untargeted(chosen.labels), bound, draws)


def _traced(net: nn.Module, inputs: Tensor) -> torch.jit.ScriptModule:
    """The net without Python between its layers, which counts where samples are shown one by one."""
    return torch.jit.trace(net, inputs, check_trace=False)


def _fused(net: torch.jit.ScriptModule) -> Look:
    """The same with its normalisations folded into its convolutions: half the time for many small layers."""
    return _quiet(torch.jit.optimize_for_inference(net.eval()))


def _quiet(net: Look) -> Look:
    def answer(points: Tensor) -> Tensor:
        with torch.no_grad():
            return net(points)

    return answer


def _by_pairs(net: Look) -> Look:
    """The same, two points at a time: what many large images need does not fit in a processor's cache."""
    return lambda points: torch.cat([net(part) for part in points.split(2)])
