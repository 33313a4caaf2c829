"""What an attacker who knows the detector wants: a wrong answer that is not flagged."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from sparring.detect.detector import Detector
from sparring.detect.view import View
from sparring.engine import Task

__all__ = ["Evades", "featured", "guarded", "imitating", "in_turn", "together"]


def guarded(view: View, detector: Detector) -> Any:
    """The model with its detector: from inputs to logits and, as the last column, the blended score, `(N, C + 1)`."""

    def answer(inputs: Tensor) -> Tensor:
        shown = view(inputs)
        return torch.cat([shown.logits, detector.blended(view, shown)[:, None].to(shown.logits)], 1)

    return answer


def featured(view: View, detector: Detector) -> Any:
    """The same with the features between logits and score, `(N, C + D + 1)`, for a goal that has some to be `like`."""

    def answer(inputs: Tensor) -> Tensor:
        shown = view(inputs)
        score = detector.blended(view, shown)[:, None]
        return torch.cat([each.to(shown.logits) for each in (shown.logits, shown.features, score)], 1)

    return answer


@dataclass(frozen=True)
class Evades:
    """The goal: any class but the true `labels` `(B,)`, with a score of at most `threshold`.

    `like` `(B, D)` are features to imitate, which decide nothing; with them, outputs are those of `featured`.
    """

    labels: Tensor
    threshold: float
    like: Tensor | None = None

    @property
    def wanted(self) -> None:
        return None

    def scores(self, outputs: Any) -> Tensor:
        """The logits, `(B, P, C)`."""
        between = 0 if self.like is None else self.like.shape[-1]
        logits: Tensor = outputs[..., : outputs.shape[-1] - 1 - between]
        return logits

    def room(self, outputs: Any) -> Tensor:
        """How far the score is below the threshold, in spreads of clean scores, `(B, P)`."""
        below: Tensor = self.threshold - outputs[..., -1]
        return below

    def lead(self, outputs: Any) -> Tensor:
        """How far the best wrong class is ahead, in logits, `(B, P)`."""
        logits = self.scores(outputs)
        own = self.labels[:, None, None].expand(-1, logits.shape[1], 1)
        others = logits.scatter(-1, own, -torch.inf).amax(-1)
        return others - logits.gather(-1, own).squeeze(-1)

    def reached(self, outputs: Any) -> Tensor:
        """`(B, P)`; never where something is not a number."""
        wrong = self.scores(outputs).argmax(-1) != self.labels[:, None]
        return wrong & (self.room(outputs) >= 0) & ~outputs.isnan().any(-1)

    def margin(self, outputs: Any) -> Tensor:
        """The less of the two, `(B, P)`."""
        return torch.minimum(self.lead(outputs), self.room(outputs))


MODEST = 2.0
"""A lead in logits that need not grow."""


def together(task: Task, state: Any, outputs: Any) -> Tensor:
    """Both at once: lead, up to 2 logits, plus room, up to 0 (Carlini & Wagner 2017, https://arxiv.org/abs/1705.07263)."""
    goal = _evasion(task)
    return (goal.lead(outputs).clamp(max=MODEST) + goal.room(outputs).clamp(max=0))[..., None]


def in_turn(task: Task, state: Any, outputs: Any) -> Tensor:
    """Only what is missing: the lead where the class is right still, else the room.

    Selective descent of Bryniarski et al. 2022 (https://arxiv.org/abs/2106.15023).
    """
    goal = _evasion(task)
    lead, room = goal.lead(outputs), goal.room(outputs)
    return torch.where(lead <= 0, lead - 1000, room.clamp(max=0))[..., None]


def imitating(task: Task, state: Any, outputs: Any) -> Tensor:
    """Nearer to the features that the goal names (Sabour, Cao, Faghri & Fleet 2016, https://arxiv.org/abs/1511.05122).

    What has the features of a clean input of another class has its class too, and every score that is made of them.
    """
    goal = _evasion(task)
    assert goal.like is not None, "there is nothing to be like"
    size = goal.like.shape[-1]
    return -(outputs[..., -1 - size : -1] - goal.like[:, None]).square().sum(-1, keepdim=True)


def _evasion(task: Task) -> Evades:
    goal = task.goal
    assert isinstance(goal, Evades), "these losses belong to the goal Evades"
    return goal
