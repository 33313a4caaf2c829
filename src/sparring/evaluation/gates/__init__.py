"""Gates: from what a run counted to a verdict with a stated error rate."""

from sparring.evaluation.gates.judging import Judgement, gate_lines, judge, judged_run
from sparring.evaluation.gates.reading import check_reading
from sparring.evaluation.gates.settings import Gates

__all__ = ["Gates", "Judgement", "check_reading", "gate_lines", "judge", "judged_run"]
