"""What a command is asked to do: its options, and `sparring.toml` for those that were not given."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import fields
from typing import TYPE_CHECKING, Any

import typer

from sparring.cli.groups import Address, Opening, Reading

if TYPE_CHECKING:
    from sparring.config import AuditTable, Config
    from sparring.data import Samples
    from sparring.models import Model

__all__ = [
    "Job",
    "given_options",
    "job_of",
    "jobs_of",
    "loaded_data",
    "loaded_model",
    "loaded_surrogate",
    "numbers",
    "opened",
    "subject_of",
    "training_of",
]

Job = dict[str, Any]
"""Options of one audit, by the names that the command line has for them."""

SUFFICIENT = {"model", "data", "threat"}
SUBJECT = {"model", "data", "features"} | {
    field.name for group in (Opening, Reading, Address) for field in fields(group)
}


def jobs_of(context: typer.Context) -> list[Job]:
    """The audits that were asked for: options given, else the file's, else defaults.

    The file is read if model, data or threat was not given, or if it was named. A model or data given
    as an option replaces the whole table of the file, and a threat chooses the audits with this threat.

    Raises:
        UsageError: The file is needed and missing, or wrong.
    """
    from sparring.config import load_config

    given = given_options(context)
    if given.keys() >= SUFFICIENT & context.params.keys() and "config" not in given:
        return [context.params]
    config = load_config(context.params["config"])
    return [context.params | each | given for each in _from_file(config, given)]


def job_of(context: typer.Context) -> Job:
    """The same for a command that looks at one model and threat: the first of the file's audits.

    Raises:
        UsageError: The file is needed and missing, or wrong.
    """
    return jobs_of(context)[0]


def subject_of(context: typer.Context) -> Job:
    """The model and data that a command looks at: options given, else the file's if there is one.

    All other options are the command's own, whatever the file says of audits.

    Raises:
        UsageError: The file is wrong, or was named and is missing.
    """
    from sparring.config import load_config

    given, path = given_options(context), context.params["config"]
    if "config" not in given and (given.keys() >= {"model", "data"} or not path.exists()):
        return context.params
    named = _from_file(load_config(path), given)[0]
    return context.params | {name: named[name] for name in SUBJECT & named.keys()} | given


def given_options(context: typer.Context) -> Job:
    """The options that the user wrote."""
    sources = {name: context.get_parameter_source(name) for name in context.params}
    return {
        name: context.params[name]
        for name, source in sources.items()
        if source is not None and source.name in ("COMMANDLINE", "ENVIRONMENT")
    }


def training_of(context: typer.Context) -> Job:
    """The training that was asked for: options given, else the file's, else defaults.

    The file is read as for audits. What it calls `[data]` is what audits look at: the closing audit does so too, and
    the training learns from the `data` of `[train]`.

    Raises:
        UsageError: The file is needed and missing, or wrong, or nothing says what to learn from.
    """
    from sparring.config import load_config
    from sparring.errors import UsageError

    given = given_options(context)
    if given.keys() >= SUFFICIENT and "config" not in given:
        return context.params
    config = load_config(context.params["config"])
    own = {} if config.train is None else {k: v for k, v in vars(config.train).items() if v is not None}
    job = context.params | _tables(config, given) | {"threat": config.audit[0].threat} | own | given
    if "data" not in own.keys() | given.keys():
        raise UsageError(
            "a training learns from other samples than an audit looks at; give them as --data, or as data of [train]"
        )
    if job["test"] is None:
        named = vars(config.data)
        job |= {"test": named["source"], "test_limit": named["limit"], "test_sample": named["sample"]}
    return job


def opened(job: Job) -> tuple[Model, Samples]:
    """The model and the whole data of a job."""
    return loaded_model(job), loaded_data(job, job["data"])


def loaded_model(job: Job) -> Model:
    """The model of a job."""
    import sparring

    return sparring.load_model(
        job["model"], weights=job["weights"], mean=numbers(job["mean"], "mean"), std=numbers(job["std"], "std"),
        outputs=job["outputs"], device=job["device"], allow_unsafe_sha256=job["allow_unsafe"],
        engagement=job.get("engagement"), json_fields=job.get("json_fields"),
    )  # fmt: skip


def loaded_surrogate(source: str, device: str | None) -> Model:
    """A surrogate from `source` or `source,weights`."""
    import sparring

    place, _, weights = source.partition(",")
    return sparring.load_model(place, weights=weights or None, device=device)


def loaded_data(job: Job, source: str) -> Samples:
    """Data, read as the options of a job say."""
    import sparring

    return sparring.load_data(
        source, classes=job["classes"], resize=job["resize"], crop=job["crop"], labels=job["labels"],
        features=job.get("features"),
    )  # fmt: skip


def _tables(config: Config, given: Mapping[str, Any]) -> Job:
    """`[model]`, unless a model was given, and how data are read."""
    model = vars(config.model) | {"model": config.model.source}
    reading = {name: getattr(config.data, name) for name in ("classes", "resize", "crop", "labels")}
    return reading | ({} if "model" in given else model)


def _from_file(config: Config, given: Mapping[str, Any]) -> list[Job]:
    model, data = vars(config.model).copy(), vars(config.data).copy()
    model, data = model | {"model": model.pop("source")}, data | {"data": data.pop("source")}
    other = {"sample": "limit", "limit": "sample"}
    dropped = {other[name] for name in other.keys() & given.keys()}
    shared = ({} if "model" in given else model) | ({} if "data" in given else data)
    shared = {name: value for name, value in shared.items() if name not in dropped}
    shared |= {"features": config.features}
    return [shared | each for each in _audits(config, given.get("threat"))]


def _audits(config: Config, threat: str | None) -> list[Job]:
    """The audits of the file; if a threat was given, those with this threat, or one with no settings of the file."""
    if threat is None:
        return [_of_audit(each) for each in config.audit]
    return [_of_audit(each) for each in config.audit if each.threat == threat] or [{}]


def _of_audit(audit: AuditTable) -> Job:
    own = {name: value for name, value in vars(audit).items() if name != "gate"}
    return own | ({} if audit.gate is None else vars(audit.gate))


def numbers(typed: str | tuple[float, ...] | None, name: str) -> list[float] | None:
    """Numbers from the file, or typed with commas between them."""
    if typed is None:
        return None
    try:
        return [float(each) for each in (typed.split(",") if isinstance(typed, str) else typed)]
    except ValueError:
        from sparring.errors import UsageError

        raise UsageError(
            f"--{name} takes numbers with commas between them, such as 0.5,0.5,0.5, but got {typed!r}"
        ) from None
