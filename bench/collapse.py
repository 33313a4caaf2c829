"""What published defences and detectors are worth once the attacker knows of them.

    .venv/bin/python bench/collapse.py --n 48 --json collapse.json
    .venv/bin/python bench/collapse.py --only jpeg mahalanobis
    .venv/bin/python bench/collapse.py --only reconstruction --eps 0.3   # detectors at another size
    .venv/bin/python bench/collapse.py --bits          # 1-bit MNIST at 0.3, partly by exhaustive search

A row per defence: an audit of the undefended net, the same of the net behind the defence, and the plain figure: what an
attacker leaves who knows nothing of the defence. A row per detector, at 5% false alarms: the same three, where robust
is who is right, not flagged, and never wrong unflagged. Samples are drawn at random from the test sets; intervals are
Clopper and Pearson's at 95%. `above` marks a row that ends above its base by more than its interval: it should not
occur. The nets are small and undefended: `mnist_small_cnn_std` and those of `bench/defences`.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Callable
from dataclasses import asdict, dataclass
from functools import cache
from itertools import product
from pathlib import Path

import torch
from _data import found
from _passes import cpu_seconds
from defences import nets
from torch import Tensor, nn

import sparring
from sparring.attacks import APGD, difference_of_logits_ratio, margin
from sparring.attacks.suites import Stage
from sparring.data import Samples, load_data
from sparring.defences import (
    JPEG,
    BitDepth,
    MedianFilter,
    Purified,
    RandomResizePad,
    Thermometer,
    TotalVariation,
    ViewVote,
)
from sparring.detect import SCORES, View, evaluate, fit_detector
from sparring.domain import Domain
from sparring.evaluation.statistics import exact_interval
from sparring.images import train_denoiser
from sparring.storage import Run
from sparring.threat import Linf

DIGITS, COLOURS = "mnist/mnist_70000.npz", "cifar10/test_lossless_500.npz"
REFERENCE = 2000
"""Digits of the test set, from its end, on which detectors are fitted."""

CLIMBS = (
    Stage("apgd", APGD(40, margin)),
    Stage("apgd-dlr-t", APGD(40, difference_of_logits_ratio), aims=2),
)
"""The suite: twice forty steps; random defences take up to 80 draws for each."""


@dataclass(frozen=True)
class Case:
    """A defence, its base, and what they are attacked on."""

    name: str
    base: Callable[[], nn.Module]
    defended: Callable[[], nn.Module]
    data: str
    eps: float


@dataclass(frozen=True)
class Row:
    """Counts are of `samples`; a randomised model has a mean over draws, times samples."""

    name: str
    data: str
    eps: float
    samples: int
    clean: float
    base: float
    plain: float
    robust: float
    seconds: float

    @property
    def above(self) -> bool:
        """More robust than the undefended net by more than the interval."""
        return exact_interval(self.robust, self.samples).low > self.base / self.samples

    def __str__(self) -> str:
        shares = "".join(f"{_share(each, self.samples):>20}" for each in (self.base, self.plain, self.robust))
        return (
            f"{self.name:28}{self.eps:6.3f}{self.samples:5}{self.clean / self.samples:8.1%}{shares}"
            f"{self.seconds:7.0f}{'  ABOVE' if self.above else ''}"
        )


HEADER = f"{'':28}{'eps':>6}{'n':>5}{'clean':>8}{'base':>20}{'unaware':>20}{'aware':>20}  CPU s"


def main() -> None:
    """Print each row as it comes."""
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    options.add_argument("--only", nargs="+", help="parts of names", metavar="NAME")
    options.add_argument("--n", type=int, default=48, help="samples of each; 48")
    options.add_argument("--seed", type=int, default=0)
    options.add_argument("--eps", type=float, default=0.15, help="of the attacks on detectors; 0.15")
    options.add_argument("--bits", action="store_true", help="only 1-bit MNIST at 0.3")
    options.add_argument("--json", type=Path, help="where to write the results, too")
    chosen = options.parse_args()
    torch.set_num_threads(1)
    if chosen.bits:
        print(one_bit(chosen.n, chosen.seed))
        return
    jobs = [(each.name, lambda each=each: defended(each, chosen.n, chosen.seed)) for each in CASES]
    jobs += [
        (name, lambda name=name: detected(name, 2 * chosen.n, chosen.seed, chosen.eps)) for name in DETECTORS
    ]
    rows = []
    print(HEADER)
    for name, job in jobs:
        if chosen.only and not any(part.lower() in name.lower() for part in chosen.only):
            continue
        rows.append(job())
        print(rows[-1], flush=True)
        if chosen.json:
            chosen.json.write_text(json.dumps([asdict(each) for each in rows], indent=2) + "\n")


@cache
def digits_net() -> nn.Module:
    """Undefended, 436,000 parameters."""
    return torch.export.load(found("models/mnist_small_cnn_std.pt2")).module()


@cache
def colours_net() -> nn.Module:
    """Undefended, 130,000 parameters."""
    return nets.loaded("cifar", nets.cifar()).requires_grad_(False)


@cache
def thermometer_net() -> nn.Module:
    """A net that was trained on the code, behind it."""
    net = nets.loaded("thermometer", nets.thermometer()).requires_grad_(False)
    return nn.Sequential(Thermometer(nets.LEVELS), net)


@cache
def plain_digits() -> nn.Module:
    """The same net as that, trained on the digits themselves."""
    return nets.loaded("plain", nets.digits()).requires_grad_(False)


def squeezed() -> nn.Module:
    """The views of feature squeezing, averaged."""
    return ViewVote(colours_net(), [nn.Identity(), BitDepth(4), MedianFilter(3)])


def purified() -> nn.Module:
    """A denoiser, trained on other images, before the net."""
    images = load_data(found(f"data/{COLOURS}")).select(range(250, 500)).inputs
    return nn.Sequential(Purified(train_denoiser(images, 0.06, steps=250, batch=32)), colours_net())


def before(edit: nn.Module, net: Callable[[], nn.Module] = colours_net) -> Callable[[], nn.Module]:
    """A maker of the net behind an edit."""
    return lambda: nn.Sequential(edit, net())


NEAR = 4 / 255
CASES = (
    Case("JPEG 75, CIFAR", colours_net, before(JPEG(75)), COLOURS, NEAR),
    Case("bit depth 3, CIFAR", colours_net, before(BitDepth(3)), COLOURS, NEAR),
    Case("total variation, CIFAR", colours_net, before(TotalVariation(0.03)), COLOURS, NEAR),
    Case("feature squeezing vote, CIFAR", colours_net, squeezed, COLOURS, NEAR),
    Case("denoiser, CIFAR", colours_net, purified, COLOURS, NEAR),
    Case("bit depth 2, MNIST", digits_net, before(BitDepth(2), digits_net), DIGITS, 0.2),
    Case("bit depth 2, MNIST, near", digits_net, before(BitDepth(2), digits_net), DIGITS, 0.15),
    Case("thermometer, MNIST", plain_digits, thermometer_net, DIGITS, 0.15),
    Case("random resize and pad, MNIST", digits_net, before(RandomResizePad(), digits_net), DIGITS, 0.15),
)
DETECTORS = {
    "detector: squeezing": ("squeezing",),
    "detector: mahalanobis": ("mahalanobis",),
    "detector: knn": ("knn",),
    "detector: odds": ("odds",),
    "detector: reconstruction": ("reconstruction",),
    "detector: all five": ("squeezing", "mahalanobis", "knn", "odds", "reconstruction"),
}


def drawn(data: str, count: int) -> Samples:
    """A random draw of the test set, taken as continuous."""
    whole = load_data(found(f"data/{data}"))
    whole = whole.select(range(len(whole) - REFERENCE)) if data == DIGITS else whole.select(range(250))
    domain = Domain(low=0.0, high=1.0, step=None, shape=whole.domain.shape)
    chosen = whole.sample(count)
    return load_data((chosen.inputs, chosen.labels), domain=domain)


def defended(case: Case, count: int, seed: int) -> Row:
    """Audit the base and the defended net on the same samples."""
    samples, runs = drawn(case.data, count), list[Run]()

    def audit() -> None:
        for make in (case.base, case.defended):
            runs.append(sparring.audit(make(), samples, Linf(case.eps), CLIMBS, seed=seed))

    seconds = cpu_seconds(audit)
    base, run = runs
    body = run.result["body"]
    clean = body["randomised"]["clean_correctness"] if "randomised" in body else None
    return Row(
        name=case.name,
        data=case.data,
        eps=case.eps,
        samples=len(samples),
        clean=run.result["clean_correct"] if clean is None else clean * len(samples),
        base=base.result["robust"],
        plain=body["unadapted"]["right"],
        robust=run.robust_accuracy * len(samples),
        seconds=seconds,
    )


def detected(name: str, count: int, seed: int, eps: float) -> Row:
    """Fit a detector on digits, and attack it."""
    net, samples = digits_net(), drawn(DIGITS, count)
    view, whole = View(net), load_data(found(f"data/{DIGITS}"))
    reference = whole.select(range(len(whole) - REFERENCE, len(whole)))
    detector = fit_detector(view, reference, {each: SCORES[each]() for each in DETECTORS[name]}, seed=seed)
    seen: list = []
    seconds = cpu_seconds(
        lambda: seen.append(evaluate(view, detector, samples, Linf(eps), rates=(0.05,), steps=60, seed=seed))
    )
    (line,) = seen[0].rates
    return Row(
        name=name,
        data=DIGITS,
        eps=eps,
        samples=len(samples),
        clean=line.accepted,
        base=seen[0].robust_of_model,
        plain=line.unaware_robust,
        robust=line.robust,
        seconds=seconds,
    )


MOST_PIXELS = 14
"""Up to 2 ** 14 images of one digit are looked at."""


def one_bit(count: int, seed: int) -> str:
    """1-bit MNIST at 0.3: only pixels within 0.3 of the threshold can change, so some digits can be exhausted."""
    samples, eps = drawn(DIGITS, count), 0.3
    net = digits_net()
    run = sparring.audit(nn.Sequential(BitDepth(1), net), samples, Linf(eps), CLIMBS, seed=seed)
    status = run.records["status"].to_pylist()
    standing = [row for row, word in enumerate(status) if word in ("robust", "gave_up")]
    free = {row: _free(samples.inputs[row], eps) for row in standing}
    small = [row for row in standing if int(free[row].sum()) <= MOST_PIXELS]
    held = [row for row in small if _exhausted(net, samples.inputs[row], int(samples.labels[row]), free[row])]
    pixels = sorted(int(each.sum()) for each in free.values())
    return (
        f"1 bit, MNIST, linf:0.3: clean {run.result['clean_correct']} of {count}, robust "
        f"{_share(len(standing), count)}; pixels that can change: median "
        f"{pixels[len(pixels) // 2]}; exhausted {len(small)} digits with at most {MOST_PIXELS}: {len(held)} hold"
    )


def _free(image: Tensor, eps: float) -> Tensor:
    """Pixels whose bit can change."""
    return ((image - eps).clamp(0, 1) * 1).round() != ((image + eps).clamp(0, 1) * 1).round()


def _exhausted(net: nn.Module, image: Tensor, label: int, free: Tensor) -> bool:
    """Whether the net is right on every image of one bit that can be reached."""
    choices = torch.tensor(list(product((0.0, 1.0), repeat=int(free.sum()))))
    points = image.round().expand(len(choices), *image.shape).clone()
    points[:, free] = choices
    return all(bool((net(part).argmax(1) == label).all()) for part in points.split(512))


def _share(count: float, samples: int) -> str:
    span = exact_interval(count, samples)
    return f"{count / samples:.1%} ({100 * span.low:.0f}-{100 * span.high:.0f})"


if __name__ == "__main__":
    main()
