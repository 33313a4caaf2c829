from collections import OrderedDict
from types import SimpleNamespace
from typing import Any

import pytest
import torch

from sparring.errors import ModelError, UsageError
from sparring.models.outputs import ADAPTERS, adapter, recognise, tensor_in

LOGITS = torch.tensor([[2.0, -1.0, 0.5], [0.0, 1.0, 3.0]])


@pytest.mark.parametrize(
    "outputs",
    [
        LOGITS,
        (LOGITS, None),
        [LOGITS],
        {"logits": LOGITS, "loss": torch.tensor(1.0)},
        OrderedDict(scores=LOGITS),
        SimpleNamespace(logits=LOGITS),
        LOGITS[..., None, None],
    ],
    ids=["tensor", "tuple", "list", "dict", "one entry", "object", "(B, C, 1, 1)"],
)
def test_logits_are_found(outputs: Any) -> None:
    assert torch.equal(tensor_in(outputs), LOGITS)
    assert recognise(outputs)[0] == "logits"


@pytest.mark.parametrize(
    "outputs", [None, "text", {"a": LOGITS, "b": LOGITS}, (), {"logits": 3}, torch.tensor(1.0), LOGITS[None]]
)
def test_what_is_no_logits_is_one_sentence(outputs: Any) -> None:
    with pytest.raises(ModelError):
        tensor_in(outputs)


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64, torch.bfloat16, torch.float16])
def test_probabilities_become_logits_of_the_same_type_and_classes(dtype: torch.dtype) -> None:
    outputs = LOGITS.to(dtype).softmax(1)
    name, note = recognise(outputs)
    assert name == "probabilities"
    assert "probabilities" in str(note)
    found = adapter(name)(outputs)
    assert found.dtype == dtype
    assert torch.allclose(found.float(), LOGITS.log_softmax(1), atol=0.05)


def test_an_underflowed_probability_stays_finite() -> None:
    outputs = torch.tensor([[0.0, 1.0]], requires_grad=True)
    found = adapter("probabilities")(outputs)
    (gradient,) = torch.autograd.grad(found.sum(), outputs)
    assert found.isfinite().all()
    assert gradient.isfinite().all()


@pytest.mark.parametrize("shape", [(3,), (3, 1)])
def test_one_logit_becomes_two(shape: tuple[int, ...]) -> None:
    logit = torch.tensor([-1.5, 0.0, 4.0], requires_grad=True)
    assert recognise(logit.reshape(shape))[0] == "logit"
    found = adapter("logit")(logit.reshape(shape))
    assert torch.equal(found, torch.tensor([[0, -1.5], [0, 0], [0, 4.0]]))
    assert torch.autograd.grad(found[:, 1].sum(), logit)[0].tolist() == [1, 1, 1]


def test_one_probability_is_not_guessed_but_can_be_said() -> None:
    outputs = torch.tensor([[0.2], [0.9]])
    with pytest.raises(ModelError, match='outputs="probabilities"'):
        recognise(outputs)
    assert adapter("probabilities")(outputs).argmax(1).tolist() == [0, 1]


def test_log_probabilities_are_logits() -> None:
    assert recognise(LOGITS.log_softmax(1))[0] == "logits"


def test_a_column_is_refused_where_several_come() -> None:
    with pytest.raises(ModelError, match="3 columns"):
        adapter("logit")(LOGITS)


def test_a_class_that_nobody_knew_of_is_another_class() -> None:
    found = adapter("labels:3+")(torch.tensor([0, 2, 3, 900, -1]))
    assert found.argmax(1).tolist() == [0, 2, 3, 3, 3] and found.shape == (5, 4)
    for odd in (0.5, float("inf"), -0.5):
        with pytest.raises(ModelError, match="none of the 4 classes"):
            adapter("labels:3+")(torch.tensor([1.0, odd]))
    silent = adapter("labels:3+")(torch.tensor([1.0, float("nan")]))
    assert silent.isnan().all(1).tolist() == [False, True], "no answer is no class"
    for name in ("labels:+", "labels:3++", "labels:-3"):
        with pytest.raises(UsageError, match="no kind of outputs"):
            adapter(name)


def test_raw_changes_nothing() -> None:
    thing = object()
    assert adapter("raw")(thing) is thing


def test_a_wrong_name_tells_the_nearest() -> None:
    with pytest.raises(UsageError, match='did you mean "logit"'):
        adapter("logitz")
    assert set(ADAPTERS) == {"auto", "logits", "logit", "probabilities", "labels", "raw"}
