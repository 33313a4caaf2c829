"""Noise that leaves nothing to learn (Huang et al. 2021, https://arxiv.org/abs/2101.04898)."""

from __future__ import annotations

from dataclasses import replace

from torch import Tensor

from sparring.attacks import PGD
from sparring.data import Samples
from sparring.draws import Draws, row_keys
from sparring.engine import Task, search
from sparring.poison.making.relabelling import LabelsKept
from sparring.poison.making.spec import PoisonSpec, unchanged
from sparring.poison.making.victim import SHORT, Make
from sparring.threat import Linf
from sparring.threat.goals import Targeted
from sparring.training import Recipe, fit, small_net

__all__ = ["error_minimising"]


def error_minimising(
    samples: Samples,
    rate: float,
    *,
    eps: float,
    make: Make = small_net,
    recipe: Recipe = SHORT,
    rounds: int = 4,
    steps: int = 5,
    seed: int = 0,
) -> PoisonSpec:
    """Every poisoned sample is moved to where a model finds its true label easiest, so that nothing else is learned.

    The poisoner's own model learns from the samples for an epoch, the samples are moved by PGD towards their labels,
    and so on in turn. A model trained on the result does badly on samples as they are. Deviates from the paper in that
    the model learns for a fixed number of rounds, an epoch each, and that each search begins anew.

    Cost when it is planted: `rounds` epochs, and `rounds * steps` forwards and backwards per poisoned sample.

    Args:
        samples: What is poisoned later.
        rate: Poisoned samples as a share of the whole training set; does little below 1, as the others teach enough.
        eps: How far each value may move, in units of the data.
        make: Makes the poisoner's model.
        recipe: How it learns, but for the number of epochs.
        rounds: Epochs, and searches.
        steps: Of PGD, each time.
        seed: Of all draws.
    """

    def planted(inputs: Tensor, places: Tensor) -> Tensor:
        labels, ids = samples.labels[places], [samples.ids[place] for place in places.tolist()]
        threat = Linf(eps).bind(inputs, samples.domain)
        model, moved = make(samples, seed), inputs
        for turn in range(rounds):
            shown = samples.having(samples.inputs.index_copy(0, places, moved))
            model = fit(model, shown, replace(recipe, epochs=1), seed=seed + turn).model
            draws = Draws(row_keys(seed, ids, f"unlearnable {turn}"))
            task = Task(inputs, Targeted(labels, labels), threat, draws)
            moved = search(model, task, PGD(steps=steps), retire="never", keep="last").adversarial
        return moved

    return PoisonSpec("unlearnable", unchanged, LabelsKept(), rate, planted=planted, seed=seed)
