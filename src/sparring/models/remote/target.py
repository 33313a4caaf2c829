"""A model behind an address: answers over HTTP, no gradients.

Each row that is shown is a query that somebody pays for, so batches are not filled up, and every request passes the
permit (`sparring.engagement`).
"""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from contextvars import ContextVar
from hashlib import sha256
from importlib.util import find_spec
from pathlib import Path
from typing import Any, Protocol

import torch
from torch import Tensor, nn

from sparring.engagement import Engagement, Permit, parse_address, permit_for
from sparring.errors import Exhausted, MissingExtraError, UsageError
from sparring.models.batches import AnyBatch
from sparring.models.behind import modules_behind
from sparring.models.loaded import Loaded
from sparring.models.remote import wire
from sparring.models.remote.answers import Answers, opened_answers, row_keys
from sparring.models.remote.courier import Courier, hired
from sparring.models.remote.json_port import json_port
from sparring.models.remote.oip import is_oip, port_of
from sparring.models.remote.refusals import put_together
from sparring.tensors import tree_map

__all__ = [
    "Remote",
    "load_remote",
    "refused",
    "remote_behind",
    "reserved",
    "split_rows",
    "turned_away",
    "verifying",
]

ROWS = 8
"""Most rows in one request; a batch is sent as several."""

LINES = 4
"""Requests on their way at the same time."""

_VERIFYING: ContextVar[bool] = ContextVar("verifying", default=False)


class Port(Protocol):
    """How a service is asked: `OipPort` or `JsonPort`. Its path is behind the address; None rows are any number."""

    @property
    def path(self) -> str: ...

    @property
    def rows(self) -> int | None: ...

    def check(self, shape: torch.Size) -> None: ...

    def request(self, inputs: Tensor) -> bytes: ...

    def outputs(self, answer: Any, rows: int) -> Tensor | dict[str, Tensor]: ...


