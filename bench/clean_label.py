"""Poison whose labels are right, against one chosen sample: on frozen features, and in models trained from nothing.

    .venv/bin/python bench/clean_label.py collide|brew|sleep [trials]

Prints figures of docs/poisoning.md. `collide` takes 7 minutes of one core, `brew` 2, `sleep` 2.
"""

from __future__ import annotations

import io
import sys
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import torch
from _data import found
from PIL import Image
from torch import Tensor, nn
from torch.nn.functional import cross_entropy, interpolate

from sparring.data import Samples
from sparring.data.pack import pack
from sparring.evaluation.statistics import exact_interval
from sparring.poison import bullseye, collide, collision, drawn, gradient_matched, plant, rehearse
from sparring.poison.making.victim import predicted, trained
from sparring.training import Adam, Recipe

POISONS, LEARNED = 25, 2500
"""Of the unified benchmark (Schwarzschild et al. 2021, https://arxiv.org/abs/2006.12557): 1% of a small set."""


@dataclass(frozen=True)
class Transfer:
    """A head that learns on features of a net that learned something else, or other samples."""

    name: str
    features: nn.Module
    train: Samples
    test: Samples
    eps: float


def mnist(start: int, count: int, split: str = "train") -> Samples:
    """`count` images of a split from `start` on."""
    file = np.load(found("data/mnist/mnist_70000.npz"))
    rows = slice(start, start + count)
    return pack(file[f"x_{split}"][rows], file[f"y_{split}"][rows].astype(np.int64), source="mnist")


def cifar(start: int, count: int) -> Samples:
    """`count` training images from `start` on, which were JPEGs."""
    file = np.load(found("data/cifar10/train_jpeg_50000.npz"))
    ends, stored = file["offset"], file["jpeg"]
    images = [
        np.asarray(Image.open(io.BytesIO(stored[ends[row] : ends[row + 1]].tobytes())))
        for row in range(start, start + count)
    ]
    labels = file["y"][start : start + count].astype(np.int64)
    return pack(np.stack(images).transpose(0, 3, 1, 2), labels, source="cifar10")


