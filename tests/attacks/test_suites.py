"""The standard suite has AutoAttack's stages and numbers."""

import pytest

from sparring.attacks import (
    APGD,
    APGDL1,
    FAB,
    FGSM,
    Averaged,
    BestOf,
    Estimated,
    SparseRS,
    Square,
    SquareL1,
    SquareL2,
    difference_of_logits_ratio,
    suites,
)
from sparring.engine import Want
from sparring.errors import UsageError
from sparring.testing import half_space
from sparring.threat import L2, Linf

LIKE_AUTOATTACK = {
    "linf": [(APGD, 100, 0, 1), (APGD, 100, 9, 1), (FAB, 199, 9, 1), (Square, 5000, 0, 1)],
    "l2": [(APGD, 100, 0, 1), (APGD, 100, 9, 1), (FAB, 199, 9, 1), (SquareL2, 5000, 0, 1)],
    "l1": [(APGDL1, 102, 0, 5), (APGDL1, 102, 5, 1), (FAB, 199, 9, 1), (SquareL1, 5000, 0, 1)],
}


@pytest.mark.parametrize("norm", LIKE_AUTOATTACK)
def test_the_standard_suite(norm):
    stages = suites.stages_for("standard", norm)
    told = [(type(each.attack), each.attack.steps, each.aims, each.restarts) for each in stages]
    assert told == LIKE_AUTOATTACK[norm]
    assert stages[1].attack.loss is difference_of_logits_ratio


def test_a_suite_is_refused_where_it_has_nothing():
    with pytest.raises(UsageError, match=r"no attack for l0:min; .* a size such as l0:24"):
        suites.stages_for("smoke", "l0:min")


@pytest.mark.parametrize("norm", ["linf", "l2", "l1", "l0"])
def test_the_standard_suite_looks_for_smallest_changes_too(norm):
    kind = f"{norm}:min"
    assert suites.stages_for("standard", kind) == suites.stages_for(f"min-{norm}", kind)


def test_l0_within_a_budget_is_searched_as_without_but_with_more_queries():
    told = [(stage.name, stage.attack) for stage in suites.stages_for("standard", "l0")]
    assert told[:-1] == [(stage.name, stage.attack) for stage in suites.min_l0[:-1]]
    assert (told[-1], suites.min_l0[-1].attack.steps) == (("sparse-rs", SparseRS(5000)), 1000)


@pytest.mark.parametrize(
    ("suite", "kind"),
    [*(("labels", kind) for kind in ("linf", "l2", "linf:min", "l2:min")), ("trees", "linf:min")],
)
def test_suites_for_labels_see_nothing_else(suite, kind):
    task = half_space(L2(0.2) if kind.startswith("l2") else Linf(0.05), rows=2).task
    for stage in suites.stages_for(suite, kind):
        assert stage.attack.start(task).ask.want is Want.LABELS


def test_an_unknown_suite_names_the_nearest():
    with pytest.raises(UsageError, match='did you mean "standard"'):
        suites.stages_for("standart", "linf")


def test_bare_attacks_become_stages():
    stages = suites.stages_for([*suites.smoke, FGSM()], "linf")
    assert [each.name for each in stages] == ["fgsm", "pgd", "fgsm"]


@pytest.mark.parametrize("norm", ["linf", "l2", "l1", "l0", "l2:min", "linf:min", "l1:min", "l0:min"])
@pytest.mark.parametrize("queries", [100, 1000, 2500])
def test_stages_share_a_budget_of_queries(norm, queries):
    stages = suites.within(suites.stages_for("blackbox", norm), queries)
    most = [_cost(stage.attack) for stage in stages]
    assert all(cost <= max(1, int(stage.share * queries)) for cost, stage in zip(most, stages, strict=True))
    assert 0.95 * queries <= sum(most) <= queries


def _cost(attack):
    if isinstance(attack, BestOf):
        return max(map(_cost, attack.attacks)) + (len(attack.attacks) - 1) * attack.trial
    return (attack.looks + 1) * attack.steps + 1 if isinstance(attack, Estimated) else attack.steps + 1


def test_windows_shrink_as_a_budget_is_spent_and_other_attacks_stay_as_they_are():
    half = suites.Stage("square", Square(), share=0.5)
    told = [each.attack for each in suites.within((half, suites.Stage("square", Square())), 300)]
    assert told == [Square(149, horizon=150), Square()]
    assert suites.within(suites.smoke, 300) == suites.smoke


def test_a_standard_audit_has_the_windows_of_autoattack():
    assert [each.attack.horizon for each in suites.standard if each.name == "square"] == [10_000] * 3


def test_an_averaged_attack_has_a_schedule_for_its_share_of_the_draws():
    averaged = Averaged(Square(), draws=10).within(1000)
    assert averaged.attack == Square().within(98)
    assert (averaged.steps + 1) * averaged.draws <= 1000
    assert Averaged(FGSM(), draws=10).within(1000) == Averaged(FGSM(), draws=10)
