"""Options in groups reach the command through its context, under the names and defaults of their group."""

import json
from typing import Any

import pytest
import typer
from typer.testing import CliRunner

from sparring.cli.groups import Address, Opening, Reading, taking

app = typer.Typer()


@app.command()
@taking(Opening, Reading)
def shown(context: typer.Context, own: str = "mine") -> int:
    """Print what arrived."""
    typer.echo(json.dumps({"own": own, "all": context.params}))
    return 0


def params(*words: str) -> Any:
    return json.loads(CliRunner().invoke(app, words, catch_exceptions=False).stdout)


def test_defaults_of_a_group_are_there_beside_the_commands_own() -> None:
    told = params()
    assert told["own"] == "mine"
    assert told["all"] == {
        **vars(Opening()), **vars(Reading()), "own": "mine",
    }  # fmt: skip


def test_what_was_given_arrives() -> None:
    told = params("--mean", "0.5", "--crop", "28", "--own", "yours")
    assert (told["all"]["mean"], told["all"]["crop"], told["own"]) == ("0.5", 28, "yours")


@pytest.mark.parametrize("name", vars(Address()))
def test_a_group_that_a_command_does_not_take_is_refused(name: str) -> None:
    result = CliRunner().invoke(app, [f"--{name.replace('_', '-')}", "x"])
    assert result.exit_code == 2
