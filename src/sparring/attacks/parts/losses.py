"""What attacks climb: functions of a task and its outputs, `(B, P, L)`, higher when closer to the goal.

Each pulls towards the goal's wanted class or else the task's aim, if there is one, and away from the true class
otherwise. Scores are read in float32 at least, so that bfloat16 and float16 models lose nothing here.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from sparring.engine import Task
from sparring.tensors import tree_map

__all__ = ["cross_entropy", "difference_of_logits_ratio", "margin", "probability_margin", "rivals"]


def cross_entropy(task: Task, state: Any, outputs: Any) -> Tensor:
    """Cross-entropy of the true class (or minus that of the class to pull towards), as log odds.

    With p the probability of the true class, this is `log((1 - p) / p)`. Cross-entropy is
    `log(1 + exp(log odds))`: both rise together and their gradients point the same way, but log odds keep their
    gradient where cross-entropy underflows to zero (logits scaled by 1,000).
    """
    scores, pull = _scores(task, outputs), _pull(task)
    return _log_odds(scores, pull) if pull is not None else -_log_odds(scores, task.goal.labels)


def margin(task: Task, state: Any, outputs: Any) -> Tensor:
    """Score margin: positive once the goal is reached (Carlini & Wagner 2017, https://arxiv.org/abs/1608.04644).

    With an aim: the aim's score minus the true one.
    """
    scores, labels = _scores(task, outputs), task.goal.labels
    if task.goal.wanted is None and task.aim is not None:
        return _of(scores, task.aim) - _of(scores, labels)
    return task.goal.margin(tree_map(_wide, outputs))[..., None]


def probability_margin(task: Task, state: Any, outputs: Any) -> Tensor:
    """Margin of probabilities: softmax of the aim, or of the best other class, minus that of the true one.

    Flat where the model is sure, so that a climb spends its steps where a class is near (the loss of PMA: Xie et al.
    2024, https://arxiv.org/abs/2411.15210). Deviation: scores are first divided so that the clean margin of a sample
    is at most 10; otherwise large scores leave the softmax without a gradient. Without a first look they are taken as
    they are.
    """
    labels, pull = task.goal.labels, _pull(task)
    probabilities = (_scores(task, outputs) * _scale(task)).softmax(-1)
    own = _of(probabilities, labels)
    if pull is not None:
        return _of(probabilities, pull) - own
    true = labels[:, None, None].expand_as(own)
    return probabilities.scatter(-1, true, -torch.inf).amax(-1, keepdim=True) - own


def difference_of_logits_ratio(task: Task, state: Any, outputs: Any) -> Tensor:
    """DLR: a margin divided by a spread of the sorted scores, so that scaling the scores changes nothing.

    With z sorted downwards as z1, z2, ... and y the true class (Croce & Hein 2020, eqs. 6 and 7,
    https://arxiv.org/abs/2003.01690):

        untargeted  -(z_y - max_{i != y} z_i) / (z1 - z3)
        towards t   -(z_y - z_t) / (z1 - (z3 + z4) / 2)

    Deviation: with too few classes the paper's spread does not exist; then z1 minus the lowest score there is
    stands in for it (three classes, towards t), and with two classes, where that ratio would be constant, the
    plain margin.
    """
    scores, pull, labels = _scores(task, outputs), _pull(task), task.goal.labels
    classes = scores.shape[-1]
    if classes < 3:
        return margin(task, state, outputs)
    top = scores.topk(min(4, classes), dim=-1).values
    if pull is None:
        own, best = _of(scores, labels), top[..., :1]
        other = torch.where(own == best, top[..., 1:2], best)
        return (other - own) / _spread(top[..., :1] - top[..., 2:3])
    rest = top[..., 2:].mean(-1, keepdim=True)
    return (_of(scores, pull) - _of(scores, labels)) / _spread(top[..., :1] - rest)


def rivals(task: Task, state: Any, outputs: Any, most: int | None = None) -> Tensor:
    """How far the other classes are ahead of the true one, the best first, `(B, P, min(C - 1, most))`.

    With an aim or a wanted class: that one's margin alone.
    """
    scores = _scores(task, outputs)
    others = scores.shape[-1] - 1
    if task.aim is not None or task.goal.wanted is not None or others < 1:
        return margin(task, state, outputs)
    own = task.goal.labels[:, None, None].expand(-1, scores.shape[1], 1)
    best = (
        scores.scatter(-1, own, -torch.inf).topk(others if most is None else min(others, most), dim=-1).values
    )
    return best - scores.gather(-1, own)


def _scores(task: Task, outputs: Any) -> Tensor:
    return _wide(task.goal.scores(outputs))


def _scale(task: Task) -> Tensor | float:
    """What brings the clean margin of each row down to 10, if it is more, `(B, 1, 1)`."""
    if task.clean is None:
        return 1.0
    away = task.goal.margin(tree_map(lambda values: _wide(values)[:, None], task.clean)).abs()
    return (10 / away.clamp_min(10))[..., None]


def _wide(scores: Tensor) -> Tensor:
    """Half-precision numbers as float32."""
    return scores.float() if scores.dtype in (torch.bfloat16, torch.float16) else scores


def _pull(task: Task) -> Tensor | None:
    """The class to pull towards, `(B,)`, if there is one."""
    return task.aim if task.goal.wanted is None else task.goal.wanted


def _of(scores: Tensor, classes: Tensor) -> Tensor:
    """The score of one class per row, `(B, P, 1)`."""
    return scores.gather(-1, classes[:, None, None].expand(-1, scores.shape[1], 1))


def _log_odds(scores: Tensor, classes: Tensor) -> Tensor:
    """`log(p / (1 - p))` of one class per row, `(B, P, 1)`."""
    own = classes[:, None, None].expand(-1, scores.shape[1], 1)
    return scores.gather(-1, own) - scores.scatter(-1, own, -torch.inf).logsumexp(-1, keepdim=True)


def _spread(difference: Tensor) -> Tensor:
    """A denominator that is never zero, however small the scores are."""
    return difference.clamp_min(torch.finfo(difference.dtype).tiny)
