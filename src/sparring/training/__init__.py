"""Training: one loop for plain nets, adversarial training and victims of poisoning."""

from sparring.training.augment import Augment, Mirrored, Shifted
from sparring.training.loop import fit
from sparring.training.measures import Measure, Measured, Under, clean_accuracy
from sparring.training.minibatch import Minibatch
from sparring.training.nets import small_net, small_nets
from sparring.training.objectives import Objective, plain
from sparring.training.optimisers import SGD, Adam, Optimiser, Schedule, constant, cosine, one_cycle
from sparring.training.progress import Fitted, Progress
from sparring.training.recipe import Recipe
from sparring.training.robust.adversarial import Adversarial, RobustLoss, at_adversarial, pgd_at
from sparring.training.robust.awp import WeightPerturbed, with_awp
from sparring.training.robust.divergence import Trades, trades
from sparring.training.robust.inner import Find, Inner
from sparring.training.robust.misclassified import Mart, mart
from sparring.training.robust.single_step import NoisyStep, RandomStep, fgsm_rs, n_fgsm
from sparring.training.setup import Setup
from sparring.training.state import Epoch

__all__ = [
    "SGD",
    "Adam",
    "Adversarial",
    "Augment",
    "Epoch",
    "Find",
    "Fitted",
    "Inner",
    "Mart",
    "Measure",
    "Measured",
    "Minibatch",
    "Mirrored",
    "NoisyStep",
    "Objective",
    "Optimiser",
    "Progress",
    "RandomStep",
    "Recipe",
    "RobustLoss",
    "Schedule",
    "Setup",
    "Shifted",
    "Trades",
    "Under",
    "WeightPerturbed",
    "at_adversarial",
    "clean_accuracy",
    "constant",
    "cosine",
    "fgsm_rs",
    "fit",
    "mart",
    "n_fgsm",
    "one_cycle",
    "pgd_at",
    "plain",
    "small_net",
    "small_nets",
    "trades",
    "with_awp",
]
