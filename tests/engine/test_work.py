"""What a search does and holds beside the model, counted: figures that no load on the machine can change.

Times are measured by `bench/overhead.py` and `bench/memory.py`. A bound that breaks here says that each look became
dearer for every attack; raise it only for something that is worth that.
"""

from collections import Counter
from functools import partial

import pytest
import torch
from torch import nn
from torch.profiler import ProfilerActivity, profile
from torch.utils._python_dispatch import TorchDispatchMode

from sparring.attacks import APGD, PGD, Square
from sparring.domain import Domain
from sparring.draws import Draws
from sparring.engine import Task, search
from sparring.threat import Linf, Untargeted

ROWS, SHAPE = 16, (3, 16, 16)
FEW, MANY = 50, 100
VIEWS = {"alias", "detach", "expand", "permute", "select", "slice", "squeeze", "unbind", "unsqueeze", "view"}


class _Counted(TorchDispatchMode):
    """Counts operations, and the numbers that they write."""

    def __init__(self):
        super().__init__()
        self.seen = Counter()

    def __torch_dispatch__(self, operation, types, args=(), kwargs=None):
        made = operation(*args, **(kwargs or {}))
        self.seen["operations"] += 1
        if operation.overloadpacket.__name__ not in VIEWS:
            written = made if isinstance(made, tuple | list) else (made,)
            self.seen["numbers"] += sum(each.numel() for each in written if isinstance(each, torch.Tensor))
        return made


def _task(model):
    inputs = torch.rand(ROWS, *SHAPE, generator=torch.Generator().manual_seed(0))
    with torch.no_grad():
        labels = model(inputs).argmax(1)
    threat = Linf(8 / 255).bind(inputs, Domain(0.0, 1.0, None, SHAPE))
    return Task(inputs, Untargeted(labels), threat, Draws(torch.arange(ROWS)))


def _counted(attack):
    """Operations per look, and inputs written per look, beyond what a search costs once."""
    task = _task(_first_values)
    counts = []
    for steps in (FEW, MANY):
        with _Counted() as counted:
            search(_first_values, task, attack(steps), retire="never", batch=ROWS)
        counts.append(counted.seen)
    looks, more = MANY - FEW, counts[1] - counts[0]
    return more["operations"] / looks, more["numbers"] / looks / task.inputs.numel()


def _first_values(inputs):
    return inputs.flatten(1)[:, :10]


@pytest.mark.parametrize(
    ("attack", "operations", "written"), [(PGD, 190, 10.5), (APGD, 230, 18.0), (Square, 250, 9.0)]
)
def test_a_look_costs_no_more_beside_the_model(attack, operations, written):
    seen = _counted(attack)
    assert seen[0] <= operations
    assert seen[1] <= written


def _most_held(work):
    """Most bytes of tensors at once, beyond those that were there."""
    with profile(activities=[ProfilerActivity.CPU], profile_memory=True) as seen:
        work()
    events = [event for event in seen.profiler.kineto_results.events() if event.name() == "[memory]"]
    held = most = 0
    for event in sorted(events, key=lambda event: event.start_ns()):
        held += event.nbytes()
        most = max(most, held)
    return most


def _climb(model, inputs):
    points = inputs.detach().requires_grad_()
    torch.autograd.grad(model(points).sum(), points)


@pytest.mark.parametrize(("attack", "copies"), [(PGD(5), 4.5), (APGD(10), 7.5), (Square(10), 0.0)])
def test_a_search_holds_a_few_batches_beside_the_model(attack, copies):
    torch.manual_seed(0)
    net = nn.Sequential(
        nn.Conv2d(3, 32, 3), nn.ReLU(), nn.Conv2d(32, 8, 3), nn.Flatten(), nn.Linear(1152, 10)
    )
    task = _task(net)
    own = _most_held(partial(_climb, net, task.inputs))
    held = _most_held(partial(search, net, task, attack, retire="never", batch=ROWS))
    assert held - own <= copies * task.inputs.numel() * 4
