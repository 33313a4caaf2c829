"""Label-consistent poison (Turner, Tsipras & Madry 2019, https://arxiv.org/abs/1912.02771)."""

from __future__ import annotations

from collections.abc import Callable

from torch import Tensor

from sparring.attacks import PGD
from sparring.data import Samples
from sparring.draws import Draws, row_keys
from sparring.engine import Task, search
from sparring.poison.making.relabelling import CleanLabel
from sparring.poison.making.spec import PoisonSpec
from sparring.poison.making.triggers import Trigger
from sparring.threat import Linf
from sparring.threat.goals import Untargeted

__all__ = ["label_consistent"]


def label_consistent(
    samples: Samples,
    surrogate: Callable[[Tensor], Tensor],
    trigger: Trigger,
    target: int,
    rate: float,
    *,
    eps: float = 0.3,
    steps: int = 20,
    seed: int = 0,
) -> PoisonSpec:
    """Samples of the target class made hard to recognise, so that the trigger on them is what is learned.

    Every poisoned sample keeps its label, which is right. Before the trigger is put on, PGD moves the sample away from
    its class, as `surrogate` sees it. Cost when it is planted: `steps` forwards and backwards per poisoned sample.

    Args:
        samples: What is poisoned later.
        surrogate: A model of such data, trained by the poisoner.
        trigger: Of the backdoor.
        target: The class.
        rate: Poisoned samples as a share of the whole training set; the class must have as many.
        eps: How far each value may move, in units of the data.
        steps: Of PGD.
        seed: Of draws.
    """

    def planted(inputs: Tensor, places: Tensor) -> Tensor:
        ids = [samples.ids[place] for place in places.tolist()]
        goal = Untargeted(samples.labels[places])
        threat = Linf(eps).bind(inputs, samples.domain)
        task = Task(inputs, goal, threat, Draws(row_keys(seed, ids, "label-consistent")))
        moved = search(surrogate, task, PGD(steps=steps), retire="never", keep="last").adversarial
        return trigger(moved)

    return PoisonSpec("label-consistent", trigger, CleanLabel(target), rate, planted=planted, seed=seed)
