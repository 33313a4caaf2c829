"""A process that carries requests to a target, and writes every answer down before it hands it over.

It outlives whoever started it: where an audit is killed, the courier still takes in the answers that were on their way,
writes them down, and ends. So no answer that was paid is lost.
"""

from __future__ import annotations

import atexit
import fcntl
import json
import os
import pickle
import subprocess
import sys
import threading
from collections.abc import Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Any

from sparring.engagement import Permit
from sparring.errors import InternalError, ModelError
from sparring.models.remote import wire

__all__ = ["Courier", "hired", "main"]

_START = """
import sys, types
for name, place in zip(("sparring", "sparring.models", "sparring.models.remote"), sys.argv[1:]):
    sys.modules[name] = types.ModuleType(name)
    sys.modules[name].__path__ = [place]
from sparring.models.remote.courier import main
main()
"""
"""The packages without what they load: a courier needs no torch, and shall be there at once."""

_PLACES = [str(place) for place in reversed(Path(__file__).parents[:3])]


@dataclass(frozen=True)
class Courier:
    """The process, as whoever started it sees it."""

    process: subprocess.Popen[bytes]
    waiting: dict[int, Future[Any]] = field(default_factory=dict)
    turn: threading.Lock = field(default_factory=threading.Lock)

    def carry(self, path: str, content: bytes, rows: Sequence[str]) -> Any:
        """The target's answer to a request about `rows`, by their names.

        Raises:
            ModelError: There is none that can be read; `wire.Passing` if there may be one a moment later.
        """
        answer: Future[Any] = Future()
        with self.turn:
            number = len(self.waiting)
            self.waiting[number] = answer
            _say(
                self.process.stdin,
                {"number": number, "path": path, "rows": list(rows), "content": content.decode()},
            )
        return answer.result()

    def end(self) -> None:
        """Let it finish, and wait for it."""
        with suppress(OSError):
            self.process.stdin.close()  # type: ignore[union-attr]  # it was opened as a pipe
        self.process.wait()

    def listen(self) -> None:
        """Hand every answer to whoever waits for it."""
        assert self.process.stdout is not None
        for line in self.process.stdout:
            said = json.loads(line)
            waiting = self.waiting[said["number"]]
            if "answer" in said:
                waiting.set_result(said["answer"])
            else:
                waiting.set_exception(_raised(said))
        for left in self.waiting.values():
            if not left.done():
                left.set_exception(InternalError("the process that carries requests has ended"))


def hired(permit: Permit, patience: wire.Patience, path: Path, lines: int) -> Courier:
    """A courier that writes to the file `path`, and has `lines` requests on their way at most."""
    places = os.pathsep.join(place or os.getcwd() for place in sys.path)
    process = subprocess.Popen(
        [sys.executable, "-c", _START, *_PLACES],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        env=os.environ | {"PYTHONPATH": places},
        start_new_session=True,  # Ctrl-C in a terminal reaches the audit alone
    )
    courier = Courier(process)
    _say(process.stdin, pickle.dumps((permit.address, permit.numbers, patience, str(path), lines)).hex())
    threading.Thread(target=courier.listen, daemon=True).start()
    atexit.register(courier.end)
    return courier


def main() -> None:
    """Carry what is asked for on standard input, until that ends and everything is written down."""
    order = bytes.fromhex(json.loads(sys.stdin.buffer.readline()))
    address, numbers, patience, path, lines = pickle.loads(order)  # noqa: S301  (made by the process that started this one)
    permit, turn = Permit(address, numbers), threading.Lock()

    def carry(said: dict[str, Any]) -> None:
        try:
            answer = wire.exchange(permit, said["path"], said["content"].encode(), patience)
            with turn:
                _say(file, {"rows": said["rows"], "answer": answer})
            reply = {"answer": answer}
        except wire.Passing as failure:
            reply = {"passing": str(failure), "after": failure.after}
        except wire.Refused as refusal:
            reply = {"refused": str(refusal)}
            if len(said["rows"]) == 1:  # else nobody knows which of them it is about
                with turn:
                    _say(file, {"rows": said["rows"], **reply})
        except Exception as error:
            reply = {"error": str(error)}
        with turn, suppress(OSError):  # nobody may be there any more
            _say(sys.stdout.buffer, {"number": said["number"], **reply})

    with Path(path).open("ab", buffering=0) as file, ThreadPoolExecutor(lines) as pool:
        fcntl.flock(file, fcntl.LOCK_EX)
        for line in sys.stdin.buffer:
            if line.endswith(b"\n"):  # else whoever wrote it was killed meanwhile
                pool.submit(carry, json.loads(line))


def _say(file: IO[bytes] | None, message: Any) -> None:
    assert file is not None
    file.write(json.dumps(message).encode() + b"\n")
    file.flush()


def _raised(said: dict[str, Any]) -> Exception:
    if "passing" in said:
        return wire.Passing(said["passing"], said["after"])
    return wire.Refused(said["refused"]) if "refused" in said else ModelError(said["error"])
