"""`sparring runs`, as a user runs it."""

import json
import shutil
import subprocess
import sys

import pytest

from sparring.storage import load_run
from sparring.storage.claim import claimed
from tests.cli.files import NET


@pytest.fixture
def audited(sparring, project):
    """The folders of two audits of two models in one project, the older first."""
    (project / "other.py").write_text(NET.replace("manual_seed(0)", "manual_seed(1)"))
    assert sparring("audit")[0] == 0
    assert sparring("audit", "--model", "other.py:make")[0] == 0
    runs = project / "runs"
    return sorted((path.parent for path in runs.glob("*/plan.json")), key=_number)


def _number(folder):
    return json.loads((folder / "plan.json").read_text())["number"]


def test_list_shows_runs_newest_first(sparring, audited):
    code, out, _ = sparring("runs", "list")
    assert code == 0 and out.index(f"{audited[1].name} ") < out.index(f"{audited[0].name} ")
    entries = json.loads(sparring("runs", "list", "--json")[1])
    assert [entry["folder"] for entry in entries] == [folder.name for folder in reversed(audited)]
    assert entries[1]["robust"] == load_run(audited[0]).result["robust"]


def test_list_of_nothing_is_no_fault(sparring, project):
    code, out, err = sparring("runs", "list")
    assert (code, err) == (0, "") and "there are no runs in runs" in out
    assert not (project / "runs").exists()


def test_a_running_audit_is_listed_as_such(sparring, audited):
    with claimed(audited[0]):
        entries = json.loads(sparring("runs", "list", "--json")[1])
    assert [entry["running"] for entry in entries] == [False, True]


def test_a_name_serves_wherever_a_run_is_meant(sparring, audited):
    code, out, _ = sparring("runs", "name", audited[0].name, "main")
    assert code == 0 and "main is" in out
    assert sparring("runs", "show", "main")[0] == 0
    assert sparring("gate", "main", "--min-robust-accuracy", "0.001", "--no-save")[0] in (0, 1, 3)
    assert sparring("report", "main", "--format", "md")[0] == 0
    code, _, err = sparring("audit", "--baseline", "main", "--max-drop", "0.5", "--exit-zero")
    assert (code, err) == (0, "")
    sparring("runs", "name", audited[1], "main")
    assert json.loads(sparring("runs", "show", "main", "--json")[1])["model"]["source"] == "other.py:make"
    assert sparring("runs", "unname", "main")[0] == 0
    code, _, err = sparring("audit", "--baseline", "main", "--max-drop", "0.5")
    assert code == 2 and "the baseline main does not exist" in err


def test_a_name_in_the_file_serves_as_baseline(sparring, audited, project):
    sparring("runs", "name", audited[0].name, "main")
    file = project / "sparring.toml"
    file.write_text(file.read_text() + '[audit.gate]\nmax_drop = 0.5\nbaseline = "main"\n')
    code, _, err = sparring("audit", "--exit-zero")
    assert (code, err) == (0, "")


def test_diff_counts_and_lists_flips(sparring, audited):
    first, second = (load_run(folder).records.to_pylist() for folder in audited)
    after = {row["id"]: row["status"] for row in second}
    flipped = [row["id"] for row in first if after[row["id"]] != row["status"]]
    found = json.loads(sparring("runs", "diff", *(folder.name for folder in audited), "--json")[1])
    assert found["pairs"] == 30 and sorted(flip["id"] for flip in found["flips"]) == sorted(flipped)
    assert sum(each["pairs"] for each in found["counts"]) == 30
    robust = [sum(row["status"] == "robust" for row in rows) for rows in (first, second)]
    assert [found["robust_before"], found["robust_after"]] == robust
    assert found["interval"]["low"] <= found["change"] <= found["interval"]["high"]
    code, out, _ = sparring("runs", "diff", *audited, "--most", "1")
    assert code == 0 and f"and {len(flipped) - 1} more" in out