def collisions(trials: int) -> None:
    """25 poisons among 2,500 samples, 100 trials: the head learns anew from features that stay as they are."""
    for case in (_digits(), _objects()):
        with torch.no_grad():
            known, asked = case.features(case.train.inputs), case.features(case.test.inputs)
        right = (_head(known, case.train.labels)(asked).argmax(1) == case.test.labels).float().mean()
        print(f"{case.name}, eps {case.eps:.3f}: a clean head is right on {right:.1%}", flush=True)
        hits = {"bullseye": 0, "collision": 0, "unchanged": 0}
        random = torch.Generator().manual_seed(0)
        for trial in range(trials):
            for name, hit in _trial(case, known, asked, random).items():
                hits[name] += hit
            if trial + 1 in {trials // 4, trials // 2, trials}:
                for name, count in hits.items():
                    print(name, f"{count} of {trial + 1}", exact_interval(count, trial + 1), flush=True)


def brewed(trials: int) -> None:
    """Witches' Brew: 100 poisons among 2,000 digits, eps 0.3, and how often a new net is fooled."""
    train, test = mnist(0, 2000), mnist(0, 1000, "test")
    surrogates, control = [trained(train, seed=100 + each) for each in range(2)], trained(train, seed=0)
    right, hits = (predicted(control, test.inputs) == test.labels).nonzero()[:, 0], 0
    random = torch.Generator().manual_seed(0)
    for trial in range(trials):
        chosen = test.select([int(right[int(torch.randint(0, len(right), (), generator=random))])])
        wanted = int(chosen.labels + torch.randint(1, 10, (), generator=random)) % 10
        spec = gradient_matched(train, surrogates, chosen.inputs, wanted, 0.05, eps=0.3, seed=trial)
        victim = trained(plant(train, spec)[0], seed=trial)
        hits += int(predicted(victim, chosen.inputs)) == wanted
        print(f"{hits} of {trial + 1}", exact_interval(hits, trial + 1), flush=True)


def slept(seeds: int) -> None:
    """Sleeper Agent: 5% of 3,000 digits, a trigger in no training sample and a target of its own for each seed."""
    train, test = mnist(0, 3000), mnist(0, 2000, "test")
    for seed in range(seeds):
        [trial], _ = rehearse(
            train, test, drawn("sleeper-agent", train, 0.05, seed % 10, seed), seeds=(seed,)
        )
        for name, answers in (("control", trial.control), ("victim", trial.victim)):
            print(
                seed,
                name,
                f"success {answers.success.value:.3f}, clean {answers.clean.value:.3f}",
                flush=True,
            )


def _trial(case: Transfer, known: Tensor, asked: Tensor, random: torch.Generator) -> dict[str, bool]:
    """Whether a chosen test sample gets the wanted class, by attack."""
    labels = case.train.labels
    wanted = int(torch.randint(0, 10, (), generator=random))
    others = (case.test.labels != wanted).nonzero()[:, 0]
    chosen = int(others[int(torch.randint(0, len(others), (), generator=random))])
    own = (labels == wanted).nonzero()[:, 0]
    rows = own[torch.randperm(len(own), generator=random)[:POISONS]]
    hit = {"unchanged": int(_head(known, labels)(asked[chosen][None]).argmax()) == wanted}
    for name, reach in (("bullseye", bullseye), ("collision", collision)):
        bases = case.train.inputs[rows]
        poisons = collide(case.features, bases, case.test.inputs[chosen], case.train.domain, case.eps, reach)
        with torch.no_grad():
            poisoned = known.index_copy(0, rows, case.features(poisons))
        hit[name] = int(_head(poisoned, labels)(asked[chosen][None]).argmax()) == wanted
    return hit


def _digits() -> Transfer:
    """Digits, on features of a net that learned grey traffic signs."""
    file = np.load(found("data/gtsrb/train_2614.npz"))
    grey = interpolate(torch.as_tensor(file["x"]).float().mean(1, keepdim=True), size=28, mode="area")
    signs = pack(grey.round().byte().numpy(), file["y"].astype(np.int64), source="signs")
    net = trained(signs, recipe=Recipe(epochs=20, minibatch=64, optimiser=Adam(learning_rate=2e-3)))
    assert isinstance(net, nn.Sequential)
    return Transfer(
        "digits on features of signs", net[:-1], mnist(10_000, LEARNED), mnist(0, 2000, "test"), 0.3
    )


def _objects() -> Transfer:
    """CIFAR-10, on features of a net that learned 10,000 other images of it."""
    recipe = Recipe(epochs=6, minibatch=64, optimiser=Adam(learning_rate=2e-3))
    net = trained(cifar(0, 10_000), wide_net, recipe)
    assert isinstance(net, nn.Sequential)
    return Transfer("CIFAR-10", net[:-1], cifar(20_000, LEARNED), cifar(40_000, 1000), 8 / 255)


def wide_net(samples: Samples, seed: int) -> nn.Sequential:
    """Three convolutions and 512 features."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        return nn.Sequential(
            nn.BatchNorm2d(3, affine=False),
            nn.Conv2d(3, 32, 4, 2, 1), nn.ReLU(), nn.Conv2d(32, 64, 4, 2, 1), nn.ReLU(),
            nn.Conv2d(64, 64, 4, 2, 1), nn.ReLU(), nn.Flatten(),
            nn.Linear(1024, 512), nn.ReLU(), nn.Linear(512, 10),
        ).eval()  # fmt: skip


def _head(features: Tensor, labels: Tensor) -> nn.Linear:
    """A logistic regression."""
    head = nn.Linear(features.shape[1], 10)
    nn.init.zeros_(head.weight)
    nn.init.zeros_(head.bias)
    optimiser = torch.optim.LBFGS(head.parameters(), max_iter=100, line_search_fn="strong_wolfe")

    def closure() -> Tensor:
        optimiser.zero_grad()
        loss = cross_entropy(head(features), labels) + 1e-4 * head.weight.square().sum()
        loss.backward()
        return loss

    optimiser.step(closure)
    return head


PARTS: dict[str, tuple[Callable[[int], None], int]] = {
    "collide": (collisions, 100),
    "brew": (brewed, 20),
    "sleep": (slept, 6),
}

if __name__ == "__main__":
    torch.set_num_threads(1)
    part, default = PARTS[sys.argv[1]]
    part(int(sys.argv[2]) if len(sys.argv) > 2 else default)
