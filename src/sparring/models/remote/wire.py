"""Requests over HTTP: sent again where that can help, and told in one sentence where it does not.

A redirect is not followed and a proxy of the environment not used: both would send inputs to places that nobody
allowed.
"""

from __future__ import annotations

import atexit
import json
import os
import ssl
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from functools import cache
from importlib.metadata import version
from typing import TYPE_CHECKING, Any

from sparring.engagement import Permit
from sparring.errors import ModelError

if TYPE_CHECKING:
    import httpx

__all__ = ["PATIENCE", "Passing", "Patience", "Refused", "Silent", "Wait", "exchange", "fetch"]

Wait = Callable[[float], bool]
"""Waits so many seconds; True if nobody wants the answer any more."""

PASSING = {408, 425, 429, 500, 502, 503, 504}
"""Answers that may be others a moment later."""

REFUSING = {400, 413, 415, 422}
"""Answers about what was sent, which say nothing of other inputs."""


@dataclass(frozen=True)
class Patience:
    """How long to wait for a server.

    Args:
        tries: How often a request is sent at most.
        first: Seconds before the second try; twice as many before each one after it.
        longest: Most seconds between two tries, also if the server asks for more.
        connect, answer: Seconds after which a server counts as silent.
    """

    tries: int = 5
    first: float = 0.25
    longest: float = 60.0
    connect: float = 10.0
    answer: float = 60.0


PATIENCE = Patience()


class Silent(ModelError):
    """A target that gave no answer, however often it was asked."""


class Refused(ModelError):
    """A target that does not take these inputs, but may take others."""


class Passing(Exception):
    """A failure that may pass; `after` is when the server wants to be asked again, in seconds."""

    def __init__(self, reason: str, after: float | None = None) -> None:
        super().__init__(reason)
        self.after = after


def fetch(
    permit: Permit, send: Callable[[], Any], pay: Callable[[], None], wait: Wait, patience: Patience
) -> tuple[Any, int]:
    """What a server answers, read from JSON, and how often it was asked.

    Args:
        permit: Where to.
        send: One try, such as `exchange`; raises `Passing` if another may help.
        pay: Called before every try; raises if it is one too many.
        wait: As in `Wait`.
        patience: How long.

    Raises:
        ModelError: There is no answer that can be read; `Silent` if there is none at all, `Refused` if these inputs are
            not taken.
    """
    for turn in range(1, patience.tries + 1):
        pay()
        try:
            return send(), turn
        except Passing as failure:
            seconds = failure.after if failure.after is not None else patience.first * 2 ** (turn - 1)
            if turn == patience.tries or seconds > patience.longest or wait(seconds):
                times = "once" if turn == 1 else f"{turn} times"
                raise Silent(f"{permit.address} was asked {times}, and {failure}") from None
    raise AssertionError("the last try returns or raises")


def exchange(permit: Permit, path: str, content: bytes | None, patience: Patience) -> Any:
    """One try: the JSON that answers a request.

    Args:
        permit: Where to.
        path: Behind the address of the model.
        content: Sent as JSON by POST; None to GET.
        patience: How long to wait.

    Raises:
        ModelError: The answer cannot be read; `Refused` if these inputs are not taken.
        Passing: There is none, and there may be one a moment later.
    """
    return _read(_sent(permit, path, content, patience), permit)


def _sent(permit: Permit, path: str, content: bytes | None, patience: Patience) -> httpx.Response:
    """One try, at each of the host's IP addresses until one takes the connection."""
    import httpx

    address, refused = permit.address, ""
    for number in permit.numbers:
        host = f"[{number}]" if ":" in number else number
        try:
            return _client(os.getpid(), address.host, patience).request(
                "GET" if content is None else "POST",
                f"{address.scheme}://{host}:{address.port}{address.path}{path}",
                content=content,
                headers={"Host": address.place, "Content-Type": "application/json"},
                extensions={} if address.host == number else {"sni_hostname": address.host},
            )
        except (httpx.ConnectError, httpx.ConnectTimeout) as error:
            if (reason := _in_tls(error)) is not None:
                raise ModelError(f"no secure connection to {address} can be made: {reason}") from None
            refused = (
                f"nobody answers there ({_short(str(error)) or 'no connection'}); is the server running?"
            )
        except httpx.TimeoutException:
            raise Passing(f"gave no answer within {patience.answer:g} seconds") from None
        except httpx.TransportError as error:
            raise Passing(
                f"the connection broke off ({_short(str(error)) or type(error).__name__})"
            ) from None
    raise Passing(refused)


@cache
def _client(process: int, host: str, patience: Patience) -> httpx.Client:
    """Connections of this process to a host; those of a parent process must not be shared."""
    import httpx

    client = httpx.Client(
        verify=ssl.create_default_context(),
        timeout=httpx.Timeout(patience.answer, connect=patience.connect),
        trust_env=False,
        follow_redirects=False,
        headers={"User-Agent": f"sparring/{version('sparring')}"},
    )
    atexit.register(client.close)
    return client


def _read(response: httpx.Response, permit: Permit) -> Any:
    """The JSON of an answer that is one."""
    status, address = response.status_code, permit.address
    if status in PASSING:
        raise Passing(f"answers {status} ({_said(response)})", _after(response))
    if response.has_redirect_location:
        raise ModelError(
            f"{address} sends us to {_short(response.headers['Location'])}, which is not followed; give that address "
            "if it is meant"
        )
    if status == 404:
        raise ModelError(
            f"the server at {address.place} knows no model under {address.path} ({_said(response)})"
        )
    if status != 200:
        failure = Refused if status in REFUSING else ModelError
        raise failure(f"{address} refuses the request: {status} ({_said(response)})")
    try:
        return json.loads(response.content)
    except (ValueError, RecursionError):
        kind = _short(response.headers.get("Content-Type", "nothing known"))
        raise ModelError(
            f"{address} answers with {kind} that is no JSON; is it the address of a model?"
        ) from None


def _after(response: httpx.Response) -> float | None:
    """When the server wants to be asked again, in seconds: a number, or a date."""
    said = response.headers.get("Retry-After", "").strip()
    if said.isdecimal():
        return float(said)
    try:
        return max(0.0, (parsedate_to_datetime(said) - datetime.now(UTC)).total_seconds())
    except (ValueError, TypeError):
        return None


def _said(response: httpx.Response) -> str:
    """What the server says is wrong, short."""
    try:
        said = json.loads(response.content)["error"]
    except (ValueError, KeyError, TypeError, RecursionError):
        said = response.reason_phrase
    return _short(str(said)) or "no reason given"


def _short(text: str) -> str:
    """Text of a stranger for one line of a terminal."""
    return "".join(each for each in " ".join(text.split()) if each.isprintable())[:200]


def _in_tls(error: BaseException | None) -> str | None:
    """What was wrong with TLS, if that is what an error began with."""
    while error is not None:
        if isinstance(error, ssl.SSLError):
            return _short(getattr(error, "verify_message", "") or error.reason or str(error))
        error = error.__cause__ or error.__context__
    return None
