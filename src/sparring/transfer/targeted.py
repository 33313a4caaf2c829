"""What is climbed towards a wanted class."""

from __future__ import annotations

from typing import Any

from torch import Tensor

from sparring.engine import Task

__all__ = ["wanted_score"]


def wanted_score(task: Task, state: Any, outputs: Any) -> Tensor:
    """The score of the wanted class alone (Zhao, Liu & Larson 2021, https://arxiv.org/abs/2012.11207).

    What is climbed in place of cross-entropy, which stops pulling once the surrogate is sure. Of several surrogates it
    is the mean of the logarithms of the class's probabilities, as `Ensemble` answers.
    """
    assert task.goal.wanted is not None, "only a targeted goal wants a class"
    scores: Tensor = outputs.float()
    return scores.gather(-1, task.goal.wanted[:, None, None].expand(*scores.shape[:-1], 1))
