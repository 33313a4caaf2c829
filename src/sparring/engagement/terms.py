"""The engagement file: who allows which techniques against which targets, when, and how many queries."""

from __future__ import annotations

from hashlib import sha256
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import AwareDatetime, ConfigDict, Field, TypeAdapter, ValidationError
from pydantic.dataclasses import dataclass

from sparring.config.lines import line_of
from sparring.config.load import as_json
from sparring.config.words import Tables, fault_words
from sparring.engagement.address import Address, parse_address
from sparring.engagement.targets import covers
from sparring.errors import UsageError

__all__ = ["Authoriser", "Budgets", "Engagement", "Window", "load_engagement"]

_STRICT = ConfigDict(extra="forbid", strict=True)

Count = Annotated[int, Field(ge=1)]
Text = Annotated[str, Field(min_length=1)]
Texts = Annotated[tuple[Text, ...], Field(min_length=1)]


@dataclass(frozen=True, config=_STRICT)
class Authoriser:
    """`[authoriser]`: who allowed it, and how to reach them."""

    name: Text
    contact: Text


@dataclass(frozen=True, config=_STRICT)
class Window:
    """`[window]`: when it is allowed; both ends with their time zone."""

    from_: Annotated[AwareDatetime, Field(alias="from")]
    until: AwareDatetime

    def __str__(self) -> str:
        return f"{self.from_.isoformat()} to {self.until.isoformat()}"


@dataclass(frozen=True, config=_STRICT)
class Budgets:
    """`[budgets]`: how many samples may be shown to the targets, by all processes together."""

    queries: Count
    queries_per_minute: Count | None = None


@dataclass(frozen=True, config=_STRICT)
class _File:
    """A whole engagement file."""

    schema: Literal[1]
    targets: Texts
    techniques: Texts
    authoriser: Authoriser
    window: Window
    budgets: Budgets


_TABLES: Tables = {
    (): ("the file", _File),
    ("authoriser",): ("[authoriser]", Authoriser),
    ("window",): ("[window]", Window),
    ("budgets",): ("[budgets]", Budgets),
}


@dataclass(frozen=True)
class Engagement:
    """What was allowed, and the file that says so.

    Args:
        path: Of the file, absolute.
        digest: Its SHA-256.
        targets: Addresses of models; `*` stands for anything within one part.
        techniques: Names of attacks or suites, or `evasion` for all that change inputs.
        authoriser: Who allowed it.
        window: When.
        budgets: How often.
    """

    path: Path
    digest: str
    targets: tuple[str, ...]
    techniques: tuple[str, ...]
    authoriser: Authoriser
    window: Window
    budgets: Budgets

    def covers(self, address: Address) -> bool:
        """Whether one of the targets is this address."""
        return any(covers(pattern, address) for pattern in self.targets)

    @property
    def entry(self) -> dict[str, Any]:
        """What reports and logs say of it."""
        return {
            "authoriser": self.authoriser.name,
            "contact": self.authoriser.contact,
            "from": self.window.from_.isoformat(),
            "until": self.window.until.isoformat(),
            "queries": self.budgets.queries,
            "queries_per_minute": self.budgets.queries_per_minute,
            "file": self.path.name,
            "digest": self.digest,
        }


def load_engagement(path: str | Path) -> Engagement:
    """Read an engagement file.

    Raises:
        UsageError: It is missing, is no TOML, or says something that nobody understands.
    """
    path = Path(path)
    try:
        content = path.read_bytes()
        text = content.decode()
    except (OSError, UnicodeError) as error:
        reason = getattr(error, "strerror", None) or "it is no text"
        raise UsageError(f"the engagement file {path} cannot be read: {reason}") from error
    try:
        file = TypeAdapter(_File).validate_json(as_json(text, path))
    except ValidationError as error:
        raise UsageError(f"{path}, {fault_words(error, text, _TABLES)}") from None
    _check(file, text, path)
    said = {name: value for name, value in vars(file).items() if name in Engagement.__dataclass_fields__}
    return Engagement(path=path.resolve(), digest=sha256(content).hexdigest(), **said)


def _check(file: _File, text: str, path: Path) -> None:
    """What each key alone does not show."""
    for target in file.targets:
        try:
            parse_address(target)
        except UsageError as error:
            raise UsageError(f"{path}, line {line_of(text, ('targets',))}: {error}") from None
    if file.window.until <= file.window.from_:
        line = line_of(text, ("window", "until"))
        raise UsageError(f"{path}, line {line}: the window ends before it begins, {file.window}")
