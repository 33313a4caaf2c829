"""Which addresses a pattern of an engagement covers. A star never reaches past a dot of the host or a slash."""

from __future__ import annotations

import re

from sparring.engagement.address import Address, parse_address

__all__ = ["covers"]


def covers(pattern: str, address: Address) -> bool:
    """Whether `pattern`, an address in which `*` may stand, covers an address.

    Raises:
        UsageError: The pattern is no address.

    >>> covers("https://*.example.org/v2/models/*", parse_address("https://ml.example.org/v2/models/net"))
    True
    >>> covers("https://*.example.org/v2/models/*", parse_address("https://a.evil.org/v2/models/net"))
    False
    """
    allowed = parse_address(pattern)
    return (
        (allowed.scheme, allowed.port) == (address.scheme, address.port)
        and _alike(tuple(allowed.host.split(".")), tuple(address.host.split(".")))
        and _alike(allowed.segments, address.segments)
    )


def _alike(pattern: tuple[str, ...], parts: tuple[str, ...]) -> bool:
    """Part by part, so that no star covers more than the part that it stands in."""
    return len(pattern) == len(parts) and all(
        re.fullmatch(".*".join(map(re.escape, allowed.split("*"))), part, re.DOTALL)
        for allowed, part in zip(pattern, parts, strict=True)
    )
