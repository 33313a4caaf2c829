"""Figures of an outcome: smallest changes, right answers, what survives eight bits."""
