import pytest
import torch

import sparring
from sparring.errors import DataError
from sparring.training import small_net, small_nets


@pytest.mark.parametrize("shape", [(1, 28, 28), (1, 30, 17), (3, 32, 32), (7,)])
def test_a_net_fits_its_samples(shape):
    inputs = torch.rand(20, *shape)
    samples = sparring.load_data((inputs, torch.arange(20) % 4))
    state = torch.get_rng_state()
    net = small_net(samples)
    assert torch.equal(state, torch.get_rng_state()) and not net.training
    assert net(inputs).shape == (20, 4)
    assert net[0](inputs).transpose(0, 1).flatten(1).mean(1).abs().max() < 1e-3
    again, other = small_net(samples), small_net(samples, seed=1)
    assert torch.equal(net(inputs), again(inputs)) and not torch.equal(net(inputs), other(inputs))


@pytest.mark.parametrize(("shape", "kinds"), [((1, 28, 28), 2), ((3, 30, 17), 2), ((7,), 1)])
def test_there_is_a_net_of_each_kind_and_that_of_small_net_comes_first(shape, kinds):
    samples = sparring.load_data((torch.rand(20, *shape), torch.arange(20) % 4))
    nets = small_nets(samples, 4, seed=3)
    assert [net(samples.inputs).shape for net in nets] == kinds * [(20, 4)]
    assert small_nets(samples, 9)[0](samples.inputs).shape == (20, 9)
    assert torch.equal(nets[0](samples.inputs), small_net(samples, seed=3)(samples.inputs))


def test_a_feature_that_never_varies_is_no_fault():
    samples = sparring.load_data((torch.ones(6, 3), torch.arange(6) % 2))
    assert small_net(samples)(samples.inputs).isfinite().all()


def test_other_shapes_need_a_net_of_ones_own():
    with pytest.raises(DataError, match=r"no small net for samples of shape \(5, 4\)"):
        small_net(sparring.load_data((torch.rand(6, 5, 4), torch.arange(6) % 2)))
