"""The workflows in docs/ci are valid, and their commands are run as they stand."""

import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest
from ruamel.yaml import YAML

from sparring import pytest_plugin
from tests.cli.files import NET

pytest_plugins = ["pytester"]

DOCS = Path(__file__).parents[2] / "docs"
SCHEMAS = {"github.yml": "vendor.github-workflows", "gitlab.yml": "vendor.gitlab-ci"}


def _texts(value):
    """Every piece of text in a document, and every line of it."""
    if isinstance(value, str):
        yield from value.splitlines()
    for each in value.values() if isinstance(value, dict) else value if isinstance(value, list) else ():
        yield from _texts(each)


def _commands(name, program):
    """The command lines of a workflow that call a program, in order, without its name."""
    lines = _texts(YAML(typ="safe").load(DOCS / "ci" / name))
    return [shlex.split(line)[1:] for line in lines if line.startswith(f"{program} ")]


@pytest.mark.parametrize("name", SCHEMAS)
def test_the_published_schema_holds(name):
    command = [
        sys.executable,
        "-m",
        "check_jsonschema",
        "--builtin-schema",
        SCHEMAS[name],
        DOCS / "ci" / name,
    ]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr


def test_the_schema_notices_mistakes(tmp_path):
    wrong = tmp_path / "wrong.yml"
    wrong.write_text((DOCS / "ci" / "github.yml").read_text().replace("runs-on:", "run-on:"))
    command = [sys.executable, "-m", "check_jsonschema", "--builtin-schema", "vendor.github-workflows", wrong]
    assert subprocess.run(command, capture_output=True, text=True).returncode == 1


@pytest.mark.parametrize("name", SCHEMAS)
def test_the_commands_work_and_make_every_file_that_is_named(sparring, project, name):
    commands = _commands(name, "sparring")
    assert [words[0] for words in commands] == ["audit", "report"]
    for words in commands * 2:  # the second time from the cache
        code, _, err = sparring(*words)
        assert (code, err) == (0, "")
    named = {path for line in _texts(YAML(typ="safe").load(DOCS / "ci" / name)) for path in _files(line)}
    assert len(named) >= 2 and all((project / path).exists() for path in named)


def _files(line):
    return re.findall(r"runs/ci(?:/[\w.]+)?", line)


@pytest.mark.parametrize("name", SCHEMAS)
def test_the_tests_are_given_options_that_there_are(name):
    class Known(list):
        def addoption(self, *names, **_):
            self.extend(names)

        def getgroup(self, *_):
            return self

    pytest_plugin.pytest_addoption(known := Known())
    (words,) = _commands(name, "pytest")
    assert {word for word in words if word.startswith("--")} <= {*known, "--junitxml"}


def test_the_test_in_the_docs_is_a_test(pytester, project):
    (source,) = re.findall(r"```python\n(.*?)```", (DOCS / "ci.md").read_text(), re.DOTALL)
    pytester.makepyfile(net=NET, test_net=source)
    (pytester.path / "data.npz").write_bytes((project / "data.npz").read_bytes())
    plugin = [] if _installed() else ["-p", "sparring.pytest_plugin"]
    result = pytester.runpytest_subprocess(*plugin, "--sparring-suite", "smoke", "--sparring-out", "out")
    result.stdout.fnmatch_lines(["*robustness*", "test_net.py::test_robustness: *of 30 robust*suite smoke*"])
    assert len(list((pytester.path / "out").glob("*/junit.xml"))) == 1


def _installed():
    from importlib.metadata import entry_points

    return any(each.value == "sparring.pytest_plugin" for each in entry_points(group="pytest11"))


def test_every_option_of_the_plugin_is_in_the_docs():
    named = re.findall(r'"(--sparring-[\w-]+)"', Path(pytest_plugin.__file__).read_text())
    assert len(named) == 5 and all(f"`{name}" in (DOCS / "ci.md").read_text() for name in named)
