"""Examples as image files, each with a sidecar that says where it comes from."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from hashlib import sha256
from pathlib import Path
from typing import Any

from torch import Tensor

from sparring.data import Samples
from sparring.errors import UsageError
from sparring.models import Model
from sparring.storage.files import replacing
from sparring.transfer.files import MEDIA, encoded

__all__ = ["export_examples", "origin"]


def origin(surrogates: Sequence[Model], **settings: Any) -> dict[str, Any]:
    """What made the examples: surrogates with their digests, and settings such as `method`, `threat`, `seed`."""
    made_on = [{"name": model.name, "source": model.source, "digest": model.digest} for model in surrogates]
    return {"surrogates": made_on, **settings}


def export_examples(
    points: Tensor, samples: Samples, folder: Path, medium: str, made_by: Mapping[str, Any]
) -> list[Path]:
    """Write each example `(N, C, H, W)` as `<id>.png` or `.jpg`, and beside it `<id>.json`.

    The sidecar holds what made it, which sample it was made from, its label, and the SHA-256 of the file.

    Raises:
        UsageError: The samples are no images, or the medium is unknown.
        DataError: A file cannot be written.
    """
    if medium not in MEDIA:
        raise UsageError(f"unknown kind of file {medium!r}; known are {', '.join(MEDIA)}")
    if not samples.domain.is_image:
        raise UsageError(
            f"samples of shape {samples.domain.shape} are no images and cannot be written as {medium}"
        )
    folder.mkdir(parents=True, exist_ok=True)
    suffix, paths = MEDIA[medium][0].lower().replace("jpeg", "jpg"), []
    for place, (name, point) in enumerate(zip(samples.ids, points, strict=True)):
        path, content = folder / f"{name[:16]}-{int(samples.index[place])}.{suffix}", encoded(point, medium)
        with replacing(path) as temporary:
            temporary.write_bytes(content)
        sidecar = {
            **made_by,
            "sample": {"id": name, "index": int(samples.index[place]), "source": samples.source},
            "label": int(samples.labels[place]),
            "file": {"name": path.name, "kind": medium, "sha256": sha256(content).hexdigest()},
        }
        with replacing(path.with_suffix(".json")) as temporary:
            temporary.write_text(json.dumps(sidecar, indent=2) + "\n", encoding="utf-8")
        paths.append(path)
    return paths
