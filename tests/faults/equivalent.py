"""Faults that change nothing anybody could notice, judged by hand: the reason for each name."""

EQUIVALENT: dict[str, str] = {}
