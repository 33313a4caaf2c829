"""Where a model behind an address is, and whether that is this machine."""

from __future__ import annotations

import socket
from dataclasses import dataclass
from ipaddress import IPv6Address, ip_address
from urllib.parse import SplitResult, unquote, urlsplit

from sparring.errors import ModelError, UsageError

__all__ = ["Address", "is_address", "is_loopback", "parse_address", "resolved"]

PORTS = {"http": 80, "https": 443}
_FORM = "write it as http://host:port/path, such as http://host:port/v2/models/NAME"


@dataclass(frozen=True)
class Address:
    """The address of a model, in parts.

    Args:
        scheme: `http` or `https`.
        host: In lower case; an IPv6 address without brackets.
        port: Also where it is the usual one.
        path: As it is sent.
    """

    scheme: str
    host: str
    port: int
    path: str

    @property
    def place(self) -> str:
        """Host and port as a `Host` header has them."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return host if PORTS[self.scheme] == self.port else f"{host}:{self.port}"

    @property
    def segments(self) -> tuple[str, ...]:
        """The parts of the path, as a server reads them."""
        return tuple(unquote(part) for part in self.path.rstrip("/").split("/")[1:])

    def __str__(self) -> str:
        return f"{self.scheme}://{self.place}{self.path}"


def is_address(source: object) -> bool:
    """Whether `source` reads as an address rather than a file."""
    return isinstance(source, str) and source.lower().startswith(("http://", "https://"))


def parse_address(text: str) -> Address:
    """The address of a model; in the Open Inference Protocol, a `/` or `/infer` at its end is left out.

    Raises:
        UsageError: It is none, or says what an address should not.

    >>> str(parse_address("HTTP://LocalHost:8000/v2/models/net/infer"))
    'http://localhost:8000/v2/models/net'
    """
    try:
        parts = urlsplit(text)
        port = parts.port or PORTS.get(parts.scheme, 0)
        host = (parts.hostname or "").rstrip(".").encode("idna").decode()
    except ValueError as error:
        raise UsageError(f'"{text}" is no address ({error}); {_FORM}') from None
    if parts.scheme not in PORTS or not host:
        raise UsageError(f'"{text}" is no address of a model; {_FORM}')
    if parts.username is not None or parts.password is not None:
        raise UsageError("an address is written into reports: leave user name and password out of it")
    if parts.query or parts.fragment:
        raise UsageError(f'"{text}" has a query or a fragment, which no model has; {_FORM}')
    return Address(parts.scheme, host.lower(), port, _path(parts, text))


def resolved(address: Address) -> tuple[str, ...]:
    """The numbers that a host stands for, each once, in the order in which they are to be tried.

    Raises:
        ModelError: The name is not known.
    """
    try:
        found = socket.getaddrinfo(address.host, address.port, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError) as error:
        reason = getattr(error, "strerror", None) or error
        raise ModelError(
            f'there is no host "{address.host}" ({reason}); check the address {address}'
        ) from None
    return tuple(dict.fromkeys(str(entry[4][0]) for entry in found))


def is_loopback(number: str) -> bool:
    """Whether an IP address is this machine: 127.0.0.0/8 or ::1. 0.0.0.0, which only often is, does not count.

    >>> [is_loopback(each) for each in ("127.8.8.8", "::1", "::ffff:127.0.0.1", "0.0.0.0", "10.0.0.1")]
    [True, True, True, False, False]
    """
    found = ip_address(number)
    if isinstance(found, IPv6Address) and found.ipv4_mapped is not None:
        found = found.ipv4_mapped
    return found.is_loopback


def _path(parts: SplitResult, text: str) -> str:
    """The path of the model, without what could lead a server elsewhere."""
    path = parts.path
    if "/v2/models/" in path:
        path = path.rstrip("/").removesuffix("/infer")
    names = [unquote(part) for part in path.rstrip("/").split("/")[1:]]
    if any(name in ("", ".", "..") or set(name) & {"/", "\\"} or not name.isprintable() for name in names):
        raise UsageError(f'the path of "{text}" has parts that lead elsewhere; {_FORM}')
    if not names:
        raise UsageError(f'"{text}" is not the address of a model, only of a server; {_FORM}')
    return path
