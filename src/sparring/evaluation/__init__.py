"""From a plan to a run: search, verification, statistics, findings."""

from sparring.evaluation.auditing import audit
from sparring.evaluation.plan import Plan, make_plan
from sparring.evaluation.search.shelf import Shelf
from sparring.evaluation.search.standing import Standing
from sparring.evaluation.statistics import Interval, exact_interval
from sparring.evaluation.workers import Crew

__all__ = ["Crew", "Interval", "Plan", "Shelf", "Standing", "audit", "exact_interval", "make_plan"]
