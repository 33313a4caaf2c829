"""What the numbers of a run mean, in words."""

from typing import Any

import pyarrow.compute as pc

from sparring.evaluation.gates import gate_lines
from sparring.storage import Run
from sparring.storage.baseline import suite_of

__all__ = [
    "at_most",
    "class_name",
    "clean_percent",
    "count_status",
    "counted",
    "engagement",
    "interval",
    "is_picture",
    "left_over",
    "meaning",
    "noun",
    "percent",
    "query_budget",
    "reasons",
    "robust_percent",
    "verdict",
    "verified",
]

_VERDICTS = {
    "measured": "Measured. No gate was set, so nothing passed or failed.",
    "pass": "Passed: not broken by this suite at this budget.",
    "fail": "Failed: the model is less robust than the gate demands.",
    "inconclusive": "Inconclusive: this evaluation shows neither a pass nor a fail.",
    "invalid": "Invalid: this evaluation cannot be trusted.",
    "incomplete": "Incomplete: the audit stopped before every sample was settled.",
}

_LEFT_OVER = {
    "unanswered": "not answered by the model",
    "unfinished": "not finished",
}


def percent(count: int, total: int) -> str:
    """A share with one decimal; all and none are said only of all and none.

    >>> percent(65, 256), percent(9999, 10000), percent(0, 0)
    ('25.4%', '99.990%', 'n/a')
    """
    if total == 0:
        return "n/a"
    text = f"{count / total:.1%}"
    return f"{count / total:.3%}" if text in ("0.0%", "100.0%") and 0 < count < total else text


def counted(run: Run) -> str:
    """What robust accuracy counts: "65 of 256 withstood suite standard"."""
    suite, robust = suite_of(run.result), run.result["robust"]
    if "randomised" in run.result["body"]:
        return f"mean over draws; {robust:,} of {run.samples:,} are right more often than not after suite {suite}"
    return f"{robust:,} of {run.samples:,} withstood suite {suite}"


def robust_percent(run: Run) -> str:
    """Robust accuracy; of a model that answers at random a mean over draws, not a share of samples."""
    if "randomised" in run.result["body"]:
        return f"{run.robust_accuracy:.1%}"
    return percent(run.result["robust"], run.samples)


def clean_percent(run: Run) -> str:
    """Clean accuracy, or the mean over draws."""
    if told := run.result["body"].get("randomised"):
        return f"{told['clean_correctness']:.1%}"
    return percent(run.result["clean_correct"], run.samples)


def is_picture(run: Run) -> bool:
    """Whether the samples are images, (1 | 3, height, width)."""
    shape = run.result["data"].get("shape") or []
    return len(shape) == 3 and shape[0] in (1, 3)


def noun(run: Run, count: int) -> str:
    """`count` with the name of what was audited: "1 image", "2,000 samples"."""
    name = "image" if is_picture(run) else "sample"
    return f"{count:,} {name}" if count == 1 else f"{count:,} {name}s"


def count_status(run: Run, status: str) -> int:
    """How many records have this status."""
    return int(pc.sum(pc.equal(run.records["status"], status)).as_py() or 0)


def class_name(run: Run, label: int | None) -> str:
    """What a reader calls class `label`; untrusted text, to be escaped."""
    names = run.result["data"].get("classes") or []
    if label is None:
        return "?"
    return str(names[label]) if 0 <= label < len(names) else f"class {label}"


def left_over(run: Run) -> str:
    """How many samples nobody knows about, and why; empty if every one is settled."""
    counts = {text: count_status(run, word) for word, text in _LEFT_OVER.items()}
    return ", ".join(f"{count:,} {text}" for text, count in counts.items() if count)


def at_most(run: Run) -> str:
    """What robust accuracy can still be, if every sample that is not settled withstands."""
    unsettled = sum(count_status(run, word) for word in _LEFT_OVER)
    return percent(run.result["robust"] + unsettled, run.samples)


def verdict(run: Run) -> str:
    """The verdict as a sentence."""
    return _VERDICTS[run.verdict]


def reasons(run: Run) -> list[str]:
    """Why the verdict is what it is, besides what the gates say."""
    told = gate_lines(run.result)
    return [str(reason) for reason in run.result["reasons"] if reason not in told]


