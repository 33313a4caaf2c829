import json
from dataclasses import replace
from pathlib import Path

import pytest
from jsonschema import Draft4Validator

from sparring.errors import DataError
from sparring.reports import render_sarif
from sparring.reports.ci.sarif import SCHEMA
from tests.reports.gated import EVIL, gate, gated, named
from tests.reports.runs import make_run

PUBLISHED = json.loads((Path(__file__).with_name("schemas") / "sarif-schema-2.1.0.json").read_text())
CONFIG = """\
schema = 1
[[audit]]
threat = "l2:0.5"
[audit.gate]
min_robust_accuracy = 0.3

[[audit]]
threat = "linf:8/255"  # min_robust_accuracy = what we promise
suite = "standard"
gate = { max_drop = 0.02, min_robust_accuracy = 0.45 }

[[audit]]
threat = "linf:8/255"
suite = "smoke"
[audit.gate]
min_robust_accuracy = 0.6
"""


def read(run, config=None):
    """The one run of the log, after a look at the schema and at what the schema cannot say."""
    log = json.loads(render_sarif(run, config))
    Draft4Validator(PUBLISHED).validate(log)
    (found,) = log["runs"]
    rules = [rule["id"] for rule in found["tool"]["driver"]["rules"]]
    assert len(set(rules)) == len(rules)
    for result in found["results"]:
        assert rules[result["ruleIndex"]] == result["ruleId"]
        assert result["kind"] == "fail" or result["level"] == "none"  # section 3.27.10
    for taxon in [taxon for result in found["results"] for taxon in result.get("taxa", [])]:
        taxonomy = found["taxonomies"][taxon["toolComponent"]["index"]]
        assert taxonomy["name"] == taxon["toolComponent"]["name"]
        assert taxonomy["taxa"][taxon["index"]]["id"] == taxon["id"]
    return found


def of_gates(found):
    """Kind and level by rule, without the findings."""
    results = (each for each in found["results"] if not each["ruleId"].startswith("finding."))
    return {each["ruleId"]: (each["kind"], each["level"]) for each in results}


def told(found):
    (invocation,) = found["invocations"]
    return [(each["level"], each["message"]["text"]) for each in invocation["toolExecutionNotifications"]]


def lines(found):
    places = [each["locations"][0]["physicalLocation"] for each in found["results"]]
    return {
        each["ruleId"]: (place["artifactLocation"]["uri"], place["region"]["startLine"])
        for each, place in zip(found["results"], places, strict=True)
    }


def test_the_schema_is_the_one_that_the_log_names():
    assert PUBLISHED["id"] == SCHEMA
    Draft4Validator.check_schema(PUBLISHED)


@pytest.mark.parametrize(
    ("verdict", "results"),
    [
        ("pass", {}),
        ("measured", {}),
        ("fail", {"gate.min_robust_accuracy": ("fail", "error")}),
        ("inconclusive", {"gate.min_robust_accuracy": ("open", "none")}),
        ("invalid", {"gate.min_robust_accuracy": ("open", "none")}),
        ("incomplete", {"gate.min_robust_accuracy": ("open", "none")}),
    ],
)
def test_only_what_did_not_pass_is_a_result(verdict, results):
    found = read(gated(verdict))
    assert of_gates(found) == results
    assert found["properties"]["verdict"] == verdict
    assert found["invocations"][0]["executionSuccessful"] is (verdict not in ("invalid", "incomplete"))


def test_what_passed_is_told_beside_the_results():
    assert told(read(gated("pass"))) == [
        ("note", "robust accuracy at least 45%: pass: the interval says pass"),
    ]
    assert told(read(gated("fail"))) == []


def test_an_evaluation_that_cannot_be_trusted_is_an_error_of_the_tool():
    ((level, text),) = told(read(gated("invalid", gate("pass"), reasons=["gradients are blocked"])))
    assert (level, text) == ("error", "robust accuracy at least 45%: invalid: gradients are blocked")


def test_a_run_without_gates_has_no_result_unless_it_was_not_finished():
    assert of_gates(read(make_run())) == {}
    assert of_gates(read(make_run(verdict="incomplete", reasons=["interrupted"]))) == {
        "verdict": ("open", "none")
    }


def test_findings_keep_their_severity():
    findings = [
        {"id": f"seen-{severity}", "severity": severity, "message": f"a {severity}", "samples": 1200}
        for severity in ("note", "warning", "error")
    ]
    found = read(make_run(findings=findings))
    assert [(each["ruleId"], each["level"]) for each in found["results"]] == [
        ("finding.seen-note", "note"),
        ("finding.seen-warning", "warning"),
        ("finding.seen-error", "error"),
    ]
    assert found["results"][0]["message"]["text"] == "a note (1,200 samples)"


