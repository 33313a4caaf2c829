"""Audits of models whose robustness is known."""

from dataclasses import replace

import pytest
import torch
from torch import nn

import sparring
from sparring.attacks import APGD, FAB, PGD, Square, margin
from sparring.attacks.suites import Stage
from sparring.domain import Domain
from sparring.errors import DataError, ModelError, UsageError
from sparring.testing import half_space
from sparring.threat import L1, L2, Linf

SUITE = (
    Stage("pgd", PGD(20, loss=margin)),
    Stage("fab", FAB(5), aims=1),
    Stage("square", Square(50), norms=("linf",)),
)


@pytest.fixture(scope="module")
def problem():
    return half_space(Linf(0.05), rows=40)


def _audit(problem, **options):
    data = (problem.task.inputs, problem.task.goal.labels)
    return sparring.audit(
        problem.model, data, options.pop("threat", Linf(0.05)), options.pop("suite", SUITE), **options
    )


def test_robust_accuracy_is_exact(problem):
    run = _audit(problem)
    assert run.result["clean_correct"] == 40
    assert run.result["robust"] == int((~problem.breakable).sum())
    broken = [status == "broken" for status in run.records["status"].to_pylist()]
    assert broken == problem.breakable.tolist()
    assert run.records["verified"].to_pylist() == broken


@pytest.mark.parametrize("threat", [L2(0.2), L1(0.3)], ids=["l2", "l1"])
def test_robust_accuracy_is_exact_in_other_norms(threat):
    problem = half_space(threat, rows=40)
    run = _audit(problem, threat=threat, suite=(Stage("pgd", PGD(40, loss=margin)),))
    assert run.result["robust"] == int((~problem.breakable).sum())


def test_clean_errors_are_never_attacked_and_never_robust(problem):
    labels = problem.task.goal.labels.clone()
    labels[:7] = 2
    run = sparring.audit(problem.model, (problem.task.inputs, labels), Linf(0.05), SUITE)
    first = run.records.slice(0, 7).to_pylist()
    assert {row["status"] for row in first} == {"clean_error"}
    assert {(row["forwards"], row["backwards"], row["verified"]) for row in first} == {(1, 0, False)}
    assert run.result["robust"] == int((~problem.breakable[7:]).sum())


@pytest.mark.parametrize("batch", [1, 8, 256])
def test_records_do_not_depend_on_the_batch(problem, batch):
    whole, other = _audit(problem), _audit(problem, batch=batch)
    assert whole.records.equals(other.records)
    assert whole.attempts.equals(other.attempts)
    assert torch.equal(whole.tensors["adversarial"], other.tensors["adversarial"])


def test_a_record_does_not_depend_on_the_other_samples(problem):
    whole = {row["id"]: row for row in _audit(problem).records.to_pylist()}
    few = problem.task.inputs[5:30:4].flip(0), problem.task.goal.labels[5:30:4].flip(0)
    for row in sparring.audit(problem.model, few, Linf(0.05), SUITE).records.to_pylist():
        assert {**row, "index": 0} == {**whole[row["id"]], "index": 0}


def test_another_seed_gives_other_points(problem):
    one, other = _audit(problem), _audit(problem, seed=1)
    assert not torch.equal(one.tensors["adversarial"], other.tensors["adversarial"])


def test_costs_add_up(problem):
    run = _audit(problem)
    attempts, records = run.attempts.to_pandas(), run.records.to_pandas()
    spent = attempts.groupby("id")[["forwards", "backwards"]].sum()
    for row in records.itertuples():
        assert row.forwards == 1 + spent.forwards[row.id]
        assert row.backwards == spent.backwards[row.id]
    assert run.result["forwards"] == records.forwards.sum() + run.result["body"]["trial"]["forwards"]
    broken = records[records.status == "broken"]
    assert (broken.found_after == broken.forwards + broken.backwards).all()


