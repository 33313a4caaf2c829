"""Models: files, code and callables become a `Model`, looked at once and left as they were."""

from sparring.models.first_look import look
from sparring.models.guard import untouched
from sparring.models.in_columns import shown_rows
from sparring.models.load import load_model
from sparring.models.model import Model

__all__ = ["Model", "load_model", "look", "shown_rows", "untouched"]
