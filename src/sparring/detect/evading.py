"""What an attacker who knows the detector wants: a wrong answer that is not flagged."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from sparring.detect.detector import Detector
from sparring.detect.view import View
from sparring.engine import Task

__all__ = ["Evades", "guarded", "in_turn", "together"]


def guarded(view: View, detector: Detector) -> Any:
    """The model with its detector: from inputs to logits and, as the last column, the blended score, `(N, C + 1)`."""

    def answer(inputs: Tensor) -> Tensor:
        shown = view(inputs)
        return torch.cat([shown.logits, detector.blended(view, shown)[:, None].to(shown.logits)], 1)

    return answer


@dataclass(frozen=True)
class Evades:
    """The goal: any class but the true `labels` `(B,)`, with a score of at most `threshold`."""

    labels: Tensor
    threshold: float

    @property
    def wanted(self) -> None:
        return None

    def scores(self, outputs: Any) -> Tensor:
        """The logits, `(B, P, C)`."""
        logits: Tensor = outputs[..., :-1]
        return logits

    def room(self, outputs: Any) -> Tensor:
        """How far the score is below the threshold, in spreads of clean scores, `(B, P)`."""
        below: Tensor = self.threshold - outputs[..., -1]
        return below

    def lead(self, outputs: Any, aim: Tensor | None = None) -> Tensor:
        """How far the best wrong class is ahead, or the class aimed at `(B,)`, in logits, `(B, P)`."""
        logits = self.scores(outputs)
        own = self.labels[:, None, None].expand(-1, logits.shape[1], 1)
        if aim is None:
            others = logits.scatter(-1, own, -torch.inf).amax(-1)
        else:
            others = logits.gather(-1, aim[:, None, None].expand_as(own)).squeeze(-1)
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


def _evasion(task: Task) -> Evades:
    goal = task.goal
    assert isinstance(goal, Evades), "these losses belong to the goal Evades"
    return goal