def test_later_stages_see_only_what_is_standing(problem):
    attempts = _audit(problem).attempts.to_pandas()
    seen = set()
    for _, stage in attempts.groupby("stage", sort=False):
        assert not seen & set(stage.id)
        seen |= set(stage.id[stage.outcome == "broken"])


def test_the_curve_ends_where_the_count_ends(problem):
    run = _audit(problem)
    curve = run.result["curve"]
    assert curve["robust"][0] == run.result["clean_correct"]
    assert curve["robust"][-1] == run.result["robust"]
    assert curve["passes"] == sorted(curve["passes"])


def test_what_does_not_hold_does_not_count(problem):
    class Forgetful(nn.Module):
        """Errs while gradients are wanted, and never when it is asked plainly."""

        def forward(self, inputs):
            outputs = problem.model(inputs)
            return (
                outputs
                if torch.is_grad_enabled()
                else 100 * problem.model(problem.task.inputs[:1]) + 0 * outputs
            )

    labels = torch.full((40,), int(problem.model(problem.task.inputs[:1]).argmax()))
    run = sparring.audit(Forgetful(), (problem.task.inputs, labels), Linf(0.05), (Stage("pgd", PGD(20)),))
    assert run.result["robust"] == 40
    assert {"unverified", "randomised"} & {finding["id"] for finding in run.result["findings"]}


def test_noise_alone_breaks_nothing():
    class Noisy(nn.Module):
        """A constant answer behind so much noise that each single look errs in one of four."""

        def forward(self, inputs):
            clean = torch.tensor([1.0, 0.0]).expand(len(inputs), 2) + 0 * inputs.flatten(1).sum(
                1, keepdim=True
            )
            return clean + torch.randn_like(clean) * 1.05

    inputs = torch.rand(30, 1, 4, 4)
    run = sparring.audit(
        Noisy(), (inputs, torch.zeros(30, dtype=torch.long)), Linf(0.1), (Stage("pgd", PGD(30)),)
    )
    assert run.result["robust"] == run.result["clean_correct"]
    assert "randomised" in {finding["id"] for finding in run.result["findings"]}


def test_a_model_without_any_slope_is_reported():
    class Flat(nn.Module):
        def forward(self, inputs):
            return torch.tensor([1.0, 0.0]).expand(len(inputs), 2) + 0 * inputs.flatten(1).sum(
                1, keepdim=True
            )

    run = sparring.audit(
        Flat(), (torch.rand(8, 1, 4, 4), torch.zeros(8, dtype=torch.long)), Linf(0.1), "smoke"
    )
    findings = {finding["id"]: finding["samples"] for finding in run.result["findings"]}
    assert run.result["robust"] == 8
    assert findings["no-progress"] == 8


@pytest.mark.parametrize(("needed", "robust_8bit"), [(1.5, 0), (2.5, 1)], ids=["within", "between-levels"])
def test_whole_grey_levels_are_counted_apart(needed, robust_8bit):
    """Every pixel must rise by `needed` grey levels; the budget of 2.6 holds two whole ones."""
    inputs = torch.full((1, 1, 2, 2), 100 / 255)
    model = nn.Sequential(nn.Flatten(), nn.Linear(4, 2))
    with torch.no_grad():
        model[1].weight.copy_(torch.tensor([[-1.0] * 4, [1.0] * 4]))
        model[1].bias.copy_(torch.tensor([0.0, -8 * (100 + needed) / 255]))
    samples = replace(
        sparring.load_data((inputs, torch.zeros(1, dtype=torch.long))),
        domain=Domain(0.0, 1.0, 1 / 255, (1, 2, 2)),
    )
    run = sparring.audit(model, samples, Linf(2.6 / 255), (Stage("apgd", APGD(20, margin)),))
    assert run.result["robust"] == 0
    assert run.result["robust_8bit"] == robust_8bit
    stored = run.tensors["grid_adversarial"]
    assert stored.dtype == torch.uint8 and run.tensors["grid_index"].tolist() == [0] * (1 - robust_8bit)
    assert (
        model(stored / 255).argmax(1).tolist() == run.tensors["grid_prediction"].tolist() == [1] * len(stored)
    )
    assert run.tensors["grid_distance"].tolist() == pytest.approx([2 / 255] * len(stored), abs=1e-6)


