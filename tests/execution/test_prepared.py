"""Speed-ups answer as the model does, are taken only where they do, and leave the robust set as it is."""

import pytest
import torch
from torch import nn

import sparring
from sparring.attacks import APGD, Square, margin
from sparring.attacks.suites import Stage
from sparring.execution import PLAIN, prepared, prepared_model
from sparring.execution.folding import folded
from sparring.execution.frozen_script import scripted
from sparring.execution.memory_layout import channels_last
from sparring.execution.thin_convolutions import thin
from sparring.models import load_model, look

SUITE = (Stage("apgd", APGD(20, margin)), Stage("square", Square(100)))
INPUTS = torch.rand(32, 3, 8, 8, generator=torch.Generator().manual_seed(0))


class Branching(nn.Module):
    """Code that torch.fx cannot trace, around parts that it can."""

    def __init__(self):
        super().__init__()
        self.part = nn.Sequential(nn.Conv2d(3, 4, 3), nn.BatchNorm2d(4))
        self.head = nn.Linear(4 * 36, 5)

    def forward(self, inputs):
        found = self.part(inputs)
        return self.head(found.flatten(1) if float(found.detach().sum()) > 1e9 else found.relu().flatten(1))


def _net():
    torch.manual_seed(0)
    net = nn.Sequential(
        nn.Conv2d(3, 8, 3), nn.BatchNorm2d(8), nn.ReLU(), nn.Conv2d(8, 8, 3, bias=False), nn.BatchNorm2d(8),
        nn.Flatten(), nn.Linear(8 * 16, 5),
    )  # fmt: skip
    net = _lived_in(net)
    net[-1].bias.data -= net(INPUTS).mean(0)  # so that every class is answered sometimes
    return net


def _lived_in(net):
    """With statistics and weights of normalisation that are not those of the start."""
    for module in net.modules():
        if isinstance(module, nn.BatchNorm2d):
            for values, low, high in (
                (module.running_mean, -0.5, 0.5), (module.running_var, 0.5, 2), (module.weight.data, 0.5, 2),
                (module.bias.data, -1, 1),
            ):  # fmt: skip
                values.uniform_(low, high)
    return net.eval()


def _exported():
    return torch.export.export(_net(), (INPUTS,)).module()


NETS = {"module": _net, "exported": _exported, "branching": lambda: _lived_in(Branching())}


def _batch_norms(module):
    steps = [node.target for part in module.modules() if hasattr(part, "graph") for node in part.graph.nodes]
    modules = [part for part in module.modules() if isinstance(part, nn.BatchNorm2d)]
    return len(modules) + sum("batch_norm" in str(step) for step in steps)


@pytest.mark.filterwarnings("ignore::FutureWarning")
@pytest.mark.parametrize("net", NETS)
def test_folding_takes_every_normalisation_out_and_changes_no_answer(net):
    net = NETS[net]()
    assert _batch_norms(net) > 0, "there is nothing to fold"
    other = folded(net)
    assert torch.allclose(other(INPUTS), net(INPUTS), atol=1e-5)
    traced = not any(isinstance(each, Branching) for each in net.modules())
    assert _batch_norms(other) == 0 if traced else isinstance(other, Branching)
    assert not any(each.requires_grad for each in other.parameters())


def test_the_model_itself_is_not_touched():
    net = _net()
    before = {name: values.clone() for name, values in net.state_dict().items()}
    prepared(look(load_model(net), INPUTS), INPUTS)
    assert all(torch.equal(values, before[name]) for name, values in net.state_dict().items())
    assert all(each.requires_grad for each in net.parameters())


@pytest.mark.filterwarnings("ignore::FutureWarning")
def test_a_normalisation_of_two_users_stays():
    class Twice(nn.Module):
        def __init__(self):
            super().__init__()
            self.conv, self.norm = nn.Conv2d(3, 3, 1), nn.BatchNorm2d(3)

        def forward(self, inputs):
            found = self.conv(inputs)
            return (self.norm(found) + found).flatten(1)

    net = _lived_in(Twice())
    assert torch.allclose(folded(net)(INPUTS), net(INPUTS), atol=1e-5)
    exported = torch.export.export(net, (INPUTS,)).module()
    assert torch.allclose(folded(exported)(INPUTS), net(INPUTS), atol=1e-5)


def test_layout_and_script_answer_the_same():
    net = _net()
    assert torch.allclose(channels_last(net)(INPUTS), net(INPUTS), atol=1e-5)
    with torch.no_grad():
        assert torch.allclose(scripted(net, INPUTS)(INPUTS[:8]), net(INPUTS[:8]), atol=1e-5)


def _strided(**options):
    torch.manual_seed(0)
    return nn.Sequential(
        nn.Conv2d(3, 8, (4, 3), bias=False, **options), nn.Tanh(), nn.Flatten(), nn.LazyLinear(5)
    )


