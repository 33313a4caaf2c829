"""Two processes, as torchrun starts them, train what one trains."""

import os
import subprocess
import sys
from pathlib import Path

import torch
from torch import distributed, nn

import sparring
from sparring.training import SGD, Recipe, fit


def trained(middle):
    """Weights and losses of a small training."""
    inputs = torch.rand(60, 2, generator=torch.Generator().manual_seed(1))
    samples = sparring.load_data((inputs, (inputs[:, 0] > inputs[:, 1]).long()))
    torch.manual_seed(3)
    model = nn.Sequential(nn.Linear(2, 8), middle, nn.Tanh(), nn.Linear(8, 2))
    fitted = fit(model, samples, Recipe(epochs=2, minibatch=15, optimiser=SGD(0.05)), validation=samples)
    return fitted.model.state_dict(), fitted.losses


def main():
    torch.set_num_threads(1)
    distributed.init_process_group("gloo")
    found = [trained(nn.Identity()), trained(nn.BatchNorm1d(8))]
    torch.save(found, f"{sys.argv[1]}/{distributed.get_rank()}.pt")
    distributed.destroy_process_group()


def test_two_processes_train_what_one_trains(tmp_path):
    address = {"MASTER_ADDR": "127.0.0.1", "MASTER_PORT": str(29500 + os.getpid() % 10000), "WORLD_SIZE": "2"}
    crew = [
        subprocess.Popen(
            [sys.executable, Path(__file__), tmp_path], env={**os.environ, **address, "RANK": str(rank)}
        )
        for rank in range(2)
    ]
    assert [each.wait(timeout=300) for each in crew] == [0, 0]
    one, two = (torch.load(tmp_path / f"{rank}.pt") for rank in range(2))
    for (first, losses), (second, others) in zip(one, two, strict=True):
        assert all(torch.equal(first[name], second[name]) for name in first) and torch.equal(losses, others)
    weights, losses = one[0]
    alone, expected = trained(nn.Identity())
    assert all(torch.allclose(alone[name], weights[name], atol=1e-5) for name in alone)
    assert torch.allclose(losses, expected, atol=1e-5)
    assert not torch.equal(one[1][0]["1.running_mean"], torch.zeros(8))


if __name__ == "__main__":
    main()