def test_low_precision_ends_with_the_same_robust_set(problem):
    assert _audit(problem).records["status"].equals(_audit(problem, precision="bfloat16").records["status"])


def test_the_model_is_left_as_it_was(problem):
    model = nn.Sequential(nn.Flatten(), nn.BatchNorm1d(32), nn.Linear(32, 2)).train()
    model[1].eval()
    before = {name: value.clone() for name, value in model.state_dict().items()}
    state = torch.get_rng_state()
    with torch.no_grad():
        sparring.audit(model, (problem.task.inputs, problem.task.goal.labels), Linf(0.05), "smoke")
    assert model.training and not model[1].training and model[2].training
    assert all(torch.equal(before[name], value) for name, value in model.state_dict().items())
    assert all(parameter.grad is None for parameter in model.parameters())
    assert torch.equal(state, torch.get_rng_state())


def test_budgets_per_sample_are_kept(problem):
    eps = torch.full((40,), 0.05)
    eps[::2] = 1e-6
    run = _audit(problem, threat=Linf(eps))
    statuses = run.records["status"].to_pylist()
    assert set(statuses[::2]) == {"robust"}
    assert [status == "broken" for status in statuses[1::2]] == problem.breakable[1::2].tolist()


def test_bad_plans_are_refused(problem):
    with pytest.raises(UsageError, match="batch"):
        _audit(problem, batch=0)
    with pytest.raises(UsageError, match="no attack for l0:min"):
        _audit(problem, threat="l0:min", suite="labels")
    with pytest.raises(DataError, match="no samples"):
        sparring.audit(problem.model, (torch.zeros(0, 2, 4, 4), torch.zeros(0, dtype=torch.long)), "linf:0.1")
    with pytest.raises(ModelError, match="gradients"):
        sparring.audit(
            lambda inputs: torch.zeros(len(inputs), 2) + torch.tensor([0.0, 1.0]),
            (problem.task.inputs, problem.task.goal.labels),
            "linf:0.1",
        )


def test_a_model_that_cuts_its_gradients_is_searched_around_the_cut(problem):
    data = (problem.task.inputs, problem.task.goal.labels)
    run = sparring.audit(
        lambda inputs: problem.model(inputs).detach(), data, Linf(0.05), (Stage("pgd", PGD(20)),)
    )
    assert run.result["robust"] == int((~problem.breakable).sum())
    assert "stopped-gradients" in {finding["id"] for finding in run.result["findings"]}


def test_a_model_without_gradients_can_be_searched_by_scores(problem):
    def blind(inputs):
        return problem.model(inputs.detach())

    data = (problem.task.inputs, problem.task.goal.labels)
    run = sparring.audit(blind, data, Linf(0.05), [Square(600)])
    assert run.result["robust"] == int((~problem.breakable).sum())
    assert run.result["backwards"] == 0
    assert run.result["queries"] == run.result["forwards"] - 40


def test_a_model_that_optimises_when_it_is_asked(problem):
    class Purifier(nn.Module):
        """Moves its input a little up its own confidence before it answers."""

        def forward(self, inputs):
            with torch.enable_grad():
                points = inputs.detach().clone().requires_grad_()
                (slope,) = torch.autograd.grad(problem.model(points).amax(1).sum(), points)
            return problem.model(inputs + 1e-6 * slope)

    with torch.inference_mode():
        run = sparring.audit(Purifier(), (problem.task.inputs, problem.task.goal.labels), Linf(0.05), SUITE)
    assert run.result["robust"] == int((~problem.breakable).sum())
