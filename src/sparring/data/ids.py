"""Names of samples: the SHA-256 of what was stored, so a name survives a move, a reordering or a new file."""

from collections import Counter
from hashlib import sha256

from sparring.data.kept import Stored, in_parts

__all__ = ["name_samples"]


def name_samples(stored: Stored) -> tuple[str, ...]:
    """Name the N samples of `stored` (N, ...): SHA-256 over data type, shape and bytes of each.

    The second sample with the same content gets `-2` behind its name, the third `-3`.
    """
    seen: Counter[str] = Counter()
    names = []
    for each in in_parts(stored.shape):
        part = stored[each]
        part = part.astype(part.dtype.newbyteorder("<"), copy=False)
        head = f"{part.dtype.name} {part.shape[1:]}\n".encode()
        for row in part:
            name = sha256(head + row.tobytes()).hexdigest()
            seen[name] += 1
            names.append(name if seen[name] == 1 else f"{name}-{seen[name]}")
    return tuple(names)
