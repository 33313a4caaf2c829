"""`sparring audit` from a `sparring.toml`: options win, several audits end with the worst exit code."""

import json

import pytest

from sparring.storage import load_run
from tests.cli.files import FILE
from tests.cli.test_audit import MODELS


def test_the_file_says_what_options_do_not(sparring, project):
    code, out, err = sparring("audit", "--json")
    assert code == 0, err
    result = json.loads(out)
    assert (result["samples"], result["threat"]["text"], result["suite"]["name"]) == (
        30,
        "linf:2/255",
        "smoke",
    )
    assert result["model"]["source"] == "net.py:make" and len(list((project / "runs").iterdir())) == 1


def test_paths_are_relative_to_the_file_wherever_we_run(sparring, project, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    code, _, err = sparring("audit", "--config", project / "sparring.toml", "--out", tmp_path / "run")
    assert code == 0, err


def test_options_win(sparring):
    code, out, _ = sparring("audit", "--json", "--limit", 5, "--threat", "l2:0.5", "--suite", "smoke")
    result = json.loads(out)
    assert code == 0 and result["samples"] == 5 and result["threat"]["text"] == "l2:0.5"


def test_queries_are_counted_from_the_file_or_an_option(sparring, project):
    (project / "sparring.toml").write_text(FILE.replace('"smoke"', '"blackbox"\nqueries = 20'))
    assert json.loads(sparring("audit", "--json")[1])["query_budget"]["per_sample"] == 20
    code, out, _ = sparring("audit", "--json", "--queries", 15)
    assert code == 0 and json.loads(out)["suite"]["queries"] == 15
    code, out, _ = sparring("audit", "--queries", 15)
    assert "At most 15 queries per sample" in " ".join(out.split())
    code, _, err = sparring("audit", "--queries", 4)
    assert code == 2 and "leave nothing for a search" in err
    code, _, err = sparring("audit", "--suite", "fast", "--queries", 40)
    assert code == 2 and "climb gradients" in err
    code, out, _ = sparring("doctor", "--queries", 15)
    assert code == 0 and "15 passes each" in " ".join(out.split())


def test_a_model_as_an_option_replaces_the_whole_table(sparring, project):
    (project / "sparring.toml").write_text(FILE.replace("[data]", 'weights = "none.safetensors"\n[data]'))
    assert "none.safetensors" in sparring("audit")[2]
    code, out, err = sparring("audit", "--json", "--model", f"{MODELS}:linear")
    assert code == 0, err
    assert json.loads(out)["model"]["name"] == "linear"


def test_a_threat_chooses_the_audit_that_has_it(sparring, project):
    (project / "sparring.toml").write_text(FILE + '[[audit]]\nthreat = "l2:0.5"\nsuite = "smoke"\nseed = 7\n')
    code, out, _ = sparring("audit", "--json", "--threat", "l2:0.5")
    assert code == 0 and json.loads(out)["seed"] == 7


def test_several_audits_end_with_the_worst_exit_code(sparring, project):
    never = "[audit.gate]\nmin_robust_accuracy = 0.99\n"
    easy = '[[audit]]\nthreat = "linf:1/255"\nsuite = "smoke"\n'
    (project / "sparring.toml").write_text(FILE + never + easy)
    code, out, err = sparring("audit", "--out", "run")
    assert code == 1, out + err
    assert load_run(project / "run" / "linf-2-255-smoke").verdict == "fail"
    assert load_run(project / "run" / "linf-1-255-smoke").verdict == "measured"
    assert sparring("audit")[0] == 1 and len(list((project / "runs").iterdir())) == 2


def test_several_audits_print_a_line_of_json_each(sparring, project):
    (project / "sparring.toml").write_text(FILE + '[[audit]]\nthreat = "linf:1/255"\nsuite = "smoke"\n')
    code, out, err = sparring("audit", "--json")
    assert code == 0, err
    assert [json.loads(line)["threat"]["text"] for line in out.splitlines()] == ["linf:2/255", "linf:1/255"]


def test_the_gate_of_the_file_can_be_changed_by_an_option(sparring, project):
    (project / "sparring.toml").write_text(FILE + "[audit.gate]\nmin_robust_accuracy = 0.99\n")
    assert sparring("audit")[0] == 1
    assert sparring("audit", "--min-robust-accuracy", 0)[0] in (0, 3)
    assert sparring("audit", "--exit-zero")[0] == 0


BAD = {
    "unknown-key": (
        "sample = 30",
        "smaple = 30",
        'line 7: [data] has no key "smaple"; did you mean "sample"?',
    ),
    "wrong-type": ("sample = 30", 'sample = "30"', "line 7: sample of [data] must be a whole number"),
    "broken": ("sample = 30", "sample =", "line 7"),
    "model-elsewhere": ("net.py", "nett.py", "nett.py"),
    "bad-threat": ("linf:2/255", "linv:2/255", 'did you mean "linf"'),
    "bad-suite": ('"smoke"', '"smok"', 'did you mean "smoke"'),
    "mean-alone": ("[data]", "mean = [0.5]\n[data]", "mean and std go together"),
    "drop-without-baseline": ('"smoke"', '"smoke"\n[audit.gate]\nmax_drop = 0.1', "needs a baseline"),
}


@pytest.mark.parametrize("command", ["audit", "doctor"])
@pytest.mark.parametrize("case", BAD)
def test_a_bad_file_gets_one_sentence_and_exit_code_2(sparring, project, command, case):
    old, new, words = BAD[case]
    (project / "sparring.toml").write_text(FILE.replace(old, new, 1))
    code, out, err = sparring(command)
    assert code == 2
    assert "Traceback" not in out + err
    assert words in err or ((command, case) == ("doctor", "bad-suite") and "unknown suite" in out)


def test_a_later_audit_that_makes_no_sense_stops_before_the_first_is_run(sparring, project):
    (project / "sparring.toml").write_text(FILE + '[[audit]]\nthreat = "linv:1"\n')
    code, _, err = sparring("audit")
    assert code == 2 and "linv" in err and not (project / "runs").exists()


@pytest.mark.parametrize("words", [["audit"], ["doctor"], ["audit", "--model", "net.py:make"]])
def test_without_a_file_it_says_what_writes_one(sparring, project, words):
    (project / "sparring.toml").unlink()
    code, _, err = sparring(*words)
    assert code == 2 and "sparring init" in err and err.count("\n") == 1


def test_all_options_need_no_file(sparring, project):
    (project / "sparring.toml").write_text("broken =")
    options = ["--model", "net.py:make", "--data", "data.npz", "--threat", "linf:1/255", "--suite", "smoke"]
    assert sparring("audit", *options)[0] == 0
    assert sparring("audit", *options, "--config", "sparring.toml")[0] == 2


def test_a_command_with_options_of_its_own_takes_model_and_data_from_the_file(sparring, project):
    words = ("transfer", "--surrogate", "net.py:make", "--gradients", "5", "--method", "mi", "--out", "there")
    code, _, err = sparring(*words)
    assert (code, err) == (0, "")
    told = json.loads((project / "there/result.json").read_text())
    assert told["samples"] == 40  # the file's 30 are for audits


def test_what_was_given_to_such_a_command_replaces_the_file(sparring, project):
    words = ("transfer", "--surrogate", "net.py:make", "--gradients", "5")
    code, _, err = sparring(*words, "--model", "none.py:make")
    assert code == 2 and "none.py" in err
    code, _, err = sparring(*words, "--data", "none.npz")
    assert code == 2 and "none.npz" in err
    (project / "sparring.toml").unlink()
    code, _, err = sparring(*words)
    assert code == 2 and "a transfer needs a target" in err
    assert "there is no sparring.toml" in sparring(*words, "--config", "sparring.toml")[2]
