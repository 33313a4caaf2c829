"""Training: one loop for plain nets, adversarial training and victims of poisoning."""

from sparring.training.augment import Augment, Mirrored, Shifted
from sparring.training.loop import Fitted, Progress, fit
from sparring.training.measures import Measure, Measured, clean_accuracy
from sparring.training.minibatch import Minibatch
from sparring.training.nets import small_net
from sparring.training.objectives import Objective, plain
from sparring.training.optimisers import SGD, Adam, Optimiser, Schedule, constant, cosine, one_cycle
from sparring.training.recipe import Recipe
from sparring.training.state import Epoch

__all__ = [
    "SGD",
    "Adam",
    "Augment",
    "Epoch",
    "Fitted",
    "Measure",
    "Measured",
    "Minibatch",
    "Mirrored",
    "Objective",
    "Optimiser",
    "Progress",
    "Recipe",
    "Schedule",
    "Shifted",
    "clean_accuracy",
    "constant",
    "cosine",
    "fit",
    "one_cycle",
    "plain",
    "small_net",
]
