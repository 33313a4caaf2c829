"""The permit to send queries to one address: everything that an engagement demands, looked at before each request."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime

from sparring.engagement.address import Address, is_loopback, resolved
from sparring.engagement.purse import Purse
from sparring.engagement.terms import Engagement
from sparring.errors import Exhausted, Interrupted, UsageError

__all__ = ["Permit", "permit_for"]


def _clocks() -> tuple[float, float]:
    return time.time(), time.monotonic()


@dataclass(frozen=True)
class Permit:
    """What may be sent to an address.

    Args:
        address: Of the model.
        numbers: IP addresses that the host stood for when the permit was made: no request goes to others, so a name
            that changes its meaning leads nowhere.
        engagement: What was allowed; None for this machine, where nothing has to be.
        purse: The count of queries; there is one if there is an engagement.
        began: Wall clock and monotonic clock when the permit was made.
    """

    address: Address
    numbers: tuple[str, ...]
    engagement: Engagement | None = None
    purse: Purse | None = None
    began: tuple[float, float] = field(default_factory=_clocks)

    def check(self) -> None:
        """Refuse a request outside of the engagement's targets or time.

        Raises:
            Exhausted: The time is over.
            UsageError: The target is not one of the engagement's, or its time has not come.
        """
        if self.engagement is None:
            return
        if not self.engagement.covers(self.address):
            raise UsageError(_foreign(self.engagement, self.address))
        window, now = self.engagement.window, self._now()
        if now > window.until:
            raise Exhausted(
                f"the engagement {self.engagement.path.name} ended at {window.until.isoformat()}; ask its authoriser, "
                f"{self.engagement.authoriser.name}, for a longer one"
            )
        if datetime.now(UTC) < window.from_:
            raise UsageError(
                f"the engagement {self.engagement.path.name} begins at {window.from_.isoformat()}; wait until then"
            )

    def pay(self, queries: int, wait: Callable[[float], bool], *, held: bool = False) -> None:
        """Let so many queries be sent now, waiting where they come too fast.

        Args:
            queries: How many.
            wait: Waits so many seconds; True if it was woken before, because nobody wants the answer any more.
            held: Whether they may come from what was held back for verification.

        Raises:
            Exhausted: So many are not left, or the time is over.
            Interrupted: The wait was cut short.
            UsageError: As in `check`.
        """
        self.check()
        while self.purse is not None and (seconds := self.purse.pay(queries, held=held)):
            if wait(seconds):
                raise Interrupted
            self.check()

    def _now(self) -> datetime:
        """The later of what two clocks say, so that setting the clock back wins no time."""
        wall, monotonic = self.began
        return datetime.fromtimestamp(max(time.time(), wall + time.monotonic() - monotonic), UTC)


def permit_for(address: Address, engagement: Engagement | None) -> Permit:
    """The permit for an address: this machine needs no engagement, everything else does.

    Raises:
        ModelError: The host is not known.
        UsageError: There is no engagement, or it does not allow this target now.
    """
    if engagement is not None and not engagement.covers(address):  # before anybody is asked for the name
        raise UsageError(_foreign(engagement, address))
    permit = Permit(
        address, resolved(address), engagement, None if engagement is None else _purse(engagement)
    )
    try:
        permit.check()
    except Exhausted as error:  # nothing has begun that could be kept
        raise UsageError(str(error)) from None
    if engagement is None and not all(map(is_loopback, permit.numbers)):
        raise UsageError(
            f"{address} is not on this machine ({', '.join(permit.numbers)}), so somebody must have allowed to attack "
            "it: give their engagement file, as docs/responsible-use.md says"
        )
    return permit


def _purse(engagement: Engagement) -> Purse:
    budgets = engagement.budgets
    path = engagement.path.with_name(f"{engagement.path.name}.spent")
    return Purse(path, budgets.queries, budgets.queries_per_minute)


def _foreign(engagement: Engagement, address: Address) -> str:
    return (
        f"the engagement {engagement.path.name} does not cover {address}; its targets are "
        f"{', '.join(engagement.targets)}"
    )
