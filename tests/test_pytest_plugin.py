"""The pytest plugin, in sessions of pytest of its own."""

import json
import subprocess
import sys
import tomllib
from importlib import import_module
from importlib.metadata import entry_points
from importlib.util import find_spec
from pathlib import Path
from xml.etree import ElementTree as ET

import pytest

import sparring
from sparring.attacks import Square
from sparring.testing import half_space
from sparring.threat import Linf

pytest_plugins = ["pytester"]

NAME = "sparring.pytest_plugin"
LOADED = any(each.value == NAME for each in entry_points(group="pytest11"))
"""Whether the installed package brings the plugin by itself; it does since it was last installed with it."""

CHECK = """
import pytest, sparring
from sparring.attacks import Square
from sparring.testing import half_space
from sparring.threat import Linf

def check(**options):
    problem = half_space(Linf(0.05), rows=24)
    data = (problem.task.inputs, problem.task.goal.labels)
    return sparring.check(problem.model, data, "linf:0.05", [Square(20)], **options)
"""
TESTS = """
from common import check, pytest

@pytest.mark.parametrize("eps", ["linf:8/255", "linf 8/255"])
def test_good(eps):
    assert check(min_robust_accuracy=0.1).verdict == "pass"

def test_bad():
    check(min_robust_accuracy=0.1)
    check(min_robust_accuracy=0.99)
"""


@pytest.fixture(scope="module", autouse=True)
def _loaded(tmp_path_factory):
    """Load all that a check loads: sessions inside ours forget it, and much of it cannot be loaded twice."""
    problem = half_space(Linf(0.05), rows=8)
    data, out = (problem.task.inputs, problem.task.goal.labels), tmp_path_factory.mktemp("run")
    sparring.check(problem.model, data, "linf:0.05", [Square(1)], sample=4, min_robust_accuracy=0, out=out)


@pytest.fixture
def project(pytester):
    """Run pytest on a project whose tests check models; further words are options."""
    pytester.makepyfile(common=CHECK)
    words = ["-p", "no:randomly", *([] if LOADED else ["-p", NAME])]

    def run(tests, *more, process=pytester.runpytest_inprocess):
        if tests is not None:
            pytester.makepyfile(test_model=tests)
        return process(*words, *map(str, more))

    return run


def _folders(home):
    return sorted(path.parent for path in home.rglob("plan.json"))


def test_the_entry_point_names_the_plugin():
    pyproject = Path(__file__).parents[1] / "pyproject.toml"
    named = tomllib.loads(pyproject.read_text())["project"]["entry-points"]["pytest11"]
    assert named == {"sparring": NAME} and import_module(NAME).pytest_addoption


def test_each_check_gets_a_folder_with_reports_and_a_line(project, pytester):
    home, junit = pytester.path / "out", pytester.path / "junit.xml"
    result = project(TESTS, "--sparring-out", "out", f"--junitxml={junit}")
    result.assert_outcomes(passed=2, failed=1)
    assert len(_folders(home)) == 4 and all((each / "junit.xml").exists() for each in _folders(home))
    assert {path.name for path in _folders(home)[0].iterdir()} >= {
        "report.html",
        "report.sarif",
        "summary.md",
    }
    result.stdout.fnmatch_lines(["*= robustness =*", "*test_good*: pass: * of 24 robust*, in *out*"])
    result.stdout.fnmatch_lines(["*test_bad: pass: *", "*test_bad: fail: * of 24 robust*-2"])
    result.stdout.fnmatch_lines(
        ["E *CheckFailed: fail: Linear under linf:0.05, suite square", "E *broken samples: *"]
    )
    result.stdout.no_fnmatch_line("*__tracebackhide__*")
    cases = {case.get("name"): case for case in ET.parse(junit).iter("testcase")}
    told = [(each.get("name"), each.get("value")) for each in cases["test_bad"].iter("property")]
    assert [value for name, value in told if name == "sparring_verdict"] == ["pass", "fail"]
    assert dict(told)["sparring_samples"] == "24" and cases["test_bad"].find("failure") is not None


def test_what_did_not_change_is_not_searched_again(project, pytester):
    test = "from common import check\ndef test(): check(min_robust_accuracy=0.1, seed=SEED)"
    project(test.replace("SEED", "0"))
    home = pytester.path / ".pytest_cache" / "d" / "sparring"
    (folder,) = _folders(home)
    assert not (folder / "junit.xml").exists()

    def shards():
        return {path.name: path.stat().st_mtime_ns for path in (folder / "shards").iterdir()}

    first = shards()
    project(None).assert_outcomes(passed=1)
    assert shards() == first
    project(None, "--sparring-no-cache").assert_outcomes(passed=1)
    assert shards().keys() == first.keys() and shards() != first
    project(test.replace("SEED", "1")).assert_outcomes(passed=1)
    assert not shards().keys() & first.keys() and _folders(home) == [folder]


def test_options_come_before_what_the_test_says(project):
    test = "from common import check\ndef test(): check(min_robust_accuracy=0.1, limit=20)"
    options = ["--sparring-suite", "smoke", "--sparring-sample", 10]
    result = project(test, *options)
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(["*test: inconclusive: * of 10 robust*suite smoke*"])
    project(None, *options, "--sparring-allow", "inconclusive").assert_outcomes(passed=1)


def test_a_check_in_a_fixture_is_a_check_of_the_test(project):
    test = "from common import check, pytest\n@pytest.fixture\ndef run(): return check(min_robust_accuracy=0.1)\n"
    result = project(test + "def test(run): assert run.folder is not None")
    result.assert_outcomes(passed=1)
    result.stdout.fnmatch_lines(["*test: pass: *"])


def test_without_a_cache_nothing_is_kept(project):
    test = "from common import check\ndef test(): assert check(min_robust_accuracy=0.1).folder is None"
    project(test, "-p", "no:cacheprovider").assert_outcomes(passed=1)


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--sparring-sample", "0"], "at least one sample"),
        (["--sparring-sample", "few"], "--sparring-sample"),
        (["--sparring-allow", "fail"], "inconclusive"),
        (["--sparring-suite", "smokey"], 'did you mean "smoke"'),
        (["--sparring-out", "/proc/nowhere"], "/proc/nowhere"),
    ],
)
def test_bad_options_are_told(project, words, said):
    result = project("from common import check\ndef test(): check(min_robust_accuracy=0.1)", *words)
    assert result.ret != 0 and said in result.stdout.str() + result.stderr.str()
    assert "INTERNALERROR" not in result.stdout.str() + result.stderr.str()


def test_a_project_without_checks_pays_nothing(project, pytester):
    test = "import sys\ndef test(): assert not {'torch', 'numpy', 'pyarrow'} & set(sys.modules)"
    result = project(test, process=pytester.runpytest_subprocess)
    result.assert_outcomes(passed=1)
    result.stdout.no_fnmatch_line("*robustness*")
    code = f"import pytest, sys, {NAME}; print(sorted(name for name in sys.modules if 'sparring' in name))"
    loaded = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
    assert json.loads(loaded.replace("'", '"')) == ["sparring", NAME, "sparring.session"]


@pytest.mark.skipif(find_spec("xdist") is None, reason="needs pytest-xdist")
def test_workers_of_xdist_tell_the_same(project, pytester):
    result = project(TESTS, "-n", 2, "--sparring-out", "out", process=pytester.runpytest_subprocess)
    result.assert_outcomes(passed=2, failed=1)
    assert len(_folders(pytester.path / "out")) == 4
    result.stdout.fnmatch_lines(["*test_bad: pass: *", "*test_bad: fail: *"])
