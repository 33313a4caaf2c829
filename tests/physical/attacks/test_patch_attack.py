"""Patches reach their goal, keep to what was asked, and are the same each time."""

import pytest
import torch
from torch import nn

from sparring.physical import PatchAttack, load_scenario
from sparring.physical.attacks.patch_attack import fit_patch, reached
from sparring.physical.channel.channel import Channel
from sparring.physical.scene.placement import place_patch
from tests.physical.small import SIZE, net, pictures, placement

ATTACK = PatchAttack(steps=15, looks=8, step_size=0.2)


def noisy():
    """A net that wants neighbouring pixels to differ."""
    torch.manual_seed(0)
    return nn.Sequential(nn.Flatten(), nn.Linear(3 * SIZE * SIZE, 3))


def fitted(target, channel, attack=ATTACK, model=None, **options):
    objects = pictures()
    return fit_patch(
        model or net(), objects, placement(), channel, target=target, size=SIZE, attack=attack, **options
    )


@pytest.mark.parametrize("target", [2, None])
def test_a_patch_wins_on_pictures_and_draws_that_it_never_saw(target):
    channel = Channel(load_scenario("scanner"), 48, SIZE)
    patch = fitted(target, channel)
    assert patch.min() >= 0 and patch.max() <= 1 and not patch.requires_grad
    inputs, labels = pictures(9, seed=1)
    other = labels != 2 if target == 2 else labels >= 0
    keys = [f"unseen {row}" for row in range(9)]
    seen = channel.through(place_patch(inputs, patch, placement()), keys)
    before = channel.through(place_patch(inputs, None, placement()), keys)
    won = reached(net()(seen), labels, target)[other].float().mean()
    assert won - reached(net()(before), labels, target)[other].float().mean() >= 0.5


def test_the_same_seed_gives_the_same_patch_and_every_step_is_told():
    told = []
    few = PatchAttack(steps=3, looks=8)
    first = fitted(2, None, few, progress=told.append)
    assert torch.equal(first, fitted(2, None, few)) and not torch.equal(first, fitted(2, None, few, seed=1))
    assert [each.step for each in told] == [1, 2, 3] and {each.steps for each in told} == {3}


def test_a_training_goes_on_from_the_patch_that_it_is_given():
    begin = torch.rand(3, 4, 4, generator=torch.Generator().manual_seed(1))
    kept = begin.clone()
    moved = (fitted(2, None, PatchAttack(1, 8, 0.05), begin=begin) - begin).abs()
    assert torch.equal(begin, kept) and 0 < moved.max() <= 0.0501


def test_smoothness_and_palette_are_kept_to():
    rough = fitted(2, None, model=noisy())
    smooth = fitted(2, None, PatchAttack(15, 8, 0.2, smooth=50.0), noisy())
    assert smooth.diff(dim=1).abs().mean() < 0.5 * rough.diff(dim=1).abs().mean()
    palette = torch.tensor([[0.2, 0.2, 0.7], [0.8, 0.8, 0.8]])
    kept = fitted(2, None, PatchAttack(60, 8, 0.1, palette=palette, printable=100.0))
    assert torch.cdist(kept.flatten(1).T, palette).amin(1).mean() < 0.1
