"""Each check fires on its fault and on no other, and none fires on a healthy model."""

from dataclasses import replace

import pytest
import torch
from torch import nn

import sparring
from sparring.attacks.suites import smoke, stages_for
from sparring.demo import nets
from sparring.evaluation.doctor import examine, foresee
from sparring.evaluation.doctor.inputs import check_grid, check_range
from sparring.evaluation.doctor.labels import check_chance, check_order
from sparring.evaluation.gates import Gates
from sparring.evaluation.gates.power import samples_needed
from sparring.models.normalised import Normalised
from sparring.threat import parse_threat


class Step(nn.Module):
    def __init__(self, function):
        super().__init__()
        self.function = function

    def forward(self, values):
        return self.function(values)


def expects(mean, std):
    """The plain net as if it had been trained on inputs that were normalised so."""
    return nn.Sequential(Step(lambda inputs: inputs * std + mean), nets.plain())


def after(function):
    return nn.Sequential(nets.plain(), Step(function))


def before(function):
    return nn.Sequential(Step(function), nets.plain())


@pytest.fixture(scope="module")
def samples():
    return sparring.load_data(nets.images(200))


def found(model, samples):
    """What is not in order, by name of the check."""
    checks = examine(sparring.load_model(model), samples)
    return {check.name: check for check in checks if check.status != "ok"}


HEALTHY = {
    "plain": nets.plain,
    "robust": nets.robust,
    "normalised-inside": lambda: nn.Sequential(Normalised([0.1307], [0.3081]), expects(0.1307, 0.3081)),
    "normalised-and-undone": lambda: nn.Sequential(
        Normalised([0.1307], [0.3081]), Normalised([-0.1307 / 0.3081], [1 / 0.3081]), nets.plain()
    ),
    "two-members": lambda: _Ensemble(),
    "log-softmax": lambda: nn.Sequential(nets.plain(), nn.LogSoftmax(1)),
    "in-training-mode": lambda: nn.Sequential(nn.Dropout(), nets.plain()).train(),
}


class _Ensemble(nn.Module):
    """Two members, each with a normalisation of its own."""

    def __init__(self):
        super().__init__()
        self.members = nn.ModuleList(HEALTHY["normalised-inside"]() for _ in range(2))

    def forward(self, inputs):
        return sum(member(inputs) for member in self.members)


@pytest.mark.parametrize("case", HEALTHY)
def test_a_healthy_model_gets_no_complaint(case, samples):
    assert not found(HEALTHY[case](), samples)


FAULTS = {
    "mnist-missing": (lambda: expects(0.1307, 0.3081), "normalisation", "missing"),
    "zero-centred-missing": (lambda: expects(0.5, 0.5), "normalisation", "missing"),
    "grey-levels-missing": (lambda: expects(0.0, 1 / 255), "normalisation", "missing"),
    "own-missing": (lambda: expects(0.7, 0.05), "normalisation", "missing"),
    "twice": (
        lambda: nn.Sequential(Normalised([0.1307], [0.3081]), HEALTHY["normalised-inside"]()),
        "normalisation",
        "normalised before",
    ),
    "twice-out-of-sight": (lambda: before(lambda x: (x - 0.6) / 0.5), "normalisation", "undone"),
    "softmax": (lambda: after(lambda z: z.softmax(1)), "outputs", "probabilities"),
    "noise": (lambda: after(lambda z: z + 0.1 * torch.randn_like(z)), "repeated calls", "differ"),
    "batch": (lambda: after(lambda z: z - z.mean(0)), "company in the batch", "differ"),
    "rounding": (lambda: before(lambda x: (x * 7).round() / 7), "gradients", "none reach the inputs"),
    "saturated": (lambda: after(lambda z: 1000 * z), "gradients", "cross-entropy vanish"),
    "detached": (lambda: before(lambda x: x.detach()), "gradients", "none reach"),
    "untrained": (nets.build, "clean accuracy", "hardly better"),
}
ALSO = {
    "zero-centred-missing": {"clean accuracy"},
    "grey-levels-missing": {"clean accuracy"},
    "own-missing": {"clean accuracy"},
    "noise": {"company in the batch"},
    "twice": {"gradients"},
}
"""What these faults rightly set off besides."""


