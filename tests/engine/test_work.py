"""What a search does and holds beside the model, counted: figures that no load on the machine can change.

Times are measured by `bench/overhead.py`, `bench/smallest_overhead.py` and `bench/memory.py`. A bound that breaks here
says that each look became dearer; raise it only for something that is worth that.
"""

from collections import Counter
from functools import partial

import pytest
import torch
from torch import nn
from torch.profiler import ProfilerActivity, profile
from torch.utils._python_dispatch import TorchDispatchMode

from sparring.attacks import (
    ALMA,
    APGD,
    DDN,
    FAB,
    FMN,
    PDPGD,
    PGD,
    BrendelBethge,
    CarliniWagner,
    NearestClass,
    SigmaZero,
    Square,
    SuperDeepFool,
)
from sparring.domain import Domain
from sparring.draws import Draws
from sparring.engine import Task, search
from sparring.threat import Untargeted, parse_threat

ROWS, SHAPE = 16, (3, 16, 16)
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


def _task(model, threat="linf:8/255"):
    inputs = torch.rand(ROWS, *SHAPE, generator=torch.Generator().manual_seed(0))
    with torch.no_grad():
        labels = model(inputs).argmax(1)
    bound = parse_threat(threat).bind(inputs, Domain(0.0, 1.0, None, SHAPE))
    return Task(inputs, Untargeted(labels), bound, Draws(torch.arange(ROWS)))


def _counted(attack, threat="linf:8/255", keep="first", model=None, lengths=(50, 100)):
    """Operations per look, and inputs written per look, beyond what a search costs once."""
    model = _first_values if model is None else model
    task = _task(model, threat)
    counts, looks = [], []
    for steps in lengths:
        with _Counted() as counted:
            found = search(model, task, attack(steps), retire="never", keep=keep, batch=ROWS)
        counts.append(counted.seen)
        looks.append(int(found.asks.max()))
    looks, more = looks[1] - looks[0], counts[1] - counts[0]
    return more["operations"] / looks, more["numbers"] / looks / task.inputs.numel()


SMALLEST = {
    "fmn-l2": ("l2:min", FMN),
    "fmn-linf": ("linf:min", FMN),
    "fmn-l1": ("l1:min", FMN),
    "fmn-l0": ("l0:min", FMN),
    "ddn": ("l2:min", DDN),
    "alma": ("l2:min", ALMA),
    "pdpgd-linf": ("linf:min", PDPGD),
    "pdpgd-l2": ("l2:min", PDPGD),
    "pdpgd-l1": ("l1:min", PDPGD),
    "sigma-zero": ("l0:min", SigmaZero),
    "brendel-bethge": ("l2:min", BrendelBethge),
    "super-deepfool": ("l2:min", SuperDeepFool),
    "carlini-wagner": ("l2:min", lambda moves: CarliniWagner(2, moves)),
    "fab": ("l2:min", FAB),
    "nearest-fmn": ("l2:min", lambda steps: NearestClass(FMN(steps))),
}


def _first_values(inputs):
    return inputs.flatten(1)[:, :10]


@pytest.mark.parametrize(
    ("attack", "operations", "written"), [(PGD, 155, 10.0), (APGD, 195, 17.5), (Square, 245, 4.5)]
)
def test_a_look_costs_no_more_beside_the_model(attack, operations, written):
    seen = _counted(attack)
    assert seen[0] <= operations
    assert seen[1] <= written


@pytest.mark.parametrize(
    ("name", "operations", "written"),
    [
        ("fmn-l2", 330, 18.5),
        ("fmn-linf", 230, 12.8),
        ("fmn-l1", 640, 50.0),
        ("fmn-l0", 280, 18.3),
        ("ddn", 220, 16.2),
        ("alma", 300, 18.5),
        ("pdpgd-linf", 505, 46.5),
        ("pdpgd-l2", 405, 31.0),
        ("pdpgd-l1", 260, 39.5),
        ("sigma-zero", 265, 32.0),
        ("brendel-bethge", 380, 37.5),
        ("super-deepfool", 470, 51.0),
        ("carlini-wagner", 260, 27.5),
        ("fab", 425, 35.8),
        ("nearest-fmn", 385, 19.8),
    ],
)
def test_a_look_for_the_smallest_change_costs_no_more_beside_the_model(name, operations, written):
    threat, attack = SMALLEST[name]
    weights = torch.randn(10, 768, generator=torch.Generator().manual_seed(0)) / 28
    seen = _counted(attack, threat, "closest", lambda points: points.flatten(1) @ weights.T, (10, 30))
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


@pytest.mark.parametrize(("attack", "copies"), [(PGD(5), 4.5), (APGD(10), 7.5), (Square(10), 1.0)])
def test_a_search_holds_a_few_batches_beside_the_model(attack, copies):
    torch.manual_seed(0)
    net = nn.Sequential(
        nn.Conv2d(3, 32, 3), nn.ReLU(), nn.Conv2d(32, 8, 3), nn.Flatten(), nn.Linear(1152, 10)
    )
    task = _task(net)
    own = _most_held(partial(_climb, net, task.inputs))
    held = _most_held(partial(search, net, task, attack, retire="never", batch=ROWS))
    assert held - own <= copies * task.inputs.numel() * 4
