import copy

import jsonschema
import pytest

from sparring.storage import result_schema
from sparring.storage.schema import fault
from tests.reports.runs import make_run

VALIDATOR = jsonschema.Draft202012Validator


@pytest.fixture(scope="module")
def result():
    return make_run(20).result


def test_the_schema_is_a_schema():
    VALIDATOR.check_schema(result_schema())


def test_a_result_keeps_the_schema(result):
    VALIDATOR(result_schema()).validate(result)
    assert fault(result, result_schema()) is None


def test_later_versions_may_add_anything(result):
    added = result | {"mood": "good", "model": result["model"] | {"colour": "blue"}}
    VALIDATOR(result_schema()).validate(added)
    assert fault(added, result_schema()) is None


@pytest.mark.parametrize("key", result_schema()["required"])
def test_every_required_key_is_missed(result, key):
    assert fault({name: value for name, value in result.items() if name != key}, result_schema())


@pytest.mark.parametrize(
    ("path", "value"),
    [
        (("samples",), "256"),
        (("samples",), True),
        (("samples",), -1),
        (("robust",), 1.5),
        (("verdict",), "fine"),
        (("interval",), {"low": 0.1, "high": 0.2}),
        (("threat",), {"text": "linf:8/255"}),
        (("findings",), [{"id": "a", "severity": "bad", "message": ""}]),
        (("curve", "passes"), [1, "2"]),
        (("suite", "stages"), [{"name": "a"}]),
        (("data", "classes"), 10),
        (("reasons",), "none"),
    ],
    ids=str,
)
def test_our_check_agrees_with_the_reference(result, path, value):
    broken = copy.deepcopy(result)
    place = broken
    for key in path[:-1]:
        place = place[key]
    place[path[-1]] = value
    with pytest.raises(jsonschema.ValidationError):
        VALIDATOR(result_schema()).validate(broken)
    assert path[0] in str(fault(broken, result_schema()))