def test_the_message_has_the_numbers():
    (result, *_) = read(gated("fail"))["results"]
    text = result["message"]["text"]
    for word in ("fail", "at least 45%", "of 60 images robust", "20.1% to 31.2%", "linf:8/255", "says fail"):
        assert word in text


def test_a_gate_keeps_its_fingerprint_from_run_to_run():
    first = gated("fail", seed=1)
    later = gated(
        "inconclusive",
        gate("inconclusive", demand=0.5, text="robust accuracy at least 50%"),
        seed=2, date="2027-01-01T00:00:00Z", robust_accuracy=0.3, forwards=1, seconds=1.0,
    )  # fmt: skip
    assert marks(first) == marks(replace(later, folder=Path("elsewhere")))


def test_fingerprints_are_the_same_in_every_process_and_version():
    assert marks(gated("fail"))[1] == "3d2ca1fc56a6da94:1"


def test_another_gate_model_or_threat_has_another_fingerprint():
    run = gated("fail")
    others = [
        run,
        gated("fail", gate("fail", "max_drop")),
        gated("fail", model=run.result["model"] | {"name": "other"}),
        gated("fail", threat=run.result["threat"] | {"text": "l2:0.5"}),
    ]
    found = [mark for each in others for mark in marks(each)]
    assert len(set(found)) == len(found) == 2 * len(others)


def marks(run):
    """Both fingerprints of the first result."""
    return list(read(run)["results"][0]["partialFingerprints"].values())


def test_a_gate_points_at_its_line_in_the_configuration(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    Path("my files").mkdir()
    config = Path("my files/sparring.toml")
    config.write_text(CONFIG)
    run = gated("fail", gate("fail"), gate("fail", "max_drop"), gate("fail", "min_class_accuracy"))
    assert lines(read(run, config)) == {
        "gate.min_robust_accuracy": ("my%20files/sparring.toml", 10),
        "gate.max_drop": ("my%20files/sparring.toml", 10),
        "gate.min_class_accuracy": ("my%20files/sparring.toml", 7),
        "finding.clean-gradients": ("my%20files/sparring.toml", 7),
    }
    smoke = gated("fail", suite=run.result["suite"] | {"name": "smoke"})
    assert lines(read(smoke, config))["gate.min_robust_accuracy"][1] == 16
    euclid = gated("fail", threat=run.result["threat"] | {"text": "l2:0.5"})
    assert lines(read(euclid, config.absolute()))["gate.min_robust_accuracy"] == (
        "my%20files/sparring.toml",
        5,
    )


def test_without_a_configuration_results_point_at_the_run():
    run = replace(gated("fail"), folder=Path("runs/today"))
    assert set(lines(read(run)).values()) == {("runs/today/result.json", 1)}


@pytest.mark.parametrize("text", ["", "not toml [["])
def test_a_configuration_without_gates_does_no_harm(tmp_path, text):
    config = tmp_path / "sparring.toml"
    config.write_text(text)
    assert {line for _, line in lines(read(gated("fail"), config)).values()} == {1}


def test_a_configuration_that_cannot_be_read_is_one_sentence(tmp_path):
    with pytest.raises(DataError, match=r"none\.toml cannot be read"):
        render_sarif(gated("fail"), tmp_path / "none.toml")


def test_audits_of_one_commit_are_kept_apart():
    assert (
        read(gated("fail"))["automationDetails"]["id"] == "sparring/audit/small_resnet/linf:8/255/standard/"
    )


def test_a_strange_date_is_left_out_and_another_zone_is_turned_into_utc():
    assert "endTimeUtc" not in read(make_run(date="yesterday"))["invocations"][0]
    ended = read(make_run(date="2026-11-23T09:00:00+02:00"))["invocations"][0]["endTimeUtc"]
    assert ended == "2026-11-23T07:00:00Z"


def test_the_words_of_strangers_make_no_links():
    for verdict in ("pass", "fail"):
        found = read(named(gated(verdict), EVIL))
        assert found["results"]
        assert all("](" not in text for _, text in told(found))
        assert all("](" not in each["message"]["text"] for each in found["results"])


def test_rules_do_not_depend_on_what_came_out():
    rules = [read(gated(verdict))["tool"]["driver"]["rules"] for verdict in ("pass", "fail", "invalid")]
    assert rules[0] == rules[1] == rules[2]
    assert [rule["id"] for rule in rules[0]] == ["gate.min_robust_accuracy", "finding.clean-gradients"]
    assert "external/mitre-atlas/aml.t0015" in rules[0][0]["properties"]["tags"]


def test_equal_runs_give_equal_bytes():
    assert render_sarif(gated("fail")) == render_sarif(gated("fail"))
