"""Each defence answers as it must, has the gradient that it promises, and says what it cannot take."""

import pytest
import torch
from torch import nn

from sparring.defences import (
    JPEG,
    BitDepth,
    CropRescale,
    GaussianFilter,
    GaussianNoise,
    LocalGradients,
    MedianFilter,
    NoiseVote,
    Purified,
    RandomMix,
    RandomResizePad,
    Thermometer,
    TotalVariation,
    ViewVote,
)
from sparring.errors import ModelError, UsageError
from sparring.images import Denoiser, jpeg, train_denoiser
from sparring.models import load_model, look
from sparring.models.declared import as_written, ways_through

EDITS = [
    BitDepth(2), JPEG(50), MedianFilter(3), GaussianFilter(0.8), TotalVariation(), RandomResizePad(), CropRescale(),
    GaussianNoise(), RandomMix(), LocalGradients(0.5), Purified(lambda inputs: inputs / 2),
]  # fmt: skip


def _name(module):
    return type(module).__name__


@pytest.mark.parametrize("edit", EDITS, ids=_name)
def test_an_edit_keeps_the_shape_and_lets_gradients_through(edit):
    inputs = torch.rand(3, 3, 16, 16, requires_grad=True)
    edited = edit(inputs)
    assert edited.shape == inputs.shape
    edited.square().sum().backward()
    assert inputs.grad.isfinite().all()
    # a median passes the slope on to the pixels that are medians, a crop to those inside
    assert ((inputs.grad != 0).flatten(1).double().mean(1) > 0.3).all()


def test_much_detail_is_darkened_and_the_rest_left_alone():
    picture = torch.linspace(0.3, 0.7, 24).expand(1, 3, 24, 24).clone()
    draws = torch.Generator().manual_seed(0)
    picture[..., 12:18, 12:18] = torch.rand(3, 6, 6, generator=draws)
    kept = LocalGradients()(picture) / picture
    assert kept[..., 12:18, 12:18].mean() < 0.5 and kept.min() >= 0
    assert torch.allclose(kept[..., :8, :], torch.ones(()), atol=0.1)
    assert torch.allclose(LocalGradients(threshold=1.0)(picture), picture)
    for wrong in ({"strength": 0}, {"threshold": 2}, {"window": 1}):
        with pytest.raises(UsageError, match="strength is positive"):
            LocalGradients(**wrong)


@pytest.mark.parametrize("edit", [BitDepth(2), JPEG(50), Thermometer(4)], ids=_name)
def test_a_stand_in_changes_gradients_and_no_answer(edit):
    inputs = torch.rand(2, 1, 8, 8, requires_grad=True)
    assert torch.equal(edit(inputs), edit.plain(inputs))
    assert edit(inputs).requires_grad
    with as_written(edit):
        assert torch.equal(edit(inputs), edit.plain(inputs))
        assert not edit(inputs).requires_grad
    assert edit(inputs).requires_grad


def test_jpeg_answers_as_pillow_does():
    inputs = torch.rand(2, 3, 16, 16)
    assert torch.equal(JPEG(60)(inputs), jpeg(inputs, 60))


def test_a_thermometer_counts_levels():
    code = Thermometer(4)(torch.tensor([0.1, 0.2, 0.6, 1.0]).view(1, 1, 2, 2))
    assert code.sum(1).flatten().tolist() == [0.0, 1.0, 2.0, 4.0]


@pytest.mark.parametrize("edit", [RandomResizePad(), CropRescale(), GaussianNoise()], ids=_name)
def test_chances_differ_from_call_to_call(edit):
    inputs = torch.rand(2, 3, 16, 16)
    assert len({float(edit(inputs).sum()) for _ in range(6)}) > 1


def test_votes_are_means_of_probabilities():
    model, inputs = nn.Linear(4, 3), torch.rand(5, 4)
    views = [nn.Identity(), BitDepth(1)]
    expected = torch.stack([model(view(inputs)).softmax(-1) for view in views]).mean(0)
    torch.testing.assert_close(ViewVote(model, views)(inputs).exp(), expected)
    near = NoiseVote(model, 1e-6, draws=3)(inputs).exp()
    torch.testing.assert_close(near, model(inputs).softmax(-1), atol=1e-5, rtol=0)


def test_a_purifier_of_ones_own_may_have_a_stand_in():
    def outside(inputs):
        return torch.from_numpy(inputs.detach().numpy().round())

    inputs = torch.rand(2, 3, requires_grad=True)
    purified = Purified(outside, stand_in=lambda inputs: 2 * inputs)
    assert torch.equal(purified(inputs), inputs.detach().round())
    purified(inputs).sum().backward()
    assert (inputs.grad == 2).all()
    with pytest.raises(ModelError, match="must keep the shape"):
        Purified(lambda inputs: inputs[:, :2])(inputs)


def test_a_denoiser_learns_and_repeats_itself():
    clean = torch.linspace(0, 1, 12).expand(64, 1, 12, 12)
    first, again = (train_denoiser(clean, 0.2, steps=40, batch=16) for _ in range(2))
    noisy = clean + 0.2 * torch.randn_like(clean)
    assert (first(noisy) - clean).square().mean() < 0.5 * (noisy - clean).square().mean()
    assert all(map(torch.equal, first.state_dict().values(), again.state_dict().values()))
    assert isinstance(Purified(first).purify, Denoiser)


def test_a_model_says_how_attackers_get_through_its_defences():
    model = nn.Sequential(JPEG(75), BitDepth(4), BitDepth(3), nn.Flatten(), nn.Linear(64, 2))
    assert ways_through(lambda inputs: model(inputs)) == (JPEG.way, BitDepth.way)
    assert ways_through(nn.Linear(2, 2)) == ()


def test_a_first_look_sees_gradients_behind_a_declared_defence():
    model = nn.Sequential(JPEG(75), nn.Flatten(), nn.Linear(64, 2))
    assert look(load_model(model), torch.rand(8, 1, 8, 8)).gradients


@pytest.mark.parametrize(
    ("make", "said"),
    [
        (lambda: BitDepth(0), "from 1 to 8 bits"),
        (lambda: JPEG(100), "from 1 to 95"),
        (lambda: MedianFilter(4), "odd"),
        (lambda: GaussianFilter(0), "positive"),
        (lambda: TotalVariation(-1), "positive"),
        (lambda: RandomResizePad(1.5), "share"),
        (lambda: RandomMix(most=9), "can be drawn"),
        (lambda: Thermometer(0), "at least one level"),
        (lambda: NoiseVote(nn.Identity(), 0), "positive"),
        (lambda: ViewVote(nn.Identity(), []), "at least one view"),
    ],
)
def test_settings_that_make_no_sense_are_refused(make, said):
    with pytest.raises(UsageError, match=said):
        make()


def test_an_edit_of_images_refuses_what_is_none():
    with pytest.raises(ModelError, match="is for images"):
        MedianFilter()(torch.rand(2, 5))
