"""What the commands below `sparring poison` share."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Annotated

import typer

from sparring.cli.jobs import Job, loaded_data, loaded_model

if TYPE_CHECKING:
    from sparring.data import Samples
    from sparring.models import Model
    from sparring.poison.making.victim import Make
    from sparring.training import Recipe

__all__ = [
    "AsJson",
    "Epochs",
    "Factory",
    "Kinds",
    "Rates",
    "Seed",
    "TestSource",
    "TrustedSource",
    "given_model",
    "loaded",
    "maker",
    "rates_of",
    "recipe_of",
    "share",
]

TestSource = Annotated[
    str | None, typer.Option("--test", help="clean test samples; without, a fifth of the data is set aside")
]
TrustedSource = Annotated[
    str | None, typer.Option(help="samples known to be clean, drawn like the data; loaded as --data is")
]
Factory = Annotated[
    str | None,
    typer.Option(
        help="code.py:name that makes an untrained net (naming code is consent to run it); without, a small one"
    ),
]
Epochs = Annotated[int, typer.Option(help="of each training", min=1)]
Kinds = Annotated[
    list[str] | None,
    typer.Option("--kind", help="badnets, blended, warp, wave, flips, …; docs/poisoning.md has all"),
]
Rates = Annotated[
    list[str] | None, typer.Option("--rate", help="poisoned share of the whole training set, 1% or 0.01")
]
Seed = Annotated[int, typer.Option(help="of all draws")]
AsJson = Annotated[bool, typer.Option("--json", help="print result.json instead of a table")]


def loaded(job: Job, source: str | None, what: str) -> Samples:
    """Samples from a source that must be there.

    Raises:
        UsageError: It is not.
    """
    from sparring.errors import UsageError

    if source is None:
        raise UsageError(f"this needs {what}")
    return loaded_data(job, source)


def maker(reference: str | None) -> Make:
    """What makes untrained nets: the user's factory, or the small net that fits the samples."""
    import torch

    from sparring.errors import UsageError
    from sparring.factories import call, load_object
    from sparring.training import small_net

    if reference is None:
        return small_net
    factory = load_object(reference)

    def make(samples: Samples, seed: int) -> torch.nn.Module:
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(seed)
            made = call(factory, reference)
        if not isinstance(made, torch.nn.Module):
            raise UsageError(
                f"{reference} gives a {type(made).__name__}; a net that is trained is a torch module"
            )
        return made

    return make


def recipe_of(epochs: int) -> Recipe:
    """The short training, with this many epochs."""
    from dataclasses import replace

    from sparring.poison.making.victim import SHORT

    return replace(SHORT, epochs=epochs)


def rates_of(words: Sequence[str] | None, default: Sequence[float]) -> list[float]:
    """Rates as they were typed."""
    return [share(word) for word in words] if words else list(default)


def share(word: str) -> float:
    """A share written as 1% or 0.01.

    Raises:
        UsageError: It is neither.
    """
    from sparring.errors import UsageError

    try:
        return float(word[:-1]) / 100 if word.endswith("%") else float(word)
    except ValueError:
        raise UsageError(f'a rate is a share such as 1% or 0.01, not "{word}"') from None


def given_model(job: Job, samples: Samples) -> Model:
    """The user's model, once it was seen to fit the samples."""
    from sparring.models import look

    return look(loaded_model(job), samples.inputs, samples.labels)
