"""Do thresholds keep their promise on real scores? Fresh splits of real clean inputs, again and again.

    .venv/bin/python bench/conformal.py --splits 200

Mahalanobis and energy scores of MNIST test digits under `mnist_small_cnn_std`; each split draws n of them to calibrate
and m others to count false alarms. Marginal: the mean rate must be at most the promised one, and the counts must be
those of the beta-binomial (their mean and spread are compared, and a chi-squared test over five bins of equal chance).
Conditional at 95%: the threshold's real rate, measured on all digits that did not calibrate, may exceed the promise in
at most 5% of the splits, but for chance.
"""

from __future__ import annotations

import argparse

import numpy as np
import torch
from _data import found
from collapse import DIGITS, digits_net
from scipy.stats import betabinom, chisquare
from torch import Tensor

from sparring.data import load_data
from sparring.detect import SCORES, View, fit_detector
from sparring.detect.conformal import threshold
from sparring.evaluation.statistics import exact_interval

CALIBRATED, FRESH, FIT = 500, 500, 1000
RATES = (0.05, 0.01)


def main() -> None:
    """Print a line per score and rate."""
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    options.add_argument("--splits", type=int, default=200)
    chosen = options.parse_args()
    torch.set_num_threads(1)
    torch.manual_seed(0)
    whole = load_data(found(f"data/{DIGITS}"))
    view = View(digits_net(), batch=256)
    for name in ("mahalanobis", "energy"):
        detector = fit_detector(view, whole.select(range(FIT)), {name: SCORES[name]()})
        scores = detector.of(view, whole.inputs[FIT:])
        for rate in RATES:
            told = marginal(scores, rate, chosen.splits), conditional(scores, rate, chosen.splits)
            print(f"{name:12} {rate:.0%}  {'; '.join(told)}")


def marginal(scores: Tensor, rate: float, splits: int) -> str:
    """Mean rate of false alarms, and how well the counts fit."""
    counts = []
    for _ in range(splits):
        order = torch.randperm(len(scores))
        bound = threshold(scores[order[:CALIBRATED]], rate)
        counts.append(int((scores[order[CALIBRATED : CALIBRATED + FRESH]] > bound).sum()))
    place = int(np.ceil(round((CALIBRATED + 1) * (1 - rate), 9)))
    law = betabinom(FRESH, CALIBRATED + 1 - place, place)
    edges = [law.ppf(share) for share in (0.2, 0.4, 0.6, 0.8)]
    chances = np.diff([0, *(law.cdf(edge) for edge in edges), 1])
    seen = np.bincount(np.searchsorted(edges, counts), minlength=5)
    kept = chances > 0
    chance = chisquare(seen[kept], splits * chances[kept] / chances[kept].sum()).pvalue
    mean, spread = np.mean(counts) / FRESH, np.std(counts) / FRESH
    return (
        f"mean {mean:.4f} (beta-binomial {law.mean() / FRESH:.4f}), spread {spread:.4f} ({law.std() / FRESH:.4f}), "
        f"chi-squared p = {chance:.2f}"
    )


def conditional(scores: Tensor, rate: float, splits: int) -> str:
    """How often the real rate exceeds the promise."""
    over = 0
    for _ in range(splits):
        order = torch.randperm(len(scores))
        bound = threshold(scores[order[:CALIBRATED]], rate, 0.95)
        over += float((scores[order[CALIBRATED:]] > bound).double().mean()) > rate
    span = exact_interval(over, splits)
    return f"at level 95%: exceeded in {over} of {splits} ({100 * span.low:.1f}-{100 * span.high:.1f}%)"


if __name__ == "__main__":
    main()
