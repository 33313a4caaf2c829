"""Worker processes that search the shards of a plan together."""

from sparring.evaluation.workers.crew import Crew, fill

__all__ = ["Crew", "fill"]
