"""A server on this machine that speaks the Open Inference Protocol, or JSON of its own, well or badly."""

from __future__ import annotations

import io
import json
import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import torch

PATH = "/v2/models/net"


@dataclass
class Behaviour:
    """What the server is, and what it has seen.

    `read` finds the inputs in a request, `write` makes an answer of the scores. `answer` is called for each request for
    scores, with its number from 1, and may misbehave: it says whether it has answered, and if not, the net does.
    """

    net: Callable[[torch.Tensor], torch.Tensor]
    shape: list[int]
    answer: Callable[[Handler, int], bool] = lambda handler, number: False
    read: Callable[[Any], torch.Tensor] = lambda body: asked_about(body)
    write: Callable[[torch.Tensor], Any] = lambda values: scores(values)
    metadata: dict[str, Any] = field(default_factory=dict)
    requests: int = 0
    rows: int = 0
    hosts: list[str] = field(default_factory=list)
    times: list[tuple[float, int]] = field(default_factory=list)
    lock: threading.Lock = field(default_factory=threading.Lock)


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    wbufsize = -1  # head and body in one packet
    server: Server

    def do_GET(self) -> None:
        shape = self.server.behaviour.shape
        said = {
            "name": "net",
            "versions": ["1"],
            "platform": "test",
            "inputs": [{"name": "pixels", "datatype": "FP32", "shape": shape}],
            "outputs": [{"name": "scores", "datatype": "FP32", "shape": [-1, 4]}],
        } | self.server.behaviour.metadata
        if self.path == PATH:
            self.send(200, said)
        else:
            self.send(404, {"error": "Model with name 'nut' not found"})

    def do_POST(self) -> None:
        behaviour = self.server.behaviour
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        self.inputs = behaviour.read(body)
        with behaviour.lock:
            behaviour.requests += 1
            behaviour.rows += len(self.inputs)
            behaviour.hosts.append(self.headers["Host"])
            behaviour.times.append((time.monotonic(), len(self.inputs)))
            number = behaviour.requests
        if not behaviour.answer(self, number):
            self.send(200, behaviour.write(behaviour.net(self.inputs)))

    def send(self, status: int, content: Any, **headers: str) -> bool:
        body = content.encode() if isinstance(content, str) else json.dumps(content).encode()
        self.send_response(status)
        for name, value in {"Content_Type": "application/json", **headers}.items():
            self.send_header(name.replace("_", "-"), value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)
        return True

    def hang_up(self) -> bool:
        self.close_connection = True
        self.wfile = io.BytesIO()
        self.connection.close()
        return True

    def log_message(self, *_: Any) -> None:
        pass

    def handle(self) -> None:
        with suppress(OSError, ValueError):  # the connection that was hung up
            super().handle()


class Server(ThreadingHTTPServer):
    daemon_threads = False  # a thread inside torch must not be cut off at the end of Python
    request_queue_size = 64
    behaviour: Behaviour

    def __init__(self, *arguments: Any) -> None:
        super().__init__(*arguments)
        self.lines: set[socket.socket] = set()

    def finish_request(self, request: Any, client_address: Any) -> None:
        self.lines.add(request)
        super().finish_request(request, client_address)

    def server_close(self) -> None:
        """Hang up on those who keep a connection, then wait for all threads."""
        for line in self.lines:
            with suppress(OSError):  # it is closed
                line.shutdown(socket.SHUT_RDWR)
        super().server_close()

    @property
    def address(self) -> str:
        return f"http://127.0.0.1:{self.server_port}{PATH}"


def asked_about(body: dict[str, Any]) -> torch.Tensor:
    """The inputs in a request."""
    (asked,) = body["inputs"]
    return torch.tensor(asked["data"]).reshape(asked["shape"])


def scores(values: torch.Tensor) -> dict[str, Any]:
    """An answer with these scores."""
    data = values.detach().flatten().tolist()
    output = {"name": "scores", "datatype": "FP32", "shape": list(values.shape), "data": data}
    return {"model_name": "net", "outputs": [output]}


@contextmanager
def serving(behaviour: Behaviour, port: int = 0) -> Iterator[Server]:
    server = Server(("127.0.0.1", port), Handler)
    server.behaviour = behaviour
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield server
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
