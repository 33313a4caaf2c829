r"""From the answers of many base models to one answer with a certificate.

A sample that is added to the training set, or taken from it, changes one part of it, and with it the base models that
learn from this part; these may then say anything. So an answer holds as long as fewer parts are changed than any other
answer needs. What a changed part can do at most is the sum over its models; how many parts are needed to make up a gap
follows from taking those first that can do most (finite aggregation: Wang, Levine & Feizi 2022,
https://arxiv.org/abs/2202.02628). If each part feeds one model, this is deep partition aggregation. Of equal votes, the
lower class ranks first.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import combinations

import torch
from torch import Tensor

__all__ = ["Certified", "plurality", "run_off"]


@dataclass(frozen=True, eq=False)
class Certified:
    """Of M test samples.

    Args:
        answers: (M,), classes.
        radius: (M,), so many training samples may be added or taken away without a change; a changed sample or label
            counts as one taken away and one added, in the worst case in two parts.
    """

    answers: Tensor
    radius: Tensor

    def accuracy(self, labels: Tensor, insertions: int) -> float:
        """The share of test samples whose answer is right and stays so for that many insertions or deletions."""
        return float(((self.answers == labels) & (self.radius >= insertions)).float().mean())


def plurality(scores: Tensor, reach: Tensor | None = None) -> Certified:
    """Most votes win (deep partition aggregation: Levine & Feizi 2021, https://arxiv.org/abs/2006.14768).

    Args:
        scores: (M, K, C), what each of K base models gives each class.
        reach: (P, d), the d base models that learn from each of P parts; without, each learns from a part of its own.
    """
    board = _board(scores, reach)
    answers = board.votes.argmax(1)  # the first of equals
    needed = [board.parts_to_pass(torch.full_like(answers, each), answers) for each in range(scores.shape[2])]
    return Certified(answers, torch.stack(needed).amin(0) - 1)


def run_off(scores: Tensor, reach: Tensor | None = None) -> Certified:
    r"""Run-off election (Rezaei, Banihashem, Chegini & Feizi 2023, https://arxiv.org/abs/2302.02300).

    The two classes with most votes meet again, and every base model says which of the two it scores higher. To beat the
    winner $c$, an attacker must keep it out of the final: two classes rank ahead of it, each alone and both together,
    where one changed model makes up at most 3 votes of both gaps. Or another class must come into the final, ahead of
    the one that $c$ met, and beat $c$ there. The first bound is not the paper's recursion but what follows from
    counting votes; it never promises more.

    Args:
        scores: (M, K, C), what each of K base models gives each class.
        reach: As in `plurality`.
    """
    board = _board(scores, reach)
    first = board.votes.argmax(1)
    second = board.votes.scatter(1, first[:, None], -1).argmax(1)
    low, high = torch.minimum(first, second), torch.maximum(first, second)
    wins = 2 * board.preferring(high, low).sum(1) > scores.shape[1]  # of equals, the lower class
    answers, other = torch.where(wins, high, low), torch.where(wins, low, high)
    ways = [
        _into_final(board, torch.full_like(answers, each), answers, other) for each in range(scores.shape[2])
    ]
    ways += [_both_ahead(board, pair, answers) for pair in combinations(range(scores.shape[2]), 2)]
    return Certified(answers, torch.stack(ways).amin(0) - 1)


_NEVER = 2**40


@dataclass(frozen=True, eq=False)
class _Board:
    """The votes of K base models on M samples, and what changed parts can do to them.

    Args:
        scores: (M, K, C).
        reach: (P, d), the models that each part feeds.
        choices: (M, K), the class that each model puts first.
        votes: (M, C), how many models put each class first.
    """

    scores: Tensor
    reach: Tensor
    choices: Tensor
    votes: Tensor

    def preferring(self, one: Tensor, two: Tensor) -> Tensor:
        """Which models score class `one` (M,) above class `two`, of equals the lower: (M, K) bool."""
        mine, theirs = (
            self.scores.gather(2, each[:, None, None].expand(-1, self.scores.shape[1], 1))[..., 0]
            for each in (one, two)
        )
        return (mine > theirs) | ((mine == theirs) & (one < two)[:, None])

    def gap(self, one: Tensor, two: Tensor) -> Tensor:
        """Votes that class `one` must make up to rank ahead of class `two`: (M,)."""
        rows = torch.arange(len(one))
        return self.votes[rows, two] - self.votes[rows, one] + (one > two).long()

    def parts_to_pass(self, one: Tensor, two: Tensor) -> Tensor:
        """Parts that must change before class `one` ranks ahead of class `two`; never ahead of itself: (M,)."""
        gain = 1 + (self.choices == two[:, None]).long() - (self.choices == one[:, None]).long()
        return torch.where(one == two, _NEVER, self.parts_to_gain(gain, self.gap(one, two)))

    def parts_to_gain(self, gain: Tensor, gap: Tensor) -> Tensor:
        """Parts that must change to make up `gap` (M,) where each model can give `gain` (M, K): (M,)."""
        each = gain[:, self.reach].sum(2)
        highest = int(each.max())
        parts = torch.zeros(len(each), highest + 1, dtype=torch.long).scatter_add(
            1, each, torch.ones_like(each)
        )
        left, needed = gap.clamp_min(0), torch.zeros_like(gap)
        for value in range(highest, 0, -1):
            taken = torch.minimum(parts[:, value], (left + value - 1) // value)
            left, needed = (left - taken * value).clamp_min(0), needed + taken
        return torch.where(left > 0, _NEVER, needed)


def _board(scores: Tensor, reach: Tensor | None) -> _Board:
    choices = scores.argmax(2)
    votes = torch.nn.functional.one_hot(choices, scores.shape[2]).sum(1)
    own = torch.arange(scores.shape[1])[:, None]
    return _Board(scores, own if reach is None else reach, choices, votes)


def _both_ahead(board: _Board, pair: tuple[int, int], answers: Tensor) -> Tensor:
    """Parts that must change before both classes rank ahead of the answer: (M,)."""
    one, two = (torch.full_like(answers, each) for each in pair)
    alone = torch.maximum(board.parts_to_pass(one, answers), board.parts_to_pass(two, answers))
    gaps = board.gap(one, answers) + board.gap(two, answers)
    chosen = board.choices[..., None]
    own = (chosen == answers[:, None, None])[..., 0]
    theirs = (chosen == torch.tensor(pair)).any(2)
    gain = torch.where(own, 3, torch.where(theirs, 0, 1))
    return torch.maximum(alone, board.parts_to_gain(gain, gaps))


def _into_final(board: _Board, new: Tensor, answers: Tensor, other: Tensor) -> Tensor:
    """Parts that must change before class `new` meets the answer in the final and beats it: (M,)."""
    entry = torch.where(new == other, 0, board.parts_to_pass(new, other))
    prefer = board.preferring(new, answers)
    duel = board.scores.shape[1] - 2 * prefer.sum(1) + (new > answers).long()
    beat = board.parts_to_gain(2 * (~prefer).long(), duel)
    return torch.where(new == answers, _NEVER, torch.maximum(entry, beat))
