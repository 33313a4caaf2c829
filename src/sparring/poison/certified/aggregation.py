r"""From the answers of many base models to one answer with a certificate.

A sample that is added to the training set, or taken from it, changes one base model; that one may then say anything.
So an answer holds as long as fewer base models are changed than any other answer needs. `n` below is the number of base
models that must change before one class ranks ahead of another; of equal votes, the lower class ranks first.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

__all__ = ["Certified", "plurality", "run_off"]


@dataclass(frozen=True, eq=False)
class Certified:
    """Of M test samples.

    Args:
        answers: (M,), classes.
        radius: (M,), so many training samples may be added or taken away without a change; a changed sample or label
            counts as one taken away and one added, in the worst case in two partitions.
    """

    answers: Tensor
    radius: Tensor

    def accuracy(self, labels: Tensor, insertions: int) -> float:
        """The share of test samples whose answer is right and stays so for that many insertions or deletions."""
        return float(((self.answers == labels) & (self.radius >= insertions)).float().mean())


def plurality(scores: Tensor) -> Certified:
    """Deep partition aggregation (Levine & Feizi 2021, https://arxiv.org/abs/2006.14768): most votes win.

    Args:
        scores: (M, K, C), what each of K base models gives each class.
    """
    votes = _votes(scores)
    answers = votes.argmax(1)  # the first of equals
    needed = _needed(votes, answers).scatter(1, answers[:, None], _NEVER)
    return Certified(answers, needed.amin(1) - 1)


def run_off(scores: Tensor) -> Certified:
    r"""Run-off election (Rezaei, Banihashem, Chegini & Feizi 2023, https://arxiv.org/abs/2302.02300).

    The two classes with most votes meet again, and every base model says which of the two it scores higher. To beat the
    winner $c$, an attacker must keep it out of the final: two classes $a, b$ rank ahead of it. One changed model
    shortens the way of one by 2 and of the other by 1, so at least $\max(n_a, n_b, \lceil (G_a + G_b)/3 \rceil)$ models
    are needed, where $G$ are the votes to make up. Or another class must come into the final, ahead of the one that $c$
    met, and beat $c$ there: the larger of both numbers. The first bound is not the paper's recursion but what follows
    from counting votes; it never promises more.

    Args:
        scores: (M, K, C), what each of K base models gives each class.
    """
    votes = _votes(scores)
    first = votes.argmax(1)
    second = votes.scatter(1, first[:, None], -1).argmax(1)
    low, high = torch.minimum(first, second), torch.maximum(first, second)
    for_high = _gather(scores, high) > _gather(scores, low)
    wins = 2 * for_high.sum(1) > scores.shape[1]  # of equals, the lower class
    answers, other = torch.where(wins, high, low), torch.where(wins, low, high)
    out, within = _out_of_final(votes, answers), _in_final(scores, votes, answers, other)
    return Certified(answers, torch.minimum(out, within) - 1)


_NEVER = 2**40


def _votes(scores: Tensor) -> Tensor:
    """How many base models put each class first, (M, C)."""
    choices = scores.argmax(2)
    votes = torch.zeros(len(scores), scores.shape[2], dtype=torch.long)
    return votes.scatter_add(1, choices, torch.ones_like(choices))


def _gap(votes: Tensor, ahead: Tensor) -> Tensor:
    """Votes that each class must make up to rank ahead of class `ahead` (M,): (M, C)."""
    classes = torch.arange(votes.shape[1])
    return votes.gather(1, ahead[:, None]) - votes + (classes > ahead[:, None]).long()


def _needed(votes: Tensor, ahead: Tensor) -> Tensor:
    """Base models that must change before each class ranks ahead of class `ahead`: (M, C)."""
    return ((_gap(votes, ahead) + 1) // 2).clamp_min(0)


def _out_of_final(votes: Tensor, answers: Tensor) -> Tensor:
    """Base models that must change before two classes rank ahead of the answer: (M,)."""
    gap = _gap(votes, answers).clamp_min(0).scatter(1, answers[:, None], _NEVER)
    nearest = gap.topk(2, largest=False).values if gap.shape[1] > 2 else torch.full((len(gap), 2), _NEVER)
    alone, together = (nearest[:, 1] + 1) // 2, (nearest.sum(1) + 2) // 3
    return torch.maximum(alone, together)


def _in_final(scores: Tensor, votes: Tensor, answers: Tensor, other: Tensor) -> Tensor:
    """Base models that must change before another class meets the answer in the final and beats it: (M,)."""
    entry = _needed(votes, other).scatter(1, other[:, None], 0)
    own = _gather(scores, answers)[..., None]
    classes = torch.arange(scores.shape[2])
    # of equal scores, a model prefers the lower class
    prefers = torch.where(classes > answers[:, None, None], scores > own, scores >= own).sum(1)
    duel = scores.shape[1] - 2 * prefers + (classes > answers[:, None]).long()
    beat = ((duel + 1) // 2).clamp_min(0)
    return torch.maximum(entry, beat).scatter(1, answers[:, None], _NEVER).amin(1)


def _gather(scores: Tensor, classes: Tensor) -> Tensor:
    """The score of one class per test sample, by each base model: (M, K)."""
    return scores.gather(2, classes[:, None, None].expand(-1, scores.shape[1], 1))[..., 0]
