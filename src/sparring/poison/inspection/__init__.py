"""Is there a backdoor in a model? Asked of the model itself, without the data that it learned from.

margins, inversion   two signs of a target class, for each class
inspecting           held against clean models of the same kind
"""

from sparring.poison.inspection.inspecting import Inspection, inspect
from sparring.poison.inspection.inversion import Inverted, smallest_triggers
from sparring.poison.inspection.margins import largest_margins

__all__ = ["Inspection", "Inverted", "inspect", "largest_margins", "smallest_triggers"]
