"""A small net on small pictures, and a run on paper that was made with it in a second."""

import torch
from torch import nn

import sparring
from sparring.models import load_model
from sparring.physical import PatchAttack, Placement, Setting, load_scenario, make_print_run

SIZE = 16


def net():
    """Which of red, green and blue there is most of, in the whole picture; the middle counts three times."""
    weights = torch.ones(SIZE, SIZE)
    weights[5:11, 5:11] = 3
    layer = nn.Linear(3 * SIZE * SIZE, 3)
    with torch.no_grad():
        layer.weight.copy_(torch.kron(torch.eye(3), (weights / weights.sum() * 20).flatten()[None]))
        layer.bias.zero_()
    return nn.Sequential(nn.Flatten(), layer).eval()


def pictures(count=12, seed=0):
    """Reddish, greenish and bluish noise, with their classes."""
    draws = torch.Generator().manual_seed(seed)
    labels = torch.arange(count) % 3
    tints = 0.35 + 0.2 * torch.eye(3)[labels]
    noise = 0.2 * torch.rand(count, 3, SIZE, SIZE, generator=draws)
    return tints[:, :, None, None] + noise, labels


def placement(**changes):
    return Placement(
        **({"side": 48, "width": 24, "height": 24, "left": 12, "top": 12, "feature": 6} | changes)
    )


def small_run(target=2, photos=1, steps=12):
    setting = Setting(placement(), load_scenario("scanner"), target, photos)
    whole = sparring.load_data(pictures(18))
    learn, judge = whole.select(range(12)), whole.select(range(12, 18))
    return make_print_run(load_model(net()), learn, judge, setting, PatchAttack(steps, 8, 0.2))
