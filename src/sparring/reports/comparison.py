"""Some runs side by side, on one page."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from torch import Tensor

from sparring.errors import UsageError
from sparring.reports.curves import plot
from sparring.reports.gallery import BUDGET, distance, within_budget
from sparring.reports.html import headline, page
from sparring.reports.pictures import Picture, change, loudness, picture
from sparring.reports.stages import stages
from sparring.reports.words import class_name, is_picture
from sparring.storage import Run

__all__ = ["Answer", "Match", "matches", "render_comparison"]


@dataclass(frozen=True)
class Answer:
    """What became of one sample in one run; `pictures` are its change and adversarial input, if it broke."""

    status: str
    prediction: str
    distance: str
    loudness: int
    pictures: tuple[Picture, ...] = ()


@dataclass(frozen=True)
class Match:
    """One sample and what became of it in each run."""

    label: str
    original: Picture
    answers: tuple[Answer, ...]

    @property
    def pictures(self) -> tuple[Picture, ...]:
        """All pictures of the row."""
        return (self.original, *(picture for answer in self.answers for picture in answer.pictures))


def render_comparison(runs: Sequence[Run]) -> str:
    """One self-contained page, under 2 MB, with `runs` side by side: two or more.

    Raises:
        UsageError: There is nothing to compare.
    """
    if len(runs) < 2:
        raise UsageError(f"a comparison needs at least two runs; got {len(runs)}")
    return page(
        "comparison.html.j2",
        runs=runs,
        headlines=[headline(run) for run in runs],
        stages=[stages(run) for run in runs],
        plot=plot(runs),
        matches=matches(runs, BUDGET),
    )


def matches(runs: Sequence[Run], budget: int) -> list[Match]:
    """Pictures that every run classified correctly and at least one run broke, the nearest first; at most 8.

    Runs are paired by sample id and label, so they may have audited different parts of the same data.
    """
    if not all(map(is_picture, runs)):
        return []
    books = [_book(run) for run in runs]
    originals = {
        key: image for run, book in zip(runs, books, strict=True) for key, image in _originals(run, book)
    }
    keys = [key for key in originals if all(key in book for book in books)]
    keys.sort(key=lambda key: min(_nearness(book[key]) for book in books))
    broken = [_adversarial(run) for run in runs]

    def draw(side: int, rows: int) -> list[Match]:
        return [_match(runs, books, broken, key, originals[key], side) for key in keys[: rows // 3]]

    return within_budget(draw, budget)


Key = tuple[str, int]
Book = dict[Key, dict[str, Any]]


def _book(run: Run) -> Book:
    """The records of the samples that the model classifies correctly, by id and label."""
    columns = ["id", "label", "index", "prediction", "adversarial_prediction", "status", "distance"]
    rows = run.records.select(columns).to_pylist()
    return {(row["id"], row["label"]): row for row in rows if row["prediction"] == row["label"]}


def _originals(run: Run, book: Book) -> list[tuple[Key, Tensor]]:
    if "gallery_index" not in run.tensors:
        return []
    keys = {row["index"]: key for key, row in book.items()}
    kept = zip(run.tensors["gallery_index"].tolist(), run.tensors["gallery_inputs"], strict=True)
    return [(keys[index], image) for index, image in kept if index in keys]


def _adversarial(run: Run) -> dict[int, Tensor]:
    if "index" not in run.tensors:
        return {}
    return dict(zip(run.tensors["index"].tolist(), run.tensors["adversarial"], strict=True))


def _nearness(record: dict[str, Any]) -> float:
    found = record["distance"]
    return float(found) if record["status"] == "broken" and found is not None else float("inf")


def _match(
    runs: Sequence[Run],
    books: Sequence[Book],
    broken: Sequence[dict[int, Tensor]],
    key: Key,
    original: Tensor,
    side: int,
) -> Match:
    answers = tuple(
        _answer(run, book[key], original, found.get(book[key]["index"]), side)
        for run, book, found in zip(runs, books, broken, strict=True)
    )
    return Match(class_name(runs[0], key[1]), picture(original, side), answers)


def _answer(
    run: Run, record: dict[str, Any], original: Tensor, adversarial: Tensor | None, side: int
) -> Answer:
    said = class_name(run, record["adversarial_prediction"])
    if record["status"] != "broken" or adversarial is None:
        return Answer(record["status"], said, "", 1)
    pictures = (change(original, adversarial, side), picture(adversarial, side))
    return Answer(
        "broken", said, distance(run, record["distance"]), loudness(original, adversarial), pictures
    )
