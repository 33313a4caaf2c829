"""One update of the weights: a function of the state, the seed and its number."""

from __future__ import annotations

import math
import time
from dataclasses import replace

import torch
from torch import Tensor

from sparring.training.course import Course
from sparring.training.processes import Team
from sparring.training.robust.inner import set_mode
from sparring.training.setup import Setup
from sparring.training.state import State

__all__ = ["last_loss", "updated"]

HOPELESS = 1000
"""A loss so many times the first one, or so large where that was below 1, does not come back."""


def updated(state: State, course: Course, setup: Setup, team: Team) -> State:
    """The state after one more update."""
    began = time.perf_counter()
    torch.manual_seed(course.seed_of("update", state.step, team.rank))
    rows = course.rows(state.step)
    set_mode(state.model, training=True)
    state.optimiser.zero_grad()
    losses = _gradients(state, course, setup, rows, team)
    for group in state.optimiser.param_groups:
        group["lr"] = course.recipe.optimiser.learning_rate * course.recipe.schedule(
            state.step / course.steps
        )
    state.optimiser.step()
    if team.size > 1:
        team.level(state.model)
    if course.recipe.averaging is not None:
        _average(state, course.recipe.averaging)
    own = rows < len(course.samples)
    state.losses[state.step // course.updates, rows[own]] = losses[own]
    state = replace(state, step=state.step + 1, seconds=state.seconds + time.perf_counter() - began)
    return replace(state, reason=_hopeless(state, course))


def last_loss(state: State, course: Course) -> float:
    """Mean loss of the last update; NaN before the first."""
    return _loss_of(state, course, max(0, state.step - 1))


def _gradients(state: State, course: Course, setup: Setup, rows: Tensor, team: Team) -> Tensor:
    """Put the gradient of the mean loss into the model's parameters; the loss of each row, on the CPU."""
    device = next(state.model.parameters()).device
    objective = course.objective(state.remedied)
    losses = []
    for part in setup.parts(team.share(rows)):
        minibatch = course.minibatch(state.step, part, device)
        with setup.casting(device):
            each = objective(state.model, minibatch)
        (each.sum() / len(rows)).backward()
        losses.append(each.detach())
    team.add(each.grad for each in state.model.parameters() if each.grad is not None)
    return team.whole(torch.cat(losses), rows).cpu()


@torch.no_grad()
def _average(state: State, keep: float) -> None:
    """Move the average towards the model; the first updates weigh more, or the start would never be forgotten."""
    keep = min(keep, (1 + state.step) / (10 + state.step))
    averages = state.average.state_dict()
    for name, value in state.model.state_dict().items():
        if value.is_floating_point():
            averages[name].lerp_(value, 1 - keep)
        else:
            averages[name].copy_(value)


def _hopeless(state: State, course: Course) -> str | None:
    """Why the training cannot go on, if it cannot."""
    epoch, loss = (state.step - 1) // course.updates + 1, last_loss(state, course)
    if not math.isfinite(loss):
        return f"the loss became {loss} in epoch {epoch}; lower the learning rate"
    if loss > HOPELESS * max(1.0, _loss_of(state, course, 0)):
        return f"the loss grew to {loss:.3g} in epoch {epoch}, without end; lower the learning rate"
    return None


def _loss_of(state: State, course: Course, step: int) -> float:
    rows = course.rows(step)
    return float(state.losses[step // course.updates, rows[rows < len(course.samples)]].mean())
