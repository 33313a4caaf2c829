import pytest

from sparring import errors
from sparring.errors import Interrupted, MissingExtraError, SparringError, nearest


def test_every_error_is_in_the_tree_and_has_its_exit_code() -> None:
    codes = {
        name: thing.exit_code
        for name, thing in vars(errors).items()
        if isinstance(thing, type) and issubclass(thing, SparringError)
    }
    two = (
        "OtherRunError",
        "UsageError",
        "DataError",
        "ModelError",
        "ThreatError",
        "UnsafeFileError",
        "MissingExtraError",
    )
    assert codes == dict.fromkeys(two, 2) | {
        "CheckFailed": 1,
        "Exhausted": 5,
        "Interrupted": 130,
        "InternalError": 70,
        "SparringError": 70,
    }
    assert set(codes) | {"nearest"} == set(errors.__all__)


def test_the_docstring_draws_the_whole_tree() -> None:
    assert errors.__doc__ is not None
    assert all(name in errors.__doc__ for name in errors.__all__ if name != "nearest")


def test_messages_carry_what_they_promise() -> None:
    assert "pip install 'sparring[onnx]'" in str(MissingExtraError("reading .onnx models", "onnx"))
    assert Interrupted(findings=3).findings == 3


@pytest.mark.parametrize(
    ("name", "known", "words"),
    [
        ("pgb", ["pgd", "fgsm"], 'did you mean "pgd"?'),
        ("zz", ["b", "a"], "known are: a, b"),
        ("a", [], "none is known"),
    ],
)
def test_nearest(name: str, known: list[str], words: str) -> None:
    assert nearest(name, known) == words
