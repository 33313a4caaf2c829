"""`sparring doctor`, run as a user runs it."""

import json
import tomllib

import pytest

from tests.cli.files import DEMO, DEMO_FILE, FILE


@pytest.fixture
def demo(project):
    (project / "demo.py").write_text(DEMO)
    (project / "sparring.toml").write_text(DEMO_FILE)
    return project


def change(folder, old, new):
    path = folder / "sparring.toml"
    path.write_text(path.read_text().replace(old, new))


def checks(out):
    return {check["name"]: check for check in json.loads(out)}


def test_a_healthy_model_ends_with_0(demo, sparring):
    code, out, err = sparring("doctor")
    assert code == 0 and err == ""
    assert all(words in out for words in ("input range", "normalisation", "label order", "cost", "150"))
    assert not {"warning", "error"} & set(out.split())


def test_options_replace_the_file(demo, sparring):
    (demo / "sparring.toml").unlink()
    code, out, _ = sparring(
        "doctor", "--model", "demo.py:softmax", "--data", "demo.py:images", "--threat", "l2:1", "--json"
    )
    assert code == 0 and checks(out)["outputs"]["status"] == "warning"


def test_an_error_ends_with_2_and_names_the_fix(demo, sparring):
    change(demo, "demo.py:plain", "demo.py:normalised")
    code, out, _ = sparring("doctor")
    assert code == 2 and "→ mean = [0.1307] and std = [0.3081]" in " ".join(out.split())


def test_fix_writes_the_missing_normalisation_and_looks_again(demo, sparring):
    change(demo, "demo.py:plain", "demo.py:normalised")
    code, out, err = sparring("doctor", "--fix", "--json")
    assert code == 0 and "changed mean, std" in err
    text = (demo / "sparring.toml").read_text()
    assert tomllib.loads(text)["model"] == {"source": "demo.py:normalised", "mean": [0.1307], "std": [0.3081]}
    assert "# ours" in text and checks(out)["normalisation"]["status"] == "ok"


def test_fix_takes_out_the_second_normalisation(demo, sparring):
    change(demo, "[data]", "mean = [0.6]\nstd = [0.5]\n[data]")
    assert sparring("doctor")[0] == 2
    code, _, _ = sparring("doctor", "--fix")
    assert code == 0 and "mean" not in (demo / "sparring.toml").read_text()


def test_fix_changes_nothing_where_nothing_is_wrong(demo, sparring):
    before = (demo / "sparring.toml").read_text()
    assert sparring("doctor", "--fix")[0] == 0
    assert (demo / "sparring.toml").read_text() == before


def test_fix_is_for_the_model_of_the_file(demo, sparring):
    code, _, err = sparring("doctor", "--fix", "--model", "demo.py:normalised")
    assert code == 2 and "--model" in err and err.count("\n") == 1


def test_each_audit_has_its_cost_and_its_gate(demo, sparring):
    change(demo, '"smoke"', '"standard"\n[audit.gate]\nmin_robust_accuracy = 0.5\n[[audit]]\nthreat = "l2:1"')
    code, out, _ = sparring("doctor", "--json")
    assert code == 0 and checks(out).keys() >= {"cost of linf:0.1, standard", "cost of l2:1, fast"}
    assert "gate of linf:0.1, standard" in checks(out) and "gate of l2:1, standard" not in checks(out)


def test_a_gate_that_can_never_be_met_is_an_error(demo, sparring):
    code, out, _ = sparring("doctor", "--min-robust-accuracy", 0.9999)
    assert code == 2 and "never be met" in " ".join(out.split())


def test_a_draw_that_may_not_decide_is_a_warning(demo, sparring):
    code, out, _ = sparring(
        "doctor", "--sample", 100, "--min-robust-accuracy", 0.5, "--suite", "standard", "--json"
    )
    assert code == 0 and "90%" in checks(out)["gate"]["seen"]


def test_a_threat_that_the_data_do_not_allow_is_an_error_among_the_checks(demo, sparring):
    change(demo, "linf:0.1", "linf:8")
    code, out, _ = sparring("doctor", "--json")
    assert code == 2 and "8/255" in checks(out)["audit"]["seen"] and len(checks(out)) > 5


def test_a_model_that_fails_is_one_sentence(project, sparring):
    (project / "sparring.toml").write_text(FILE)
    (project / "net.py").write_text("def make():\n    return lambda inputs: 1 / 0\n")
    code, _, err = sparring("doctor")
    assert code == 2 and "ZeroDivisionError" in err and err.count("\n") == 1
