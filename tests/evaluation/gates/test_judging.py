"""Gates on made-up runs, whose counts are chosen."""

from dataclasses import replace

import numpy as np
import pytest
from scipy.stats import binom, binomtest

import sparring
from sparring.errors import UsageError
from sparring.evaluation.gates.claims import Sampling, holm
from sparring.evaluation.gates.drop import drop_claim
from sparring.evaluation.gates.judging import judge, judged_run
from sparring.evaluation.gates.noninferiority import Flips
from sparring.evaluation.gates.settings import Gates
from sparring.evaluation.gates.shares import Tally, share_claim
from sparring.storage import Run, result_schema
from sparring.storage.baseline import baseline_of
from sparring.storage.schema import fault
from tests.reports.runs import Sample, make_attempts, make_records, make_result

DRAWN = Sampling(True, None)


def run_of(robust, samples, classes=1, drawn=True, total=10_000, unfinished=0, start=0, **changes):
    """A run in which the first `robust` samples of `samples` withstood, and the last are unfinished."""
    fates = [
        Sample(start + index, index % classes, index % classes, None if index < robust else "apgd-ce", 5)
        for index in range(samples)
    ]
    result = make_result(fates, (3, 8, 8), tuple(f"c{label}" for label in range(classes)))
    result["data"] |= {"drawn": drawn, "total": total}
    result |= {"interval": result["interval"] if drawn else None} | changes
    records = make_records(fates)
    if unfinished:
        left = ["unfinished"] * unfinished
        statuses = [*records["status"].to_pylist()[:-unfinished], *left]
        records = records.set_column(4, records.schema.field("status"), [statuses])
    return Run(result, records, make_attempts(fates))


def told(run, baseline=None, **gates):
    """The verdict, and what the only gate says."""
    judgement = judge(run, Gates(**gates), baseline)
    assert len(judgement.gates) == 1
    return judgement.verdict, judgement.gates[0]


@pytest.mark.parametrize(
    ("robust", "minimum"), [(47, 0.3), (47, 0.45), (47, 0.39), (47, 0.6), (0, 0.01), (100, 0.9)]
)
def test_the_verdict_is_the_one_of_two_exact_binomial_tests(robust, minimum):
    verdict, gate = told(run_of(robust, 100), min_robust_accuracy=minimum)
    passes = binomtest(robust, 100, minimum, alternative="greater").pvalue <= 0.05
    fails = binomtest(robust, 100, minimum, alternative="less").pvalue < 0.05
    assert verdict == gate.verdict == ("pass" if passes else "fail" if fails else "inconclusive")


def test_known_bounds():
    _, gate = told(run_of(65, 256), min_robust_accuracy=0.2)
    exact = binomtest(65, 256).proportion_ci(0.90)  # two-sided at 90% is one-sided at 95%, twice
    assert (gate.low, gate.high) == pytest.approx((exact.low, exact.high))


def test_a_lower_bound_at_the_minimum_passes():
    _, gate = told(run_of(60, 100), min_robust_accuracy=0.3)
    assert told(run_of(60, 100), min_robust_accuracy=gate.low)[0] == "pass"
    assert told(run_of(60, 100), min_robust_accuracy=gate.low + 1e-9)[0] == "inconclusive"
    assert told(run_of(60, 100), min_robust_accuracy=gate.high + 1e-9)[0] == "fail"


def test_inconclusive_names_the_bounds_and_the_samples_that_would_decide():
    verdict, gate = told(run_of(47, 100), min_robust_accuracy=0.45)
    assert verdict == "inconclusive"
    assert gate.reason.startswith("between 38.4% and 55.7% (47 of 100 drawn samples, 95% bounds); about ")
    assert gate.needed == 5400 and "about 5,400 samples would decide" in gate.reason


def test_where_no_draw_would_decide_all_samples_would():
    _, gate = told(run_of(47, 100, total=900), min_robust_accuracy=0.45)
    assert gate.needed is None and "audit all of them" in gate.reason


def test_a_pass_says_what_it_means():
    _, gate = told(run_of(80, 100), min_robust_accuracy=0.45)
    assert gate.line.startswith("robust accuracy at least 45%: pass: at least 72.3%")
    assert "not broken by suite standard at this budget" in gate.reason


def test_a_minimum_above_clean_accuracy_says_so():
    run = run_of(30, 100, clean_correct=40)
    assert "even without an attack only 40.0%" in told(run, min_robust_accuracy=0.7)[1].reason


