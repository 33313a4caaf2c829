"""The one way in: `load_model` finds out what it was given."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import torch
from torch import nn

from sparring.engagement import Engagement, is_address, load_engagement, parse_address
from sparring.errors import ModelError, UsageError
from sparring.factories import is_reference
from sparring.models.digest import digest_of
from sparring.models.files.boosters import load_lightgbm, load_xgboost
from sparring.models.files.code import load_code
from sparring.models.files.estimators import is_estimator, load_estimator
from sparring.models.files.onnx import load_onnx
from sparring.models.files.pt2 import load_pt2
from sparring.models.files.skops_file import PICKLES, load_skops, refuse_pickle
from sparring.models.loaded import Loaded
from sparring.models.model import Model
from sparring.models.normalised import Normalised
from sparring.models.outputs import adapter
from sparring.models.remote.target import load_remote, remote_behind

__all__ = ["load_model"]

Numbers = float | Sequence[float]

_KINDS = ".pt2, .onnx, .skops, .ubj, .json, .txt, code.py:factory, http://…"


def load_model(
    source: str | Path | Callable[..., Any],
    *,
    weights: str | Path | None = None,
    mean: Numbers | None = None,
    std: Numbers | None = None,
    outputs: str = "auto",
    device: str | torch.device | None = None,
    allow_unsafe_sha256: str | None = None,
    engagement: str | Path | Engagement | None = None,
    json_fields: str | None = None,
) -> Model:
    """Load a model; no weights file runs code unless its SHA-256 is named.

    Args:
        source: A `.pt2` or `.onnx` file, an estimator (`.skops`), boosted trees of XGBoost (`.ubj`, `.json`) or of
            LightGBM (`.txt`), `code.py:factory` (called without arguments; naming it is consent
            to run it), `http://host:port/v2/models/NAME` (Open Inference Protocol, scores only), the address of another
            service (with `json_fields`), a module, or any callable from inputs to outputs. A Model is returned as
            it is.
        weights: For `code.py:factory`: a `.safetensors`, `.pth` or `.pt` file of its weights.
        mean: Normalisation to put before the model, if it is not inside yet; per channel, in the data's
            range.
        std: Likewise.
        outputs: `auto`, `logits`, `logit` (one, for two classes), `probabilities`, `labels` (the class alone), or `raw`
            for anything else. `auto` is settled by `look`.
        device: Where to put a model that is loaded from files; a module stays where it is.
        allow_unsafe_sha256: SHA-256 of the one file that may run code when it is read.
        engagement: For an address: the file that says who allowed what, kept at every request. An address that
            is not this machine needs one.
        json_fields: For the address of a service that takes and gives JSON of its own: where its inputs and its outputs
            stand, a row each, such as `instances:predictions` or `inputs:result.scores`.

    Raises:
        ModelError: If it cannot be loaded.
        UnsafeFileError: If reading the file could run code.
        MissingExtraError: If its format needs a package that is not installed.
        UsageError: If an option does not fit the source, or nobody allowed it.
    """
    adapter(outputs)  # a wrong name is told before a large file is read
    terms = load_engagement(engagement) if isinstance(engagement, str | Path) else engagement
    if isinstance(source, Model):
        return _under(source, terms)
    place = None if device is None else _usable(device)
    trusted = None if allow_unsafe_sha256 is None else allow_unsafe_sha256.strip().lower()
    loaded = _loaded(source, None if weights is None else Path(weights), place, trusted, terms, json_fields)
    function = _normalised(loaded.function, mean, std, place)
    name, origin = _names(source)
    recipe = {
        "source": source, "weights": weights, "mean": mean, "std": std, "outputs": outputs, "device": device,
        "allow_unsafe_sha256": allow_unsafe_sha256, "engagement": terms, "json_fields": json_fields,
    }  # fmt: skip
    return Model(
        function,
        name=name,
        source=origin,
        digest=loaded.digest,
        outputs=loaded.outputs if outputs == "auto" else outputs,
        gradients=loaded.gradients,
        notes=loaded.notes,
        recipe=recipe if isinstance(source, str | Path) else None,
    )


def _under(model: Model, engagement: Engagement | None) -> Model:
    """A model that is loaded already, which no engagement can be put on any more."""
    remote = remote_behind(model)
    if engagement is not None and (remote is None or remote.permit.engagement != engagement):
        raise UsageError(
            "an engagement is kept from the first request on; give it to load_model, with the address"
        )
    return model


def _usable(device: str | torch.device) -> torch.device:
    """A device that is there."""
    try:
        torch.empty(1, device=device)
    except (RuntimeError, AssertionError) as error:
        reason = str(error).strip().splitlines()[0]
        raise UsageError(f'the device "{device}" cannot be used here ({reason}); try cpu') from error
    return torch.device(device)


def _loaded(
    source: Any,
    weights: Path | None,
    device: torch.device | None,
    trusted: str | None,
    engagement: Engagement | None,
    json_fields: str | None,
) -> Loaded:
    if is_address(source):
        if weights is not None or device is not None:
            raise UsageError("a model behind an address runs where it is; leave weights and device out")
        return load_remote(source, engagement, json_fields)
    if json_fields is not None:
        raise UsageError("json_fields are for a service behind an address, http://…; leave them out")
    if engagement is not None:
        raise UsageError(
            "an engagement is for a model behind an address, http://…; this one runs here and needs none"
        )
    if isinstance(source, str) and is_reference(source):
        return load_code(source, weights, device, trusted)
    if weights is not None:
        raise UsageError(
            "weights go with a model given as code.py:factory; leave them out, or name the factory"
        )
    if not isinstance(source, str | Path):
        return _in_memory(source, device)
    return _in_file(Path(source), device, trusted)


def _in_file(path: Path, device: torch.device | None, trusted: str | None) -> Loaded:
    if not path.is_file():
        raise ModelError(f'there is no model file "{path}"')
    match path.suffix:
        case ".pt2":
            return load_pt2(path, device, trusted)
        case ".onnx":
            return load_onnx(path, device)
        case ".skops":
            return load_skops(path, trusted)
        case ".ubj" | ".json":
            return load_xgboost(path)
        case ".txt":
            return load_lightgbm(path)
        case suffix if suffix in PICKLES:
            raise refuse_pickle(path)
    raise ModelError(_kind_fault(path))


def _in_memory(source: Any, device: torch.device | None) -> Loaded:
    if is_estimator(source):
        return load_estimator(source)
    if not callable(source):
        raise ModelError(
            f"an object of type {type(source).__name__} is no model; give a file, a module or a callable"
        )
    if not isinstance(source, nn.Module):
        return Loaded(source, None)
    first = next(source.parameters(), None)
    if device is not None and first is not None and first.device.type != device.type:
        raise UsageError(
            f"the model is on {first.device} and is not moved for you; call model.to({str(device)!r}) first"
        )
    return Loaded(source, digest_of(source))


def _normalised(
    function: Callable[..., Any], mean: Numbers | None, std: Numbers | None, device: torch.device | None
) -> Callable[..., Any]:
    if mean is None and std is None:
        return function
    if mean is None or std is None:
        raise UsageError("mean and std go together; give both or none")
    before = Normalised(mean, std)
    if not isinstance(function, nn.Module):
        return lambda inputs: function(before(inputs))
    first = next(function.parameters(), None)
    return nn.Sequential(before.to(device if first is None else first.device), function)


def _names(source: Any) -> tuple[str, str]:
    """A short name, and where the model came from."""
    if is_address(source):
        address = parse_address(source)
        return address.segments[-1], str(address)
    if isinstance(source, str | Path):
        return (str(source).rpartition(":")[2] if is_reference(source) else Path(source).stem), str(source)
    return getattr(source, "__name__", type(source).__name__), "memory"


def _kind_fault(path: Path) -> str:
    if path.suffix in (".pth", ".pt", ".safetensors"):
        return f'"{path.name}" holds weights without a model; name its code too: net.py:make'
    return f'"{path.name}" is not a kind of model that is known: {_KINDS}'