class Remote(nn.Module):
    """A model behind an address.

    Attributes:
        permit: What may be sent.
        port: How it is asked.
        sent: Rows that were sent, again ones included.
        retries: Requests that were sent again.
        refused: Why nothing more is asked: the engagement allows no more, or nobody answers; None while somebody does.
        turned_away: Why the target did not take an input, the first time; None while it took all of them.
        answers: Those that are kept in a file, if they are.
    """

    def __init__(self, permit: Permit, port: Port, patience: wire.Patience) -> None:
        super().__init__()
        self.permit = permit
        self.port = port
        self.patience = patience
        self.sent = 0
        self.retries = 0
        self.refused: str | None = None
        self.turned_away: str | None = None
        self._known: Any = None
        self.answers: Answers | None = None
        self._courier: Courier | None = None
        self._counts = threading.Lock()

    def forward(self, inputs: Tensor) -> Tensor | dict[str, Tensor]:
        """Outputs for inputs `(N, *shape)`.

        Raises:
            Exhausted: The engagement allows no more, or nobody answers any more.
            ModelError: The server does not answer as it must; `Refused` if it does not take one of the inputs, unless
                that is borne (`refusals.py`): then this one's outputs are NaN.
        """
        self.port.check(inputs.shape)
        rows = (
            self._fetched(inputs, None) if self.answers is None else self._from_answers(inputs, self.answers)
        )
        self._known = next((row for row in rows if not isinstance(row, wire.Refused)), self._known)
        refusals = (str(row) for row in rows if isinstance(row, wire.Refused))
        self.turned_away = self.turned_away or next(refusals, None)
        return tree_map(lambda values: values.to(inputs.device), put_together(rows, self._known))

    def _from_answers(self, inputs: Tensor, answers: Answers) -> list[Any]:
        """Outputs row by row, asking only about rows that no answer is kept of."""
        keys = row_keys(inputs)
        rows = [answers.following(key) for key in keys]
        missing = [place for place, row in enumerate(rows) if row is None]
        if missing:
            found = self._fetched(inputs[missing], [keys[place] for place in missing])
            for place, row in zip(missing, found, strict=True):
                rows[place] = row
        return rows

    def _fetched(self, inputs: Tensor, keys: Sequence[str] | None) -> list[Any]:
        """Outputs row by row, of several requests; `keys` are the names under which answers are kept."""
        held, over = _VERIFYING.get(), threading.Event()
        if self.refused is not None and not held:
            raise Exhausted(self.refused)
        try:
            with ThreadPoolExecutor(LINES) as pool:
                try:
                    cut = inputs.split(self._rows)
                    names = [
                        keys and keys[place * self._rows :][: len(part)] for place, part in enumerate(cut)
                    ]
                    parts = list(
                        pool.map(lambda part, own: self._ask(part, own, over.wait, held), cut, names)
                    )
                finally:
                    over.set()  # whoever still waits for a turn gives up
        except Exhausted as end:
            self.refused = str(end)
            raise
        return [row for part in parts for row in part]

    @property
    def _rows(self) -> int:
        """Rows per request: what the model takes, and no more than may be sent in a minute."""
        if self.port.rows is not None:
            return self.port.rows
        purse = self.permit.purse
        rate = None if purse is None else purse.per_minute
        return ROWS if rate is None else min(ROWS, rate)

    def _ask(self, inputs: Tensor, keys: Sequence[str] | None, wait: wire.Wait, held: bool) -> list[Any]:
        """One request; if it is refused, one for each row, since nobody knows which of them was meant."""

        def pay() -> None:
            self.permit.pay(len(inputs), wait, held=held)
            with self._counts:
                self.sent += len(inputs)

        path, body = self.port.path, self.port.request(inputs)

        def send() -> Any:
            if keys is None:
                return wire.exchange(self.permit, path, body, self.patience)
            return self._hired().carry(path, body, keys)

        try:
            answer, tries = wire.fetch(self.permit, send, pay, wait, self.patience)
        except wire.Silent as silence:
            raise Exhausted(str(silence)) from None
        except wire.Refused as refusal:
            if len(inputs) == 1:
                return [refusal]
            if self.port.rows is not None:  # it takes no row alone
                raise
            names = [[key] for key in keys] if keys else [None] * len(inputs)
            alone = zip(inputs.split(1), names, strict=True)
            return [row for one, name in alone for row in self._ask(one, name, wait, held)]
        with self._counts:
            self.retries += tries - 1
        return split_rows(self.port.outputs(answer, len(inputs)), len(inputs))

    def _hired(self) -> Courier:
        """Who sends requests whose answers are kept."""
        with self._counts:
            if self._courier is None:
                assert self.answers is not None
                self._courier = hired(self.permit, self.patience, self.answers.path, LINES)
            return self._courier

    @contextmanager
    def keeping(self, path: Path, resume: bool) -> Iterator[None]:
        """While the block lasts, write every answer into the file `path`; with `resume`, use those there before asking.

        Blocks may stand in each other: what is asked in the inner one is kept in its file alone.
        """
        outer = self.answers, self._courier
        self.answers, self._courier = self._opened(path, resume), None
        try:
            yield
        finally:
            self._let_go()
            self.answers, self._courier = outer

    def forget(self) -> None:
        """Throw away the answers that are kept; what is asked from now on in this block is not kept."""
        if self.answers is not None:
            self._let_go()
            self.answers.path.unlink(missing_ok=True)
            self.answers = None

    def _opened(self, path: Path, resume: bool) -> Answers:
        return opened_answers(
            path, resume, lambda answer, rows: split_rows(self.port.outputs(answer, rows), rows)
        )

    def _let_go(self) -> None:
        if self._courier is not None:
            self._courier.end()
            self._courier = None


def split_rows(outputs: Tensor | dict[str, Tensor], rows: int) -> list[Any]:
    """Outputs row by row."""
    return [tree_map(lambda values, place=place: values[place], outputs) for place in range(rows)]