def test_words_never_round_a_number_across_the_demand():
    verdict, gate = told(run_of(4499, 10_000, drawn=False), min_robust_accuracy=0.45)
    assert verdict == "fail" and "44.99%" in gate.reason


def test_every_gate_must_pass():
    run = run_of(470, 1000)
    assert judge(run, Gates(min_robust_accuracy=0.4, min_class_accuracy=0.4)).verdict == "pass"
    assert judge(run, Gates(min_robust_accuracy=0.4, min_class_accuracy=0.46)).verdict == "inconclusive"
    assert judge(run, Gates(min_robust_accuracy=0.46, min_class_accuracy=0.6)).verdict == "fail"


def test_every_class_must_pass_and_the_worst_is_named():
    run = run_of(50, 200, classes=4)  # about 12 of 50 in each
    worst = [
        ["robust"] * 30 + ["broken"] * 20 if label else ["robust"] * 5 + ["broken"] * 45 for label in range(4)
    ]
    statuses = [worst[index % 4][index // 4] for index in range(200)]
    records = run.records.set_column(4, run.records.schema.field("status"), [statuses])
    verdict, gate = told(replace(run, records=records), min_class_accuracy=0.3)
    assert (
        verdict == "fail"
        and gate.label == 0
        and gate.failed == (0,)
        and gate.reason.startswith("class c0 at most ")
    )


def test_a_class_without_a_sample_cannot_pass():
    run = run_of(40, 40)
    run.result["data"]["classes"] = ["c0", "rare"]
    verdict, gate = told(run, min_class_accuracy=0.1)
    assert (
        verdict == "inconclusive"
        and "class rare" in gate.reason
        and "no sample of it was drawn" in gate.reason
    )
    run.result["data"] |= {"drawn": False, "total": 200}
    assert told(run, min_class_accuracy=0.1)[0] == "inconclusive"
    run.result["data"] |= {"drawn": False, "total": 40}
    assert told(run, min_class_accuracy=0.1)[0] == "pass"


def test_holm_has_the_known_answers():
    assert holm([0.01, 0.04, 0.03, 0.005], 0.05) == [True, False, False, True]
    assert holm([0.04], 0.05) == [True] and holm([0.05], 0.05) == [False] and holm([], 0.05) == []
    assert holm([0.0, 1.0, 0.0], 0.05) == [True, False, True]


def test_ten_classes_at_the_minimum_do_not_fail_ten_times_as_often():
    """A run fails if any class does, so these claims share the 5%."""
    random, draws, fails = np.random.default_rng(0), 2000, 0
    for counts in random.binomial(50, 0.4, (draws, 10)):
        fails += any(holm(binom.cdf(counts, 50, 0.4).tolist(), 0.05))
    assert fails / draws <= 0.05 + 3 * (0.05 * 0.95 / draws) ** 0.5


@pytest.mark.parametrize(("minimum", "n"), [(0.1, 60), (0.45, 200), (0.9, 300)])
def test_at_the_minimum_pass_and_fail_are_wrong_in_at_most_5_percent(minimum, n):
    drawn = np.random.default_rng(n).binomial(n, minimum, 5000)
    values, counts = np.unique(drawn, return_counts=True)
    claims = [
        share_claim("min_robust_accuracy", Tally(n, k, k), DRAWN, minimum, 0.95) for k in values.tolist()
    ]
    error = 3 * (0.05 * 0.95 / 5000) ** 0.5
    assert counts[[claim.met for claim in claims]].sum() / 5000 <= 0.05 + error
    assert counts[[claim.p_fail < 0.05 for claim in claims]].sum() / 5000 <= 0.05 + error


@pytest.mark.parametrize(("share", "least"), [(0.50, 0.90), (0.55, 0.99), (0.65, 0.999)])
def test_power_at_three_effects(share, least):
    """1,000 samples, a minimum of 45%."""
    values, counts = np.unique(np.random.default_rng(1).binomial(1000, share, 4000), return_counts=True)
    claims = [
        share_claim("min_robust_accuracy", Tally(1000, k, k), DRAWN, 0.45, 0.95) for k in values.tolist()
    ]
    assert counts[[claim.met for claim in claims]].sum() / 4000 >= least


class TestFixedOrder:
    """Samples that are no draw have no interval: only what is counted can decide."""

    def test_all_samples_are_counted(self):
        verdict, gate = told(run_of(45, 100, drawn=False, total=100), min_robust_accuracy=0.45)
        assert verdict == "pass" and gate.level is None and gate.low == gate.high == 0.45
        assert "45 of all 100 samples, counted" in gate.reason
        assert told(run_of(44, 100, drawn=False, total=100), min_robust_accuracy=0.45)[0] == "fail"

    def test_the_first_samples_decide_only_if_the_others_cannot_change_it(self):
        run = run_of(90, 100, drawn=False, total=200)
        assert told(run, min_robust_accuracy=0.45)[0] == "pass"
        assert told(run, min_robust_accuracy=0.96)[0] == "fail"
        verdict, gate = told(run, min_robust_accuracy=0.5)
        assert (
            verdict == "inconclusive" and "--sample" in gate.reason and (gate.low, gate.high) == (0.45, 0.95)
        )

    def test_nobody_knows_how_many_there_are(self):
        assert told(run_of(90, 100, drawn=False, total=None), min_robust_accuracy=0.5)[0] == "inconclusive"

    def test_an_older_result_tells_by_its_interval(self):
        run = run_of(90, 100)
        del run.result["data"]["drawn"]
        assert "drawn" in told(run, min_robust_accuracy=0.5)[1].reason
        run.result["interval"] = None
        assert "fixed order" in told(run, min_robust_accuracy=0.5)[1].reason


def test_smoke_may_fail_a_model_and_never_pass_one():
    suite = {"name": "smoke", "stages": []}
    verdict, gate = told(run_of(100, 100, suite=suite), min_robust_accuracy=0.45)
    assert verdict == "inconclusive" and "never pass one" in gate.reason
    assert told(run_of(5, 100, suite=suite), min_robust_accuracy=0.45)[0] == "fail"


@pytest.mark.parametrize("verdict", ["incomplete", "invalid"])
def test_a_run_that_cannot_be_trusted_keeps_its_verdict(verdict):
    run = run_of(100, 100, verdict=verdict, reasons=["why"])
    judged = sparring.gate(run, min_robust_accuracy=0.1)
    assert judged.verdict == verdict and judged.result["reasons"][0] == "why"


def test_samples_that_are_not_settled_count_against_a_pass_and_against_a_fail():
    run = run_of(50, 100, drawn=False, total=100, unfinished=20)
    _, gate = told(run, min_robust_accuracy=0.6)
    assert (
        gate.verdict == "inconclusive"
        and (gate.low, gate.high) == (0.5, 0.7)
        and "not settled" in gate.reason
    )
    drawn = run_of(40, 100, unfinished=30)
    assert told(drawn, min_robust_accuracy=0.6)[0] == "inconclusive"
    assert told(drawn, min_robust_accuracy=0.8)[0] == "fail"


def test_to_judge_again_forgets_the_first_judgement():
    run = run_of(60, 100)
    first = sparring.gate(run, min_robust_accuracy=0.9)
    assert first.verdict == "fail" and first.result["reasons"] == [judge(run, Gates(0.9)).gates[0].line]
    again = sparring.gate(first, min_robust_accuracy=0.4)
    assert again.verdict == "pass" and len(again.result["reasons"]) == len(again.result["gates"]) == 1
    assert run.verdict == "measured" and "gates" not in run.result


def test_what_is_written_keeps_the_schema():
    run = run_of(60, 100, classes=3)
    judged = judged_run(run, judge(run, Gates(0.5, 0.5, 0.02), baseline_of(run_of(61, 100, classes=3))))
    assert fault(judged.result, result_schema()) is None
    assert [gate["name"] for gate in judged.result["gates"]] == [
        "min_robust_accuracy",
        "min_class_accuracy",
        "max_drop",
    ]


class TestDrop:
    def test_flips_are_counted_by_sample(self):
        before, now = run_of(60, 100), run_of(50, 100)
        _, gate = told(now, baseline_of(before), max_drop=0.02)
        assert (
            gate.observed == pytest.approx(0.1) and "10 lost and 0 gained of 100 drawn pairs" in gate.reason
        )

    def test_a_model_is_no_worse_than_itself(self):
        run = run_of(500, 1000)
        assert told(run, baseline_of(run), max_drop=0.02)[0] == "pass"

    def test_a_large_drop_fails_and_a_small_one_is_open(self):
        base = baseline_of(run_of(600, 1000))
        assert told(run_of(500, 1000), base, max_drop=0.02)[0] == "fail"
        verdict, gate = told(run_of(585, 1000), base, max_drop=0.02)
        assert verdict == "inconclusive" and gate.needed and gate.needed > 1000

    def test_without_a_draw_flips_are_compared_as_they_are(self):
        base = baseline_of(run_of(60, 100, drawn=False, total=100))
        assert told(run_of(58, 100, drawn=False, total=100), base, max_drop=0.02)[0] == "pass"
        assert told(run_of(57, 100, drawn=False, total=100), base, max_drop=0.02)[0] == "fail"

    def test_a_draw_paired_with_all_samples_is_a_draw(self):
        base = baseline_of(run_of(600, 1000, drawn=False, total=1000))
        assert "drawn pairs" in told(run_of(300, 400, total=1000), base, max_drop=0.02)[1].reason
        first = baseline_of(run_of(600, 1000, drawn=False, total=5000))
        assert "fixed order" in told(run_of(300, 400, total=5000), first, max_drop=0.02)[1].reason

    def test_only_shared_samples_are_paired_and_counted(self):
        base = baseline_of(run_of(60, 100))
        assert told(run_of(60, 100, start=40), base, max_drop=0.5)[1].samples == 60

    def test_doubts_count_against_a_pass_and_against_a_fail(self):
        settled = run_of(50, 100, drawn=False, total=100)
        doubtful = run_of(50, 100, drawn=False, total=100, unfinished=20)
        _, gate = told(settled, baseline_of(doubtful), max_drop=0.1)
        assert gate.verdict == "inconclusive" and (gate.low, gate.high) == (0.0, 0.2)
        _, gate = told(doubtful, baseline_of(settled), max_drop=0.1)
        assert gate.verdict == "pass" and (gate.low, gate.high) == (-0.2, 0.0)

    @pytest.mark.parametrize("margin", [0.0, 0.02, 0.3])
    def test_bounds_agree_with_the_verdict(self, margin):
        for gained, lost in ((0, 0), (5, 9), (0, 12), (30, 2)):
            flips = Flips(120, gained, lost)
            claim = drop_claim(flips, flips, DRAWN, margin, 0.95)
            assert claim.met == (claim.worst <= margin) or claim.worst == margin
            assert (claim.p_fail < 0.05) == (claim.best > margin) or claim.best == margin

    @pytest.mark.parametrize(
        ("other", "words"),
        [
            ({"threat": {"text": "l2:0.5", "norm": "l2", "eps": 0.5, "words": ""}}, "threat l2:0.5"),
            ({"suite": {"name": "smoke", "stages": []}}, "suite smoke"),
            ({"start": 90}, "shares 10 of its 100 samples"),
            ({"start": 60}, "shares 40 of its 100 samples"),
        ],
    )
    def test_a_baseline_that_does_not_fit_is_refused(self, other, words):
        with pytest.raises(UsageError, match=words):
            judge(run_of(50, 100), Gates(max_drop=0.02), baseline_of(run_of(50, 100, **other)))

    @pytest.mark.parametrize("verdict", ["incomplete", "invalid"])
    def test_a_run_that_cannot_be_trusted_is_no_baseline(self, verdict):
        with pytest.raises(UsageError, match=verdict):
            sparring.gate(run_of(50, 100), max_drop=0.02, baseline=run_of(50, 100, verdict=verdict))


@pytest.mark.parametrize(
    ("gates", "words"),
    [
        ({"min_robust_accuracy": 45}, "45 can never be met"),
        ({"min_robust_accuracy": -0.1}, "from 0 to 1"),
        ({"min_class_accuracy": 1.1}, "can never be met"),
        ({"min_class_accuracy": float("nan")}, "from 0 to 1"),
        ({"max_drop": -0.02}, "maximum drop"),
        ({"max_drop": 2}, "2 points"),
        ({"min_robust_accuracy": 0.4, "level": 0.05}, "level"),
        ({"max_drop": 0.02}, "needs a baseline"),
        ({}, "no gate is set"),
    ],
)
def test_gates_that_make_no_sense_are_refused(gates, words):
    with pytest.raises(UsageError, match=words):
        sparring.gate(run_of(50, 100), **gates)


def test_a_baseline_without_a_maximum_drop_is_refused():
    with pytest.raises(UsageError, match="needs a maximum drop"):
        sparring.gate(run_of(50, 100), min_robust_accuracy=0.1, baseline=run_of(50, 100))