@pytest.mark.parametrize("case", FAULTS)
def test_a_fault_is_found_and_nothing_else(case, samples):
    make, name, words = FAULTS[case]
    checks = found(make(), samples)
    assert words in checks[name].seen
    assert checks.keys() - ALSO.get(case, set()) == {name}


@pytest.mark.parametrize("case", ["mnist-missing", "zero-centred-missing", "grey-levels-missing"])
def test_the_normalisation_found_repairs_the_model(case, samples):
    check = found(FAULTS[case][0](), samples)["normalisation"]
    repaired = sparring.load_model(FAULTS[case][0](), **check.settings["model"])
    assert not found(repaired, samples)


@pytest.mark.parametrize(
    ("relabel", "words"),
    [
        (lambda labels: (labels + 1) % 10, "one too high"),
        (lambda labels: (labels - 1) % 10, "one too low"),
        (lambda labels: 9 - labels, "reverse"),
        (lambda labels: torch.tensor([2, 0, 7, 6, 8, 1, 4, 9, 5, 3])[labels], "exchanged"),
        (lambda labels: torch.tensor([0, 1, 2, 5, 4, 3, 6, 7, 8, 9])[labels], "exchanged"),
    ],
)
def test_labels_in_another_order_are_found(relabel, words, samples):
    checks = found(nets.plain(), replace(samples, labels=relabel(samples.labels)))
    assert words in checks["label order"].seen
    assert checks.keys() <= {"label order", "clean accuracy"}


def test_an_exchange_says_which_classes(samples):
    order = torch.tensor([0, 1, 2, 5, 4, 3, 6, 7, 8, 9])
    check = found(nets.plain(), replace(samples, labels=order[samples.labels]))["label order"]
    assert "output 3 is 5, 5 is 3" in check.fix


def test_classes_sorted_by_name_are_found(samples):
    names = ("zebra", "ant", "yak", "bee", "wolf", "cat", "viper", "dog", "owl", "emu")
    by_name = torch.tensor(sorted(range(10), key=names.__getitem__))
    logits = nn.functional.one_hot(by_name.argsort()[samples.labels], 10).float()
    check = check_order(logits, replace(samples, classes=names))
    assert "sorted order" in check.seen and check.status == "error"


def test_labels_by_chance_fit_no_order(samples):
    """Twenty draws of labels that nobody could predict: no order of classes explains them."""
    for seed in range(20):
        labels = torch.randint(10, (200,), generator=torch.Generator().manual_seed(seed))
        logits = nets.plain()(samples.inputs).detach()
        assert check_order(logits, replace(samples, labels=labels)).status == "ok"


@pytest.mark.parametrize("seed", range(6))
def test_a_weak_model_is_not_accused_of_anything(seed, samples):
    """Nets that noise on their weights has made weak: half to nine tenths correct, and nothing to repair."""
    net, generator = nets.plain(), torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for values in net.parameters():
            values += 0.8 * values.std() * torch.randn(values.shape, generator=generator)
    right = int((net(samples.inputs).argmax(1) == samples.labels).sum())
    assert 100 < right < 190
    assert not found(net, samples)


def test_accuracy_is_held_against_guessing_by_the_exact_test(samples):
    def right(count):
        said = torch.where(torch.arange(200) < count, samples.labels, (samples.labels + 3) % 10)
        return check_chance(nn.functional.one_hot(said, 10).float(), samples).status

    # at 1%, 31 of 200 can be told from guessing one class of ten, and 30 cannot
    assert (right(20), right(30), right(31), right(200)) == ("error", "error", "ok", "ok")


def test_few_samples_are_not_judged(samples):
    few = samples.limit(5)
    assert check_chance(torch.zeros(5, 10), few).status == "note"
    assert "error" not in {check.status for check in examine(sparring.load_model(nets.plain()), few)}
    assert "error" not in {
        check.status for check in examine(sparring.load_model(nets.plain()), samples.limit(1))
    }


def test_reversed_channels_are_found():
    inputs, labels = nets.images(200)
    net = nets.plain()
    colour = sparring.load_data((torch.cat([inputs, inputs / 4, inputs / 8], 1), labels))
    assert "channel order" not in found(lambda x: net(x[:, :1]), colour)
    checks = found(lambda x: net(x[:, 2:]) * (x[:, 2:].amax((1, 2, 3)) > 0.5).float()[:, None], colour)
    assert "reversed" in checks["channel order"].seen


