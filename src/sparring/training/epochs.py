"""What happens between epochs: measure, keep the best, see whether it is worth going on."""

from __future__ import annotations

from dataclasses import replace

from sparring.training.course import Course
from sparring.training.robust.inner import set_mode
from sparring.training.state import Epoch, State

__all__ = ["measured"]

COLLAPSE, WORTH = 0.5, 0.05
"""Robust accuracy below this share of its best is a collapse, if the best was worth something."""


def measured(state: State, course: Course) -> State:
    """The state with an entry more in its curve; the best weights are kept."""
    entry = _entry(state, course)
    number, curve = len(state.curve), (*state.curve, entry)
    if not state.curve or entry.score is None or entry.score > (state.curve[state.best].score or 0.0):
        weights = {name: each.clone() for name, each in state.average.state_dict().items()}
        return replace(state, curve=curve, best=number, weights=weights)
    state = replace(state, curve=curve)
    return _remedied(state, course) if _collapsed(state) else state


def _entry(state: State, course: Course) -> Epoch:
    """What is measured of the model as it is."""
    set_mode(state.average, training=False)
    found = None
    if course.validation is not None:
        found = course.recipe.measure(state.average, course.validation)
    loss = float(state.losses[len(state.curve) - 1].mean()) if state.curve else None
    clean, robust = (None, None) if found is None else (found.clean, found.robust)
    return Epoch(loss, clean, robust, state.seconds)


def _collapsed(state: State) -> bool:
    """Catastrophic overfitting: the loss on what the training itself finds falls, robust accuracy breaks down."""
    now, before, best = state.curve[-1], state.curve[-2], state.curve[state.best]
    if now.robust is None or best.robust is None or now.loss is None or before.loss is None:
        return False
    return best.robust >= WORTH and now.robust < COLLAPSE * best.robust and now.loss < before.loss


def _remedied(state: State, course: Course) -> State:
    """Go back to the best epoch's weights with the objective that is the remedy; end if there is none."""
    epoch = len(state.curve) - 1
    if course.recipe.remedy is None or state.remedied is not None:
        return replace(
            state,
            reason=f"catastrophic overfitting in epoch {epoch}: robust accuracy fell from "
            f"{state.curve[state.best].robust:.0%} to {state.curve[-1].robust:.0%} while the loss fell; "
            "train with an attack of several steps",
        )
    state.model.load_state_dict(state.weights)
    state.average.load_state_dict(state.weights)
    optimiser = course.recipe.optimiser(state.model.parameters())
    return replace(state, optimiser=optimiser, remedied=epoch)
