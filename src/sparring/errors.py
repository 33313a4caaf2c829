"""Every exception that Sparring raises on purpose, in one tree.

    SparringError             anything below; `exit_code` is what the command line ends with
    ├── CheckFailed       1   a `sparring.check` did not pass; an AssertionError too
    ├── UsageError        2   an argument is wrong, a name is unknown
    │   └── OtherRunError 2   a folder holds the run of another plan
    ├── DataError         2   samples or labels cannot be used
    ├── ModelError        2   a model cannot be loaded, or does not answer as it must
    ├── ThreatError       2   a threat makes no sense, or not for these data
    ├── UnsafeFileError   2   a file could run code when it is read
    ├── MissingExtraError 2   an optional package is not installed
    ├── Exhausted         5   an engagement allows no more queries, its time is over, or the target is gone
    ├── Interrupted     130   the user stopped the run; what was found is in `findings`
    └── InternalError    70   a fault of ours

A message is one sentence that says what was asked, what was given and what to do.
"""

from collections.abc import Iterable
from difflib import get_close_matches

__all__ = [
    "CheckFailed",
    "DataError",
    "Exhausted",
    "InternalError",
    "Interrupted",
    "MissingExtraError",
    "ModelError",
    "OtherRunError",
    "SparringError",
    "ThreatError",
    "UnsafeFileError",
    "UsageError",
    "nearest",
]


class SparringError(Exception):
    """Root of the tree: `except SparringError` catches all that Sparring raises on purpose."""

    exit_code = 70


class CheckFailed(SparringError, AssertionError):
    """A `sparring.check` did not pass; test runners count it as a failure and not as an error.

    Attributes:
        run: What was found; `run.verdict` tells fail, inconclusive, invalid and incomplete apart.
    """

    exit_code = 1

    def __init__(self, message: str, run: object = None) -> None:
        super().__init__(message)
        self.run = run


class UsageError(SparringError):
    """An argument is wrong or a name is unknown."""

    exit_code = 2


class OtherRunError(UsageError):
    """A folder that a run shall go into holds the run of another plan."""


class DataError(SparringError):
    """Samples or labels are missing, broken, or not what an audit can use."""

    exit_code = 2


class ModelError(SparringError):
    """A model cannot be loaded, or does not answer as it must."""

    exit_code = 2


class ThreatError(SparringError):
    """A threat makes no sense, or makes none for these data."""

    exit_code = 2


class UnsafeFileError(SparringError):
    """A weights or data file could run code when it is read, and its SHA-256 was not named."""

    exit_code = 2


class MissingExtraError(SparringError):
    """An optional package is needed and not installed.

    Args:
        asked: What was asked for, as the start of a sentence: `"reading .onnx models"`.
        extra: The extra that brings the package, as in `pip install 'sparring[extra]'`.
    """

    exit_code = 2

    def __init__(self, asked: str, extra: str) -> None:
        super().__init__(
            f"{asked} needs an optional package; install it with: pip install 'sparring[{extra}]'"
        )


class Exhausted(SparringError):
    """No more can be asked: an engagement's queries are spent or its time is over, or the target is gone."""

    exit_code = 5


class Interrupted(SparringError):
    """The user stopped the run.

    Attributes:
        findings: What had been found until then, or None.
    """

    exit_code = 130

    def __init__(self, message: str = "stopped by the user", findings: object = None) -> None:
        super().__init__(message)
        self.findings = findings


class InternalError(SparringError):
    """A fault of ours, never of the caller's."""

    exit_code = 70


def nearest(name: str, known: Iterable[str]) -> str:
    """Say which known name may have been meant, as the end of an error message.

    >>> nearest("linv", ["linf", "l2"])
    'did you mean "linf"?'
    >>> nearest("zebra", ["linf", "l2"])
    'known are: l2, linf'
    """
    known = sorted(known)
    close = get_close_matches(name, known, n=1)
    if close:
        return f'did you mean "{close[0]}"?'
    return f"known are: {', '.join(known)}" if known else "none is known"
