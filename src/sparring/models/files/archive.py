"""The archive of a `.pt2` file, taken apart and put together again from what is known to be harmless.

torch reads pickles from several places of such an archive, and loads compiled libraries from another.
Instead of
looking for what is bad, a new archive is written that holds nothing but raw tensors and a graph that passed
`program.screened`. torch reads only the new one, so it cannot see what the check did not.
"""

from __future__ import annotations

import json
import re
import zipfile
from io import BytesIO
from typing import Any

from sparring.errors import ModelError, UnsafeFileError
from sparring.models.files.program import screened
from sparring.models.files.weights import read_restricted

__all__ = ["rebuilt"]

COPIED = re.compile(
    r"archive_format|archive_version|byteorder|\.data/version|data/weights/weight_\d+|data/constants/tensor_\d+"
)
DESCRIBED = re.compile(
    r"models/\w+\.json|data/weights/\w+_weights_config\.json|data/constants/\w+_constants_config\.json"
)
SAMPLE_INPUTS = re.compile(r"data/sample_inputs/\w+\.pt")
LEFT_OUT = re.compile(r"\.data/serialization_id|extra/.*")


def rebuilt(content: bytes, file: str) -> BytesIO:
    """Write a `.pt2` archive anew, without anything that could run code.

    Raises:
        ModelError: If it is not a whole `.pt2` archive.
        UnsafeFileError: If it carries something that could run code; the sentence says what.
    """
    members = _members(content, file)
    if members.get("archive_format") != b"pt2":
        raise _foreign(members, file)
    clean = BytesIO()
    with zipfile.ZipFile(clean, "w") as archive:
        for name, data in members.items():
            kept = _kept(name, data, file)
            if kept is not None:
                archive.writestr(f"model/{name}", kept)
    clean.seek(0)
    return clean


def _members(content: bytes, file: str) -> dict[str, bytes]:
    """Read all members, by their names below the one folder that the archive holds."""
    if content[:1] == b"\x80":
        raise UnsafeFileError(
            f"{file} is a pickle, which can run code when it is read; save it by torch.export.save"
        )
    try:
        with zipfile.ZipFile(BytesIO(content)) as archive:
            entries = archive.infolist()
            if len({entry.filename for entry in entries}) < len(entries):
                raise UnsafeFileError(f"{file} holds two members of one name; export the model again")
            # torch stores; a compressed member could grow without bound.
            if any(entry.compress_type != zipfile.ZIP_STORED for entry in entries):
                raise UnsafeFileError(
                    f"{file} holds compressed members, which torch does not write; export it again"
                )
            return {entry.filename.partition("/")[2]: archive.read(entry) for entry in entries}
    except (zipfile.BadZipFile, EOFError, ValueError, OSError, NotImplementedError) as error:
        raise ModelError(
            f"{file} is no .pt2 archive, or it is truncated; save it by torch.export.save"
        ) from error


def _foreign(members: dict[str, bytes], file: str) -> Exception:
    """Name the kind of archive that is not a `.pt2` of today."""
    if any(name.endswith(".pkl") for name in members):
        return UnsafeFileError(
            f"{file} is a TorchScript or torch.save archive, a pickle that can run code when it is read; "
            "save the model by torch.export.save, or its weights as safetensors"
        )
    return ModelError(f"{file} is no .pt2 archive of torch 2.8 or newer; save it again by torch.export.save")


def _kept(name: str, data: bytes, file: str) -> bytes | None:
    """What the new archive gets for a member; None if it gets none."""
    if COPIED.fullmatch(name):
        return data
    if DESCRIBED.fullmatch(name):
        return json.dumps(screened(_json(name, data, file), file)).encode()
    if SAMPLE_INPUTS.fullmatch(name):
        # The model runs without them. They are a pickle: a payload here is a reason to refuse the whole file.
        read_restricted(BytesIO(data), f"{name} of {file}")
        return b""
    if LEFT_OUT.fullmatch(name):
        return None
    raise UnsafeFileError(
        f'{file} carries "{name}", which can run code when it is read; export a model of plain tensors, '
        "or name the SHA-256 of the file if you trust it"
    )


def _json(name: str, data: bytes, file: str) -> Any:
    try:
        return json.loads(data)
    except (ValueError, RecursionError) as error:
        raise ModelError(f'"{name}" of {file} is damaged; export the model again') from error