def test_diff_refuses_other_threats_and_other_data(sparring, audited):
    sparring("audit", "--threat", "linf:4/255", "--sample", "30", "--out", "runs/wide")
    code, _, err = sparring("runs", "diff", "wide", audited[0])
    assert code == 2 and "only be said under one threat" in err and err.count("\n") == 1


def test_verify_measures_every_example_again(sparring, audited):
    code, out, _ = sparring("runs", "verify", audited[0], "--model", "net.py:make", "--data", "data.npz")
    broken = load_run(audited[0]).records["status"].to_pylist().count("broken")
    assert broken and code == 0 and f"{broken} of {broken} adversarial examples hold" in out
    code, out, _ = sparring("runs", "verify", audited[0], "--model", "other.py:make", "--data", "data.npz")
    assert code == 1 and "does not hold" in out and "another model" in out


def test_verify_sees_damage(sparring, audited):
    assert sparring("runs", "verify", audited[0])[0] == 0
    shutil.copy(audited[1] / "attempts.parquet", audited[0])
    code, out, _ = sparring("runs", "verify", audited[0])
    assert code == 2 and "damaged: attempts.parquet was changed" in out


def test_verify_needs_both_model_and_data(sparring, audited):
    code, _, err = sparring("runs", "verify", audited[0], "--model", "net.py:make")
    assert code == 2 and "go together" in err


def test_prune_takes_shards_and_old_runs_but_nothing_named_or_at_work(sparring, audited, project):
    shutil.copytree(audited[0], project / "runs" / "third")
    sparring("runs", "name", audited[0].name, "main")
    everything = sorted(path for path in project.rglob("*") if "index.sqlite" not in path.name)
    assert sparring("runs", "prune", "--keep", "0", "--dry-run")[0] == 0
    code, _, err = sparring("runs", "prune", "--keep", "0")
    assert code == 2 and "nobody is there to be asked" in err
    assert sorted(path for path in project.rglob("*") if "index.sqlite" not in path.name) == everything
    with claimed(audited[1]):
        assert sparring("runs", "prune", "--keep", "0", "--yes")[0] == 0
    assert audited[0].is_dir() and not (audited[0] / "shards").exists()
    assert (audited[1] / "shards").is_dir() and not (project / "runs" / "third").exists()
    assert load_run(audited[0]).samples == 30
    assert not list((project / "runs").glob(".pruned-*"))


def test_prune_by_age_keeps_what_is_young_or_unfinished(sparring, audited):
    (audited[1] / "result.json").unlink()
    sparring("runs", "prune", "--older-than", "1h", "--yes")
    assert all(folder.is_dir() for folder in audited)
    assert (audited[1] / "shards").is_dir(), "an unfinished run needs its shards"
    old = json.loads((audited[0] / "result.json").read_text()) | {"date": "2020-01-01T00:00:00+00:00"}
    (audited[0] / "result.json").write_text(json.dumps(old))
    sparring("runs", "prune", "--older-than", "1h", "--yes")
    assert [folder.is_dir() for folder in audited] == [False, True]


BAD = {
    "unknown-run": (("show", "nothing"), "is not a folder, and nothing in runs is called so"),
    "no-age": (("prune", "--older-than", "soon"), "is no age"),
    "odd-name": (("name", "runs", "a b"), "cannot name a run"),
    "unknown-name": (("unname", "main"), 'is called "main"'),
    "no-url": (("list", "--store", "here"), "is no URL of a store"),
    "no-server": (("list", "--store", "postgresql://a:secret@127.0.0.1:1/b"), "cannot be used"),
}


@pytest.mark.parametrize("case", BAD)
def test_bad_words_get_one_sentence_and_exit_code_2(sparring, project, case):
    (project / "runs").mkdir()
    words, sentence = BAD[case]
    code, _, err = sparring("runs", *words)
    assert code == 2 and sentence in err and err.count("\n") == 1 and "secret" not in err


def test_help_is_instant_and_loads_no_database():
    code = "from sparring.cli import app; import sys; print(' '.join(sys.modules))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert not {"sqlalchemy", "alembic", "torch", "pyarrow"} & set(done.stdout.split())
