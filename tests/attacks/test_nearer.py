"""A search that keeps to a share of what is allowed."""

import pytest
import torch

from sparring.attacks import PGD, Nearer
from sparring.engine import search
from sparring.testing import half_space
from sparring.threat import L2, Linf


@pytest.mark.parametrize("threat", [Linf(0.1), L2(0.4)], ids=lambda threat: threat.norm)
def test_it_stays_within_its_share_and_breaks_what_is_there(threat):
    problem = half_space(threat, rows=60)
    whole = search(problem.model, problem.task, PGD(20))
    near = search(problem.model, problem.task, Nearer(PGD(20), 0.5), retire="never", keep="last")
    away = problem.task.threat.distance(near.adversarial, problem.task.inputs)
    assert bool((away <= 0.5 * threat.eps + 1e-6).all())
    assert 0 < int(near.success.sum()) < int(whole.success.sum())
    assert bool((whole.success | ~near.success).all()), "what is near is in the whole set"
    assert torch.isfinite(near.margin).all()