@pytest.mark.parametrize(
    ("scale", "status"), [(1, "ok"), (1 / 255, "error"), (0.05, "warning"), (0, "error")]
)
def test_a_range_that_no_image_has_is_found(scale, status, samples):
    scaled = sparring.load_data((samples.inputs * scale, samples.labels))
    assert check_range(scaled).status == status


def test_tables_need_features():
    table = sparring.load_data((torch.randn(50, 4), torch.randint(2, (50,))))
    check = check_range(table)
    assert check.status == "warning" and "invalid: table data need [features]" in check.seen


def test_the_grid_and_an_eps_below_it(samples):
    assert check_grid(samples, parse_threat("linf:1/255")).status == "ok"
    assert check_grid(samples, parse_threat("linf:0.003")).status == "warning"
    assert check_grid(samples, parse_threat("l2:0.003")).status == "ok"
    between = sparring.load_data((samples.inputs * 0.999, samples.labels))
    assert check_grid(between).status == "note"


def test_outputs_that_are_not_what_was_said(samples):
    model = sparring.load_model(after(lambda z: z.softmax(1)), outputs="logits")
    check = found(model, samples)["outputs"]
    assert check.status == "error" and check.settings == {"model": {"outputs": "probabilities"}}


def test_the_model_is_left_as_it_was(samples):
    model = nn.Sequential(nets.plain(), nn.BatchNorm1d(10)).train()
    kept = {name: value.clone() for name, value in model.state_dict().items()}
    random = torch.get_rng_state()
    examine(sparring.load_model(model), samples)
    assert model.training and all(
        torch.equal(kept[name], value) for name, value in model.state_dict().items()
    )
    assert torch.equal(random, torch.get_rng_state())
    assert not any(module._forward_hooks for module in model.modules())


def prospects(samples, suite="standard", threat="linf:0.1", total=None, **demands):
    checks = foresee(
        sparring.load_model(nets.plain()), samples, parse_threat(threat), suite, Gates(**demands), total
    )
    return {check.name: check for check in checks}


def test_the_cost_bounds_what_an_audit_spends(samples):
    few = samples.limit(6)
    run = sparring.audit(nets.robust(), few, "linf:0.1", "smoke")
    most = 6 * sum(2 * (stage.attack.steps + 1) for stage in stages_for(smoke, "linf"))
    seen = prospects(few, "smoke")["cost"].seen
    assert f"{most // 6:,} passes each" in seen
    assert (
        run.result["forwards"] + run.result["backwards"] <= most + 2 * 6
    )  # the first look, and verification


def test_what_an_audit_would_refuse_is_told(samples):
    checks = prospects(samples, threat="linf:8")
    assert checks["audit"].status == "error" and "8/255" in checks["audit"].seen


GATES = {
    "never": ({"min_robust_accuracy": 0.999}, {}, "error", "never be met"),
    "counted": ({"min_robust_accuracy": 0.5}, {}, "ok", "counted"),
    "first-few": ({"min_robust_accuracy": 0.5}, {"total": 1000}, "warning", "fixed order"),
    "smoke": ({"min_robust_accuracy": 0.5}, {"suite": "smoke"}, "warning", "never pass"),
    "drop-only": ({"max_drop": 0.02}, {}, "ok", "no minimum"),
}


@pytest.mark.parametrize("case", GATES)
def test_gates_are_foreseen(case, samples):
    demands, options, status, words = GATES[case]
    check = prospects(samples, **options, **demands)["gate"]
    assert check.status == status and words in check.seen


def test_a_draw_too_small_names_the_number_that_decides(samples):
    needed = max(samples_needed(truth, 0.5) for truth in (0.45, 0.55))
    check = prospects(samples.sample(100), total=2000, min_robust_accuracy=0.5)["gate"]
    assert check.status == "warning" and check.fix == f"sample = {needed}"


def test_a_number_that_the_data_do_not_have_is_not_asked_for(samples):
    check = prospects(samples.sample(100), total=200, min_robust_accuracy=0.5)["gate"]
    assert check.status == "warning" and "all 200" in check.fix


def test_without_a_gate_none_is_foreseen(samples):
    assert "gate" not in prospects(samples)


def test_doctor_in_python(samples):
    checks = sparring.doctor(nets.plain(), samples, "linf:0.1", "smoke", sample=50)
    assert {check.status for check in checks} == {"ok"}
    assert max(check.samples for check in checks) == 50
