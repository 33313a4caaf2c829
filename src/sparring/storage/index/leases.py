"""Leases on shards: which worker searches what, and when a worker counts as dead.

A holder's heart beats by counting up. Whoever waits for a lease looks at the count from time to time, and takes the
lease over when the count has stood still for `seconds` by the waiting process's own clock, which nobody can set. So
clocks of several machines need not agree, and a clock that jumps does nothing.

A lease saves work and protects nothing: a shard that two workers searched is the same twice, byte for byte.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field

from sqlalchemy import Engine, delete, insert, select, update
from sqlalchemy.exc import IntegrityError, SQLAlchemyError

from sparring.storage.index.schema import LEASES

__all__ = ["Leases"]


@dataclass(frozen=True)
class Leases:
    """The leases of one run, as one worker sees them.

    Args:
        store: Its tables are there.
        run: Whose shards.
        holder: Who asks; no two alike.
        seconds: How long a heart may stand still.
        clock: Never goes back; seconds.
        seen: For each shard the holder and count seen last, and when the count was first seen.
    """

    store: Engine
    run: str
    holder: str
    seconds: float
    clock: Callable[[], float] = time.monotonic
    seen: dict[int, tuple[str, int, float]] = field(default_factory=dict)

    def take(self, shards: Sequence[int]) -> int | None:
        """Lease the first of these shards that is free, or whose holder is dead; None if there is none."""
        chosen = LEASES.c.run == self.run
        with self.store.connect() as connection:
            rows = connection.execute(select(LEASES).where(chosen)).all()
        held = {row.shard: (row.holder, row.beats) for row in rows}
        return next((shard for shard in shards if self._got(shard, held.get(shard))), None)

    def beat(self) -> None:
        """Show that the holder lives."""
        mine = (LEASES.c.run == self.run) & (LEASES.c.holder == self.holder)
        with self.store.begin() as connection:
            connection.execute(update(LEASES).where(mine).values(beats=LEASES.c.beats + 1))

    def release(self) -> None:
        """Give back all leases of this holder."""
        self._freed(self.holder)

    def bury(self, holder: str) -> None:
        """Give back the leases of a holder that is known to be dead; if the store does not answer, they run out."""
        with suppress(SQLAlchemyError):
            self._freed(holder)

    def _freed(self, holder: str) -> None:
        theirs = (LEASES.c.run == self.run) & (LEASES.c.holder == holder)
        with self.store.begin() as connection:
            connection.execute(delete(LEASES).where(theirs))

    def _got(self, shard: int, held: tuple[str, int] | None) -> bool:
        if held is None:
            return self._entered(shard)
        known = self.seen.get(shard)
        if known is None or known[:2] != held:
            self.seen[shard] = (*held, self.clock())
            return False
        return self.clock() - known[2] >= self.seconds and self._taken_over(shard, *held)

    def _entered(self, shard: int) -> bool:
        """Be the first to write the lease down."""
        row = {"run": self.run, "shard": shard, "holder": self.holder, "beats": 0}
        try:
            with self.store.begin() as connection:
                connection.execute(insert(LEASES).values(row))
        except IntegrityError:
            return False
        return True

    def _taken_over(self, shard: int, holder: str, beats: int) -> bool:
        """Replace a dead holder, unless it lives after all or another was faster."""
        old = (LEASES.c.run == self.run) & (LEASES.c.shard == shard)
        old &= (LEASES.c.holder == holder) & (LEASES.c.beats == beats)
        with self.store.begin() as connection:
            change = update(LEASES).where(old).values(holder=self.holder, beats=beats + 1)
            return connection.execute(change).rowcount == 1
