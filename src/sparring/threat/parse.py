"""Threats as words.

`linf:8/255`, `l2:0.5`, `l1:12`, `l0:24` (coordinates), `l0:24px` (pixels), `l0:3sq4` (squares of 4 by 4 pixels), and
`l2:min` for the smallest change.
"""

from __future__ import annotations

import math
import re

from torch import Tensor

from sparring.domain import Domain
from sparring.errors import ThreatError, nearest
from sparring.threat.contract import Threat
from sparring.threat.l0 import L0
from sparring.threat.l1 import L1
from sparring.threat.l2 import L2
from sparring.threat.linf import Linf
from sparring.threat.smallest import is_smallest

__all__ = ["parse_size", "parse_threat", "threat_text", "threat_words"]

_NORMS = ("linf", "l2", "l1", "l0")
_MEASURES = {
    "linf": "its largest entry",
    "l2": "its Euclidean length",
    "l1": "the sum of its absolute entries",
    "l0": "the number of changed values",
}


def parse_threat(text: str) -> Threat:
    """Read a threat.

    Raises:
        ThreatError: The norm is unknown or the size is not a positive number.

    >>> parse_threat("linf:8/255").eps == 8 / 255
    True
    >>> parse_threat("l0:24px").pixels
    True
    >>> parse_threat("l2:min").eps
    inf
    """
    norm, colon, size = text.strip().lower().partition(":")
    if norm not in _NORMS:
        raise ThreatError(f"unknown norm {norm!r} in threat {text!r}; {nearest(norm, _NORMS)}")
    if not colon:
        raise ThreatError(
            f"threat {text!r} names no size; write for example {norm}:{'24px' if norm == 'l0' else '8/255'}, "
            f"or {norm}:min for the smallest change"
        )
    match norm:
        case "linf":
            return Linf(_size(size, text))
        case "l2":
            return L2(_size(size, text))
        case "l1":
            return L1(_size(size, text))
    unit = re.search(r"(?:px|sq([1-9]\d*))$", size)
    if unit is None:
        return L0(_size(size, text))
    return L0(_size(size[: unit.start()], text), pixels=True, side=int(unit[1] or 1))


def threat_text(threat: Threat) -> str:
    """The words for a threat; sizes in 255ths read so.

    >>> threat_text(Linf(8 / 255)), threat_text(L0(24, pixels=True)), threat_text(L0(3, pixels=True, side=4))
    ('linf:8/255', 'l0:24px', 'l0:3sq4')
    """
    if isinstance(threat.eps, Tensor) and threat.eps.numel() != 1:
        return f"{threat.norm}:per sample"
    if is_smallest(threat):
        return f"{threat.norm}:min{_unit(threat)}"
    eps = float(threat.eps)
    grey = round(eps * 255)
    if threat.norm == "linf" and grey and math.isclose(eps * 255, grey, rel_tol=1e-6) and eps < 1:
        return f"linf:{grey}/255"
    size = f"{eps:g}" if float(f"{eps:g}") == eps else repr(eps)
    return f"{threat.norm}:{size}{_unit(threat)}"


def _unit(threat: Threat) -> str:
    """What an L0 budget counts, as a threat's text has it."""
    if not getattr(threat, "pixels", False):
        return ""
    side = getattr(threat, "side", 1)
    return "px" if side == 1 else f"sq{side}"


def _counted(threat: Threat, thing: str) -> str:
    """What an L0 budget counts, in words."""
    unit = _unit(threat)
    if not unit:
        return f"{thing}s"
    side = unit.removeprefix("sq")
    return "pixels" if unit == "px" else f"squares of {side} by {side} pixels"


def parse_size(text: str) -> float:
    """Read the size of a change: a positive number, or a ratio of two.

    Raises:
        ThreatError: It is neither.

    >>> parse_size("8/255") == 8 / 255
    True
    """
    try:
        return _number(text.strip(), text)
    except ThreatError:
        raise ThreatError(f"the eps {text!r} is no positive number; write for example 0.5 or 8/255") from None


def _size(size: str, text: str) -> float:
    """A number, or infinity where the smallest change is looked for."""
    return math.inf if size == "min" else _number(size, text)


def _number(size: str, text: str) -> float:
    """A positive number, or a ratio of two."""
    above, _, below = size.partition("/")
    try:
        value = float(above) / float(below or "1")
    except (ValueError, ZeroDivisionError):
        value = math.nan
    if not (re.fullmatch(r"[\d.eE+\-]+(/[\d.eE+\-]+)?", size) and math.isfinite(value)):
        raise ThreatError(
            f"the size {size!r} in threat {text!r} is not a number; "
            "write for example 0.5 or 8/255, or only min for the smallest change"
        )
    if value <= 0:
        raise ThreatError(f"the size in threat {text!r} must be positive, but is {value:g}")
    return value


def threat_words(threat: Threat, domain: Domain) -> str:
    """A threat as a main clause for people who do not know norms.

    >>> threat_words(Linf(8 / 255), Domain(0.0, 1.0, 1 / 255, (3, 32, 32)))
    'every pixel may change by at most 8 of 255 grey levels'
    """
    if isinstance(threat.eps, Tensor):
        return f"the change may have at most the {threat.norm} size that is set for each sample or coordinate"
    if is_smallest(threat):
        measure = (
            f"the number of changed {_counted(threat, 'value')}" if _unit(threat) else _MEASURES[threat.norm]
        )
        return (
            f"every change is allowed, and the smallest one that works is looked for, measured by {measure}"
        )
    thing = (
        "pixel value" if domain.is_image and domain.shape[0] > 1 else "pixel" if domain.is_image else "value"
    )
    size = f"{threat.eps:g}" + ("" if domain.columns is None else ", in units of each column's scale")
    match threat.norm:
        case "linf":
            grey = threat.eps * 255
            eight_bit = domain.step is not None and math.isclose(domain.step * 255, 1)
            much = f"{round(grey, 2):g} of 255 grey levels" if eight_bit else size
            return f"every {'pixel' if domain.is_image else 'value'} may change by at most {much}"
        case "l2":
            return f"all {thing}s may change, the Euclidean length of the change being at most {size}"
        case "l1":
            return f"the absolute changes of all {thing}s may add up to at most {size}"
    return f"at most {int(threat.eps)} {_counted(threat, thing)} may change, each by any amount"