@pytest.mark.parametrize(
    "options",
    [{}, {"stride": 2, "padding": 1}, {"stride": (3, 2), "padding": (0, 2)}, {"dilation": 2, "padding": 2}],
    ids=str,
)
@pytest.mark.parametrize("exported", [False, True])
@pytest.mark.filterwarnings("ignore::FutureWarning")
def test_thin_convolutions_have_the_same_gradients(options, exported):
    net = _strided(**options)
    net(INPUTS)
    net = torch.export.export(net.eval(), (INPUTS,)).module() if exported else net
    other = thin(net)
    points = INPUTS.clone().requires_grad_()
    assert torch.equal(other(INPUTS), net(INPUTS))
    (gradient,) = torch.autograd.grad(other(points).square().sum(), points)
    (true,) = torch.autograd.grad(net(points).square().sum(), points)
    assert torch.allclose(gradient, true, rtol=1e-4, atol=1e-6)
    assert "_convolved" in str(getattr(other, "code", other)) or "_Thin" in str(other)


@pytest.mark.parametrize(
    "part",
    [nn.Conv2d(8, 4, 3), nn.Conv2d(4, 4, 3, groups=2), nn.Conv2d(3, 4, 3, padding="same"),
     nn.Conv2d(3, 4, 3, padding=1, padding_mode="reflect")],
    ids=str,
)  # fmt: skip
def test_convolutions_of_another_kind_stay_as_they_are(part):
    assert "_Thin" not in str(thin(nn.Sequential(part)))


def test_what_is_slower_or_answers_otherwise_is_not_taken(monkeypatch):
    model = look(load_model(_net()), INPUTS)
    off = {"off": lambda module, inputs: nn.Sequential(module, nn.Hardtanh(-0.1, 0.1))}
    fails = {"fails": lambda module, inputs: 1 / 0}
    for table in (off, fails):
        monkeypatch.setattr(prepared_model, "CLIMBS", table)
        monkeypatch.setattr(prepared_model, "LOOKS", table)
        monkeypatch.setattr(prepared_model, "GAIN", 0.0001)  # whatever it costs
        assert prepared(model, INPUTS).chosen == PLAIN
    slow = {"slow": lambda module, inputs: module}
    monkeypatch.setattr(prepared_model, "CLIMBS", slow)
    monkeypatch.setattr(prepared_model, "LOOKS", slow)
    monkeypatch.setattr(prepared_model, "GAIN", 3.0)
    assert prepared(model, INPUTS).chosen == PLAIN


@pytest.mark.parametrize("climb", ["plain", "folded", "folded, channels last", "folded, thin"])
@pytest.mark.parametrize("seen", ["plain", "folded", "scripted", "folded, scripted"])
def test_each_choice_can_be_made_again_by_name(climb, seen):
    net = _net()
    model = look(load_model(net), INPUTS)
    again = prepared(model, INPUTS, {"climb": climb, "look": seen}).model
    points = INPUTS.clone().requires_grad_()
    with torch.no_grad():
        assert torch.allclose(again(INPUTS[:16]), net(INPUTS[:16]), atol=1e-5)
    (gradient,) = torch.autograd.grad(again(points).square().sum(), points)
    (true,) = torch.autograd.grad(net(points).square().sum(), points)
    assert torch.allclose(gradient, true, rtol=1e-3, atol=1e-4)


def test_models_that_cannot_be_copied_or_draw_are_taken_as_they_are():
    net = _net()
    noisy = look(load_model(lambda inputs: net(inputs) + torch.randn(len(inputs), 5)), INPUTS)
    assert prepared(noisy, INPUTS).chosen == PLAIN
    plain = look(load_model(lambda inputs: net(inputs)), INPUTS)
    assert prepared(plain, INPUTS).model is plain


def _audit(**options):
    net = _net()
    inputs = torch.rand(70, 3, 8, 8, generator=torch.Generator().manual_seed(1))
    data = (inputs, net(inputs).argmax(1))
    return sparring.audit(net, data, "linf:0.02", SUITE, **options)


def test_the_robust_set_is_the_same_with_everything_on_and_everything_off(monkeypatch):
    plain = _audit(execution="plain")
    assert "execution" not in plain.result["body"]
    all_on = {"climb": "folded, channels last, thin", "look": "folded, scripted"}
    monkeypatch.setattr(
        "sparring.evaluation.auditing.prepared", lambda model, inputs, chosen: prepared(model, inputs, all_on)
    )
    fast = _audit()
    assert fast.result["body"]["execution"] == all_on
    assert 0 < plain.result["robust"] < 70
    assert fast.records["status"].equals(plain.records["status"])


def test_what_only_the_fast_way_breaks_does_not_count(monkeypatch):
    def lying(model, inputs, chosen):
        function = model.function
        wrong = model.having(function=lambda points: -function(points))
        return prepared_model.Prepared(wrong, {"climb": "folded", "look": "plain"})

    monkeypatch.setattr("sparring.evaluation.auditing.prepared", lying)
    run = _audit()
    assert run.result["robust"] > 0
    assert "unverified" not in {finding["id"] for finding in run.result["findings"]}


def test_a_choice_is_kept_for_whoever_goes_on(tmp_path):
    first = _audit(out=tmp_path / "run")
    again = _audit(out=tmp_path / "run", resume=True)
    assert again.result["body"]["execution"] == first.result["body"]["execution"]
    assert again.records.equals(first.records)
    assert list((tmp_path / "run" / "shards").glob("*.execution.json"))


def test_another_execution_is_refused_by_name():
    with pytest.raises(sparring.errors.UsageError, match=r"plian.*plain"):
        _audit(execution="plian")