def load_remote(address: str, engagement: Engagement | None = None, json_fields: str | None = None) -> Loaded:
    """Make a model behind an address one that can be called.

    Args:
        address: `http://host:port/v2/models/NAME`, perhaps with `/versions/VERSION`: the server is asked about the
            model. With `json_fields`, any other: nothing is asked yet.
        engagement: What was allowed; none is needed for a model on this machine.
        json_fields: Where inputs and outputs stand in JSON: `instances:predictions`.

    Raises:
        MissingExtraError: httpx is not installed.
        ModelError: The server is not there, or does not know such a model.
        UsageError: Nobody allowed it, or nobody knows how to ask there.
    """
    if find_spec("httpx") is None:
        raise MissingExtraError("a model behind an address", "remote")
    place = parse_address(address)
    where = str(place)
    if json_fields is not None:
        mapped = json_port(json_fields, where)
        return _loaded(Remote(permit_for(place, engagement), mapped, wire.PATIENCE), [where, json_fields])
    if not is_oip(place):
        raise UsageError(
            f'"{address}" is not the address of a model in the Open Inference Protocol, such as '
            "http://host:port/v2/models/NAME; for another service say where inputs and outputs stand in its JSON, by "
            "json_fields, such as instances:predictions"
        )
    permit = permit_for(place, engagement)
    metadata = _metadata(permit)
    return _loaded(Remote(permit, port_of(metadata, where), wire.PATIENCE), [where, metadata])


def _metadata(permit: Permit) -> Any:
    """What a server says of a model."""
    patience = wire.PATIENCE
    metadata, _ = wire.fetch(
        permit,
        lambda: wire.exchange(permit, "", None, patience),
        permit.check,
        threading.Event().wait,
        patience,
    )
    return metadata


def _loaded(remote: Remote, known: Any) -> Loaded:
    """The model, in requests of as many rows as it takes; its digest is that of what is `known` of it."""
    module: nn.Module = remote
    notes: tuple[str, ...] = (
        "the model is behind an address: it gives scores but no gradients, and its digest is that of its address and "
        "of what the server says of it, not of its weights",
    )
    if (rows := remote.port.rows) is not None:
        _check_rate(remote.permit, rows)
        module = AnyBatch(module, rows, rows)
        notes += (
            f"the model takes batches of {rows} rows: others are cut and filled up, which costs queries",
        )
    said = json.dumps(known, sort_keys=True)
    return Loaded(module, sha256(said.encode()).hexdigest(), gradients=False, notes=notes)


def _check_rate(permit: Permit, rows: int) -> None:
    rate = None if permit.purse is None else permit.purse.per_minute
    if rate is not None and rows > rate:
        raise UsageError(
            f"the model at {permit.address} takes {rows} rows at a time, and the engagement allows {rate} queries a "
            "minute; ask for more, or serve the model with any number of rows"
        )


def remote_behind(model: Callable[..., Any]) -> Remote | None:
    """The model behind an address that a callable asks, if it does."""
    return next((module for module in modules_behind(model) if isinstance(module, Remote)), None)


def refused(model: Callable[..., Any]) -> str | None:
    """Why an engagement allows no more queries of a model; None if it does, or there is none."""
    remote = remote_behind(model)
    return None if remote is None else remote.refused


def turned_away(model: Callable[..., Any]) -> str | None:
    """Why a model behind an address did not take an input; None if it took all of them, or there is none."""
    remote = remote_behind(model)
    return None if remote is None else remote.turned_away


@contextmanager
def reserved(model: Callable[..., Any], queries: int) -> Iterator[None]:
    """While the block lasts, hold queries back for `verifying`; nothing else is sent if so many are not left."""
    remote = remote_behind(model)
    purse = None if remote is None else remote.permit.purse
    if remote is None or purse is None:
        yield
        return
    if remote.refused is None and not purse.hold(queries):
        remote.refused = (
            f"the engagement allows {purse.total:,} queries; {purse.spent:,} were sent, and the {queries:,} that may "
            "be needed to verify what is found are not left"
        )
    try:
        yield
    finally:
        purse.hold(0)


@contextmanager
def verifying() -> Iterator[None]:
    """While the block lasts, what was held back may be used."""
    token = _VERIFYING.set(True)
    try:
        yield
    finally:
        _VERIFYING.reset(token)