def meaning(run: Run) -> str:
    """One paragraph for somebody who has never heard of robust accuracy."""
    result: dict[str, Any] = run.result
    correct, robust, broken = result["clean_correct"], result["robust"], count_status(run, "broken")
    if told := result["body"].get("randomised"):
        return _meaning_of_draws(run, told)
    is_are = "is" if correct == 1 else "are"
    given_up, rest = count_status(run, "gave_up"), left_over(run)
    untried = f"; suite standard was not tried on {given_up:,} of these" if given_up else ""
    if "distances" in result:
        return _smallest(run, correct, broken)
    parts = [
        f"Of {noun(run, run.samples)}, {correct:,} {is_are} classified correctly as they are.",
        f"If {result['threat']['words']}, an attacker turns {broken:,} of them;"
        f" {robust:,} ({percent(robust, run.samples)} of all) withstood everything that suite"
        f" {result['suite']['name']} tried{untried}.",
        f"Besides, {rest}: robust accuracy is at most {at_most(run)}." if rest else "This is an upper bound.",
        "Attacks find breaks, they do not prove that there are none.",
    ]
    return " ".join(filter(None, parts))


def _meaning_of_draws(run: Run, told: dict[str, Any]) -> str:
    """The same for a model that answers at random."""
    result, tries = run.result, told["any_of"]
    return (
        f"The model answers at random. As they are, {noun(run, run.samples)} are classified correctly in"
        f" {told['clean_correctness']:.1%} of {told['draws']} draws each. If {result['threat']['words']}, an attacker"
        f" brings that down to {told['mean_correctness']:.1%}, in fresh draws at one point per sample;"
        f" {count_status(run, 'broken'):,} samples err there more often than not. Of {tries['tries']} tries at that"
        f" point at least one errs with chance {tries['errs']:.1%}; without an attack, {tries['control']:.1%}."
        " This is an upper bound: attacks find breaks, they do not prove that there are none."
    )


def _smallest(run: Run, correct: int, broken: int) -> str:
    """The meaning of a run without a budget."""
    parts = [
        f"Of {noun(run, run.samples)}, {correct:,} {'is' if correct == 1 else 'are'} classified correctly as they are.",
        f"For {broken:,} of them a change was found that makes the model err; the smallest one counts.",
        f"Besides, {rest}." if (rest := left_over(run)) else "",
        "There may be smaller ones: attacks find changes, they do not prove that there are none.",
    ]
    return " ".join(filter(None, parts))


def interval(run: Run) -> str:
    """The interval of robust accuracy, or why there is none."""
    found, note = run.result["interval"], run.result.get("interval_note")
    if found is None:
        return note or "No interval: the samples were not drawn at random."
    method = f" ({found['method']})" if found.get("method") else ""
    text = f"{found['level']:.0%} interval: {found['low']:.1%} to {found['high']:.1%}{method}."
    return f"{text} {note}" if note else text


def engagement(run: Run) -> str | None:
    """Who allowed the audit, when and how often; None where nobody had to."""
    terms = run.result.get("engagement")
    if terms is None:
        return None
    rate = terms["queries_per_minute"]
    pace = "" if rate is None else f", {rate:,} a minute at most"
    return (
        f"{terms['authoriser']} ({terms['contact']}) allowed {terms['queries']:,} queries{pace}, from {terms['from']} "
        f"until {terms['until']}"
    )


def query_budget(run: Run) -> str | None:
    """How often the model was asked about a sample at most; None where nobody counted."""
    told = run.result.get("query_budget")
    if told is None:
        return None
    return (
        f"At most {told['per_sample']:,} queries per sample, for first look, search and verification together; "
        f"{told['asked']:,} in all, {told['verifying']:,} of them to verify."
    )


def verified(run: Run) -> str:
    """How many of the breaks were confirmed apart from the search."""
    broken = count_status(run, "broken")
    both = pc.and_(run.records["verified"], pc.equal(run.records["status"], "broken"))
    confirmed = pc.sum(both).as_py() or 0
    if broken == 0:
        return "Nothing was broken."
    which = "Every break was" if confirmed == broken else f"Only {confirmed:,} of {broken:,} breaks could be"
    return f"{which} verified in float32, apart from the code that found it."
