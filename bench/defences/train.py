"""Train the nets of `nets.py` and write their weights, in a few minutes on two threads.

    .venv/bin/python bench/defences/train.py

The one for CIFAR-10 learns from heavily compressed training images, so its accuracy is no published figure.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import torch
from safetensors.torch import save_file
from torch import Tensor, nn
from torch.nn.functional import cross_entropy, pad

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from _data import found

from defences import nets
from defences.coded import code
from sparring.data import load_data

BATCH = 128

Data = tuple[Tensor, Tensor]
Loss = Callable[[Tensor, Tensor], Tensor]
Each = Callable[[float], None]


def mnist() -> Data:
    """The 60,000 training images; those that load_data takes are for the audits."""
    with np.load(found("data/mnist/mnist_70000.npz")) as arrays:
        inputs, labels = torch.from_numpy(arrays["x_train"]), torch.from_numpy(arrays["y_train"])
    return inputs.reshape(-1, 1, 28, 28) / 255, labels.long()


def cifar() -> Data:
    """The 50,000 training images."""
    samples = load_data(found("data/cifar10/train_jpeg_50000.npz"))
    return samples.inputs, samples.labels


def fit(
    net: nn.Module,
    data: Data,
    epochs: int,
    *,
    rate: float = 4e-3,
    loss: Loss = cross_entropy,
    change: Callable[[Tensor], Tensor] = lambda inputs: inputs,
    each: Each = lambda done: None,
) -> nn.Module:
    """Fit a net by Adam.

    Args:
        net: Trained in place.
        data: Inputs and labels, or what else `loss` compares with.
        epochs: How often to see all of it.
        rate: Highest learning rate.
        loss: From outputs and labels.
        change: Of each batch before the net sees it.
        each: Told before every step which share of the training is done.
    """
    inputs, labels = data
    torch.manual_seed(0)
    optimizer = torch.optim.Adam(net.parameters())
    steps = epochs * (len(inputs) // BATCH + 1)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, rate, total_steps=steps)
    for epoch in range(epochs):
        for number, batch in enumerate(torch.randperm(len(inputs)).split(BATCH)):
            each((epoch + number * BATCH / len(inputs)) / epochs)
            optimizer.zero_grad()
            loss(net(change(inputs[batch])), labels[batch]).backward()
            optimizer.step()
            schedule.step()
    return net


def tempered(temperature: float) -> Loss:
    """Cross-entropy of logits divided by a temperature, with labels or probabilities; its gradient keeps its size."""
    return lambda logits, wanted: temperature * cross_entropy(logits / temperature, wanted)


def plain(data: Data) -> nn.Module:
    """Nothing special."""
    return fit(nets.digits(), data, 2)


def steep(data: Data) -> nn.Module:
    """The slope of the activations grows from 1 to 1,000 while the net learns."""
    net = nets.steep()

    def raise_slope(done: float) -> None:
        for module in net:
            if isinstance(module, nets.Steep):
                module.slope.fill_(1000.0**done)

    return fit(net, data, 4, rate=2e-3, each=raise_slope)


def winners(data: Data) -> nn.Module:
    """With k-winners-take-all instead of ReLU."""
    return fit(nets.digits(nets.WinnersTakeAll), data, 3)


def thermometer(data: Data) -> nn.Module:
    """On thermometer codes."""
    return fit(nets.thermometer(), data, 2, change=code)


def distilled(data: Data) -> nn.Module:
    """Teacher and student at temperature 100 (Papernot et al. 2016); the student is kept."""
    teacher = fit(nets.digits(), data, 3, loss=tempered(100.0))
    with torch.no_grad():
        soft = torch.cat([teacher(part) / 100 for part in data[0].split(1000)]).softmax(1)
    return fit(nets.digits(), (data[0], soft), 4, loss=tempered(100.0))


def flipped(inputs: Tensor) -> Tensor:
    """Mirror half of the images, and move the batch by up to two pixels each way."""
    mirrored = torch.where(torch.rand(len(inputs), 1, 1, 1) < 0.5, inputs.flip(3), inputs)
    top, left = torch.randint(5, (2,)).tolist()
    return pad(mirrored, (2,) * 4)[:, :, top : top + 32, left : left + 32]


def colours(data: Data) -> nn.Module:
    """For CIFAR-10."""
    return fit(nets.cifar(), data, 8, rate=3e-3, change=flipped)


RECIPES: dict[str, tuple[Callable[[Data], nn.Module], Callable[[], Data]]] = {
    "plain": (plain, mnist),
    "steep": (steep, mnist),
    "winners": (winners, mnist),
    "thermometer": (thermometer, mnist),
    "distilled": (distilled, mnist),
    "cifar": (colours, cifar),
}


def main() -> None:
    """Train, write, and say what each net gets right of its own training images."""
    torch.set_num_threads(2)
    nets.WEIGHTS.mkdir(exist_ok=True)
    for name in sys.argv[1:] or RECIPES:
        recipe, source = RECIPES[name]
        data, began = source(), time.perf_counter()
        net = recipe(data).eval()
        stored = {key: values.half().contiguous() for key, values in net.state_dict().items()}
        save_file(stored, nets.WEIGHTS / f"{name}.safetensors")
        shown = code(data[0][:2000]) if name == "thermometer" else data[0][:2000]
        with torch.no_grad():
            right = float((net(shown).argmax(1) == data[1][:2000]).float().mean())
        print(f"{name}: {time.perf_counter() - began:.0f} s, {right:.1%} right", flush=True)


if __name__ == "__main__":
    main()
