"""The two attackers of a detector: who does not know it, and who does."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

import torch
from torch import Tensor

from sparring.attacks import APGD, APGDL1, margin
from sparring.data import Samples
from sparring.detect.balancing import Balancing
from sparring.detect.detector import Detector
from sparring.detect.evading import Evades, guarded, in_turn, together
from sparring.detect.orthogonal import OrthogonalPGD
from sparring.detect.view import View
from sparring.domain import Domain
from sparring.draws import Draws, row_keys
from sparring.engine import Attack, AttackLoss, Findings, Task, search
from sparring.engine.ask import Look
from sparring.engine.loop import Progress
from sparring.errors import ModelError
from sparring.models import Model
from sparring.models.stand_ins.straight_through import straight_through
from sparring.tensors import put, take
from sparring.threat import Goal, Threat, Untargeted
from sparring.verify import verified

__all__ = ["Attacked", "Ring", "Watch", "unaware_attacker", "way_up"]

Watch = Callable[[str, Progress], None]


@dataclass(frozen=True)
class Attacked:
    """What an attacker made of N samples.

    Args:
        points: `(N, *shape)`; the input itself where nothing was tried.
        hit: Where the attacker has what it wanted, measured again, `(N,)`.
        forwards, backwards: What it cost, in all.
    """

    points: Tensor
    hit: Tensor
    forwards: int = 0
    backwards: int = 0

    def with_hits_of(self, other: Attacked) -> Attacked:
        """The same, but where the other one hit too: its points."""
        both = self.hit & other.hit
        return replace(self, points=put(self.points, both, other.points[both]))


AIMS = 4
"""How many other classes are aimed at, the nearest first."""


@dataclass(frozen=True)
class _Stage:
    """An attack, whether it begins where the first attacker ended, and which of the other classes it aims at."""

    name: str
    attack: Attack
    old: bool = False
    place: int | None = None


@dataclass(frozen=True)
class Ring:
    """A model, its detector, and the samples that both attackers get.

    Args:
        view: Of the model.
        detector: What the second attacker knows.
        samples: Clean.
        threat: Bound to them.
        steps: Of each climb.
        seed: Of all draws.
        watch: Told what is being done and how far it is.
        stand_in: Makes, of the model, what is climbed in its place where its own gradients are stopped; the model and
            its detector still decide.
    """

    view: View
    detector: Detector
    samples: Samples
    threat: Threat
    steps: int
    seed: int
    watch: Watch = lambda what, progress: None
    stand_in: Callable[[Look], Look] | None = None

    @property
    def climbed(self) -> View:
        """The model as attackers climb it."""
        return (
            self.view if self.stand_in is None else replace(self.view, model=self.stand_in(self.view.model))
        )

    def unaware(self, rows: Tensor, share: float = 1.0) -> Attacked:
        """Climb the margin of the model alone, all steps, within a share of eps; `rows` `(N,)` is a mask.

        The last point counts: it is as far over the boundary as the attack got, which is what detectors are usually
        shown.
        """
        index = rows.nonzero().squeeze(1)
        task = self._task(index, Untargeted(self.samples.labels[index]), f"unaware {share}")
        near = replace(task.threat, eps=task.threat.eps * share)
        found = search(
            self.climbed.model, replace(task, threat=near), self._climb(margin), judge=self._judge(self.view.model),
            retire="never", keep="last", batch=self.view.batch,
            progress=partial(self.watch, "unaware of the detector"),
        )  # fmt: skip
        return self._measured(index, found.adversarial, None, [found])

    def aware(self, rows: Tensor, bound: float, begin: Tensor) -> Attacked:
        """Climb model and detector until a wrong answer has a score of at most `bound`; `rows` `(N,)` is a mask.

        One after the other (`_stages`); each gets what the ones before it left.
        """
        left, spent, points = rows.nonzero().squeeze(1), list[Findings](), self.samples.inputs.clone()
        whole, nearest = left, self._nearest()
        for stage in self._stages(nearest.shape[1]):
            if not len(left):
                break
            found = self._stage(stage, left, bound, begin, nearest)
            spent.append(found)
            points[left[found.success]] = found.adversarial[found.success]
            left = left[~found.success]
        return self._measured(whole, points[whole], bound, spent)

    def _stage(self, stage: _Stage, rows: Tensor, bound: float, begin: Tensor, nearest: Tensor) -> Findings:
        """One attack on some rows, by their index."""
        task = self._task(rows, Evades(self.samples.labels[rows], bound), stage.name)
        task = replace(
            task,
            begin=begin[rows] if stage.old else None,
            aim=None if stage.place is None else nearest[rows, stage.place],
        )
        return search(
            guarded(self.climbed, self.detector), task, stage.attack,
            judge=self._judge(guarded(self.view, self.detector)),
            batch=self.view.batch, progress=partial(self.watch, f"aware of it, {stage.name}"),
        )  # fmt: skip

    def _nearest(self) -> Tensor:
        """For each sample the classes whose logits come closest to its own, the closest first, `(N, C - 1)`."""
        logits = self.view.of(self.samples.inputs).logits
        others = logits.scatter(1, self.samples.labels[:, None], -torch.inf)
        return others.argsort(1, descending=True)[:, :-1]

    def _judge(self, real: Look) -> Look | None:
        """Who decides, if a stand-in is climbed."""
        return None if self.stand_in is None else real

    def _stages(self, others: int) -> list[_Stage]:
        """Class and score together, then what of them is missing, from where the first attacker ended; then afresh,
        weighed for each sample at the nearest of `others` classes in turn, and one gradient orthogonal to the other.
        """
        stages = [
            _Stage("together", self._climb(together), old=True),
            _Stage("in turn", self._climb(in_turn), old=True),
        ]
        stages += [
            _Stage(f"balancing, class {place + 1}", Balancing(self.steps), place=place)
            for place in range(min(AIMS, others))
        ]
        if self.threat.norm != "l1":  # whose steps move one coordinate, nowhere near orthogonally
            stages.append(_Stage("orthogonal", OrthogonalPGD(self.steps)))
        return stages

    def _climb(self, loss: AttackLoss) -> Attack:
        return APGDL1(self.steps, loss) if self.threat.norm == "l1" else APGD(self.steps, loss)

    def _task(self, index: Tensor, goal: Goal, name: str) -> Task:
        chosen = self.samples.select(index)
        draws = Draws(row_keys(self.seed, chosen.ids, "detect", name))
        return Task(chosen.inputs, goal, take(self.threat, index), draws)

    def _measured(self, index: Tensor, points: Tensor, bound: float | None, spent: list[Any]) -> Attacked:
        """What holds when it is asked again from the points alone."""
        chosen, threat = self.samples.select(index), take(self.threat, index)
        held = verified(
            self.view.model,
            chosen.inputs,
            chosen.labels,
            points,
            threat,
            chosen.domain,
            batch=self.view.batch,
        )
        holds = held.holds
        if bound is not None and len(points):
            holds = holds & (self.detector.of(self.view, points) <= bound)
        hit = torch.zeros(len(self.samples), dtype=torch.bool)
        hit[index] = holds
        return Attacked(
            put(self.samples.inputs, index, points),
            hit,
            sum(int(each.forwards.sum()) for each in spent),
            sum(int(each.backwards.sum()) for each in spent),
        )


def unaware_attacker(
    view: View, threat: Threat, domain: Domain, seed: int = 0
) -> Callable[[Tensor, Tensor], Tensor]:
    """What `fit_detector` may be given as `attacker`: 50 steps up the margin of the model alone."""

    def attacked(inputs: Tensor, labels: Tensor) -> Tensor:
        draws = Draws(row_keys(seed, [str(row) for row in range(len(inputs))], "detect", "fit"))
        task = Task(inputs, Untargeted(labels), threat.bind(inputs, domain), draws)
        attack = APGDL1(50, margin) if threat.norm == "l1" else APGD(50, margin)
        return search(view.model, task, attack, retire="never", keep="last", batch=view.batch).adversarial

    return attacked


def way_up(model: Model) -> Callable[[Look], Look] | None:
    """How attackers climb a model that was looked at: itself, or around what stops its gradients.

    Raises:
        ModelError: No gradient can be had of it.
    """
    if model.gradients:
        return None
    if model.stops is None:
        raise ModelError(
            f"{model.name} gives no gradients, without which nobody can tell what its detector is worth against "
            "who knows it; give the model as .pt2 or code.py:factory"
        )
    return straight_through
