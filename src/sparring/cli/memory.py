"""Keeping freed memory: a pass frees and takes the same memory again, and should not pay for it each time."""

from __future__ import annotations

import ctypes
import sys

__all__ = ["keep_memory"]

_TRIM, _MMAP = -1, -3  # M_TRIM_THRESHOLD and M_MMAP_THRESHOLD of glibc's malloc.h
_MOST = 32 * 2**20  # the largest threshold that glibc takes for the second


def keep_memory() -> None:
    """Tell the C library not to hand freed memory back to the system; does nothing where it cannot be told.

    Without this, whether each pass faults its memory in again is the luck of the layout: up to a tenth of the time.
    """
    if not sys.platform.startswith("linux"):
        return
    try:
        tune = ctypes.CDLL(None).mallopt
    except (OSError, AttributeError):  # another C library
        return
    tune(_TRIM, 2**30)
    tune(_MMAP, _MOST)
