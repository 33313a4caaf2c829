"""What training costs and what it gives: `python bench/training.py mnist | single-step | cifar10 | killed | passes`.

Times are CPU seconds of this process, one thread. Robust accuracy is under the stages that are named, on images that
neither the weights nor the choice of the epoch depend on. Needs models, MNIST and CIFAR-10 of `_data.py`'s folder.

mnist        fine-tune a plain net at linf:0.3
single-step  N-FGSM beside PGD-AT for equally many CPU seconds
cifar10      fine-tune a net that was trained at 4/255 to stand 8/255
killed       kill a training at random instants by SIGKILL, let it go on, compare all bits
passes       the rate of PGD-10 training beside that of the bare passes it makes
"""

from __future__ import annotations

import argparse
import io
import random
import tempfile
import time
from dataclasses import replace
from itertools import pairwise
from multiprocessing import get_context
from multiprocessing.process import BaseProcess
from pathlib import Path

import numpy as np
import torch
from _data import found
from PIL import Image
from torch import nn

import sparring
from sparring.attacks import PGD, suites
from sparring.attacks.suites import Stage
from sparring.data import Samples, load_data
from sparring.models import load_model
from sparring.threat import parse_threat
from sparring.training import (
    Adam,
    Epoch,
    Mirrored,
    Recipe,
    Shifted,
    Under,
    cosine,
    fit,
    n_fgsm,
    pgd_at,
    plain,
)

HELD_OUT = 300


def mnist() -> None:
    """Fine-tune the plain net on 58,000 images."""
    train, held_out, test = digits(58_000)
    threat = parse_threat("linf:0.3")
    objective = pgd_at(threat, PGD(7), warm_up=0.3)
    recipe = Recipe(6, 128, objective, Adam(2e-3), averaging=0.999, measure=Under(threat))
    model = trained("mnist_small_cnn_std", train, held_out, recipe)
    audited(model, test.limit(300), "linf:0.3", "standard")


def single_step() -> None:
    """Both objectives for equally long, from the same weights; an update of N-FGSM has a quarter of the passes."""
    train, held_out, test = digits(6_000)
    threat = parse_threat("linf:0.1")
    for name, objective, epochs in (("PGD-AT", pgd_at(threat, PGD(7)), 4), ("N-FGSM", n_fgsm(threat), 16)):
        recipe = Recipe(epochs, 128, objective, averaging=0.99, measure=Under(threat, PGD(10)))
        print(name)
        model = trained("mnist_small_cnn_std", train, held_out.limit(100), recipe)
        audited(model, test.limit(200), "linf:0.1", suites.standard[:1])


def cifar10() -> None:
    """Fine-tune on JPEG images, audit on lossless ones, before and after."""
    threat, count = parse_threat("linf:8/255"), 3_200
    train = photographs(count)
    test = load_data(found("data/cifar10/test_lossless_500.npz")).limit(200)
    audited(load_model(found("models/cifar10_sri_resnet_a.pt2")), test, "linf:8/255", "standard")
    learned, held_out = train.select(range(200, count)), train.limit(200)
    recipe = Recipe(
        2, 64, pgd_at(threat, PGD(3)), Adam(1e-3), cosine, Mirrored(Shifted(2)), 0.99, Under(threat, PGD(5))
    )
    model = trained("cifar10_sri_resnet_a", learned, held_out, recipe)
    audited(model, test, "linf:8/255", "standard")


def killed(times: int) -> None:
    """Compare weights and losses with those of a training that was left alone."""
    chance, equal, kills = random.Random(0), 0, 0
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        began = time.monotonic()
        learner(folder / "whole").join()
        length = time.monotonic() - began
        expected = torch.load(folder / "whole" / "done.pt")
        for number in range(times):
            process = learner(folder / str(number))
            time.sleep(chance.uniform(0, length))
            kills += process.is_alive()
            process.kill()
            process.join()
            learner(folder / str(number)).join()
            ended = torch.load(folder / str(number) / "done.pt")
            equal += all(torch.equal(one, other) for one, other in zip(expected, ended, strict=True))
    print(f"{kills} of {times} killed while they ran; {equal} of {times} ended with the same bits")


def learner(folder: Path) -> BaseProcess:
    """A process that trains in a folder."""
    folder.mkdir(exist_ok=True)
    process = get_context("fork").Process(target=learn, args=(folder,))
    process.start()
    return process


def learn(folder: Path) -> None:
    """The training that is killed: PGD-AT with averaging and augmentation, a checkpoint after every update."""
    threat = parse_threat("linf:8/255")
    train = load_data(found("data/cifar10/test_lossless_500.npz")).limit(250)
    recipe = Recipe(2, 25, pgd_at(threat, PGD(2)), Adam(1e-3), augment=Mirrored(Shifted(2)), averaging=0.99)
    recipe = replace(recipe, measure=Under(threat, PGD(2)))
    model = load_model(found("models/cifar10_small_resnet_adv.pt2")).function
    fitted = fit(
        model, train.select(range(50, 250)), recipe, validation=train.limit(50),
        checkpoint=folder / "checkpoint.pt", every=0,
    )  # fmt: skip
    torch.save([*fitted.model.state_dict().values(), fitted.losses], folder / "done.pt")


