"""Transfer: adversarial examples made on one model, used on another that is not asked while they are made."""

from sparring.transfer.choosing import ranked
from sparring.transfer.climb import Climb
from sparring.transfer.crafting import Crafted, craft
from sparring.transfer.ensemble import Ensemble
from sparring.transfer.export import export_examples, origin
from sparring.transfer.files import MEDIA, read_again
from sparring.transfer.mapping import class_order, mapped
from sparring.transfer.methods import METHODS
from sparring.transfer.own_gradients import Beside, beside_gradients
from sparring.transfer.refining import Refined, refine
from sparring.transfer.stealing import steal
from sparring.transfer.table import Line, Shown, transfer_table
from sparring.transfer.toughening import toughened

__all__ = [
    "MEDIA",
    "METHODS",
    "Beside",
    "Climb",
    "Crafted",
    "Ensemble",
    "Line",
    "Refined",
    "Shown",
    "beside_gradients",
    "class_order",
    "craft",
    "export_examples",
    "mapped",
    "origin",
    "ranked",
    "read_again",
    "refine",
    "steal",
    "toughened",
    "transfer_table",
]
