"""Probabilities that are rounded, or cut to the top classes."""

import pytest
import torch

import sparring
from sparring.attacks import Square
from sparring.errors import ModelError
from sparring.models import load_model, look
from sparring.models.coarse import coarse_words

INPUTS = torch.rand(16, 1, 8, 8, generator=torch.Generator().manual_seed(0))


def whole(inputs):
    torch.manual_seed(0)
    return torch.nn.Linear(64, 10)(inputs.flatten(1)).mul(4).softmax(1).detach()


def rounded(inputs):
    return whole(inputs).mul(100).round() / 100


def of_the_top(inputs):
    found = whole(inputs)
    return torch.where(found >= found.topk(3, 1).values[:, -1:], found, 0)


def both(inputs):
    return of_the_top(inputs).mul(100).round() / 100


WORDS = {
    rounded: "rounds its probabilities to 0.01",
    of_the_top: "top classes alone",
    both: "top classes alone",
}


@pytest.mark.parametrize("model", WORDS)
def test_they_are_attacked_and_the_report_says_so(model):
    run = sparring.audit(model, (INPUTS, whole(INPUTS).argmax(1)), "linf:0.1", [Square(60)])
    assert run.result["robust"] < 16, "nothing was found"
    assert any(WORDS[model] in note for note in run.result["model"]["notes"])


def test_others_get_no_note():
    for scores in (whole(INPUTS), whole(INPUTS).log(), torch.rand(8, 4), torch.eye(4), torch.zeros(2, 3)):
        assert coarse_words(scores) is None
    saturated = torch.tensor([[1.0, 0.0, 0.0], [0.9999, 1e-4 - 1e-9, 1e-9]])
    assert coarse_words(saturated) is None, "a softmax that has underflowed"


def test_rounded_probabilities_that_add_up_are_told_too():
    notes = look(load_model(halves), INPUTS).notes
    assert "logarithms are attacked" in notes[0] and "rounds its probabilities to 0.01" in notes[0]


def halves(inputs):
    first = whole(inputs)[:, :1].mul(100).round() / 100
    return torch.cat([first, 1 - first], 1)


def test_the_top_classes_without_places_are_refused_in_one_sentence():
    with pytest.raises(ModelError, match="labels go up to 9 but the model has 3 outputs"):
        look(load_model(lambda inputs: whole(inputs).topk(3, 1).values), INPUTS, torch.tensor([9]))