def passes() -> None:
    """Time updates, and the passes that they consist of with nothing around them, in turn."""
    train = load_data(found("data/cifar10/test_lossless_500.npz")).limit(384)
    model = load_model(found("models/cifar10_small_resnet_adv.pt2")).function
    recipe = Recipe(1, 128, pgd_at(parse_threat("linf:8/255"), PGD(10)), Adam(0.0))
    fit(model, train, replace(recipe, objective=plain))
    ratios = []
    for _ in range(3):
        began = time.process_time()
        bare(model, train)
        middle = time.process_time()
        fit(model, train, recipe)
        ratios.append((middle - began) / (time.process_time() - middle))
    print("rate of training over rate of its passes:", " ".join(f"{each:.3f}" for each in ratios))


def bare(model: nn.Module, train: Samples) -> None:
    """The passes of PGD-10 training: ten with gradients of the inputs, one with those of the weights."""
    for rows in torch.arange(len(train)).split(128):
        inputs, labels = train.inputs[rows], train.labels[rows]
        for parameter in model.parameters():
            parameter.requires_grad_(False)
        for _ in range(10):
            point = inputs.clone().requires_grad_()
            torch.autograd.grad(nn.functional.cross_entropy(model(point), labels), point)
        for parameter in model.parameters():
            parameter.requires_grad_(True)
        loss = nn.functional.cross_entropy(model(inputs), labels)
        torch.autograd.grad(loss, list(model.parameters()))


def trained(name: str, train: Samples, held_out: Samples, recipe: Recipe) -> nn.Module:
    """Train, with a line per epoch."""
    began, told = time.process_time(), []

    def tell(progress: sparring.training.Progress) -> None:
        if len(progress.curve) > len(told):
            told.append(progress.curve[-1])
            print(line(len(told) - 1, told[-1]), flush=True)

    model = load_model(found(f"models/{name}.pt2")).function
    fitted = fit(model, train, recipe, validation=held_out, progress=tell)
    remedied = "" if fitted.remedied is None else f", remedy from epoch {fitted.remedied} on"
    print(f"{time.process_time() - began:.0f} CPU seconds, epoch {fitted.best} kept{remedied}", flush=True)
    return fitted.model


def line(number: int, epoch: Epoch) -> str:
    """An entry of the curve."""
    loss = "" if epoch.loss is None else f", loss {epoch.loss:.3f}"
    return f"  epoch {number}: {epoch.clean:.1%} clean, {epoch.robust:.1%} robust{loss}"


def audited(model: nn.Module, test: Samples, threat: str, suite: str | tuple[Stage, ...]) -> None:
    """Audit on samples that are taken for a random draw."""
    began = time.process_time()
    run = sparring.audit(model, replace(test, ordered=False), threat, suite, batch=128)
    names = suite if isinstance(suite, str) else ", ".join(stage.name for stage in suite)
    low, high = (run.result["interval"][side] for side in ("low", "high"))
    counts = f"{run.result['clean_correct']} right, {run.result['robust']} robust of {run.samples}"
    share = (
        f"{run.robust_accuracy:.1%} ({low:.1%} to {high:.1%}), {time.process_time() - began:.0f} CPU seconds"
    )
    print(f"  audit: {counts} under {names} at {threat}: {share}", flush=True)


def digits(count: int) -> tuple[Samples, Samples, Samples]:
    """Training images, held-out ones, test images."""
    with np.load(found("data/mnist/mnist_70000.npz")) as file:
        train, test = (
            load_data((file[f"x_{part}"].reshape(-1, 1, 28, 28), file[f"y_{part}"]))
            for part in ("train", "test")
        )
    return train.select(range(HELD_OUT, HELD_OUT + count)), train.limit(HELD_OUT), test


def photographs(count: int) -> Samples:
    """The first training images of CIFAR-10, as heavy JPEG."""
    with np.load(found("data/cifar10/train_jpeg_50000.npz")) as file:
        content, labels = file["jpeg"], file["y"][:count]
        cuts = file["offset"][: count + 1].tolist()
    pictures = [
        np.asarray(Image.open(io.BytesIO(content[low:high].tobytes())).convert("RGB"))
        for low, high in pairwise(cuts)
    ]
    return load_data((np.stack(pictures).transpose(0, 3, 1, 2).copy(), labels))


def main() -> None:
    """Do what is asked for."""
    options = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    options.add_argument("what", choices=["mnist", "single-step", "cifar10", "killed", "passes"])
    options.add_argument("--times", type=int, default=10)
    arguments = options.parse_args()
    torch.set_num_threads(1)
    if arguments.what == "killed":
        killed(arguments.times)
    else:
        {"mnist": mnist, "single-step": single_step, "cifar10": cifar10, "passes": passes}[arguments.what]()


if __name__ == "__main__":
    main()
