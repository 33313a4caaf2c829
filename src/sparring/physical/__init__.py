"""Changes that survive print, light, camera and scanner, and the way there and back on paper.

The way there: `make_print_run` trains a patch through the channel and judges it, `write_sheets` puts it on paper. And
back: `score_photos` finds the sheets in photos and asks the model. `rehearse_run` renders such photos, for practice.
"""

from sparring.physical.calibration import Calibration, calibrate_printer, write_chart
from sparring.physical.changing import make_changed_run
from sparring.physical.detections import Detections, Detector, average_precision
from sparring.physical.illumination import Illumination
from sparring.physical.in_scenes import InScenes
from sparring.physical.judging import Setting
from sparring.physical.light_search import LightSearch
from sparring.physical.making import make_print_run
from sparring.physical.on_paper import OnPaper
from sparring.physical.patch_attack import PatchAttack
from sparring.physical.patch_cleanser import PatchCleanser
from sparring.physical.perturbing import Perturbation
from sparring.physical.placement import Placement
from sparring.physical.print_run import PrintRun, load_print_run, save_print_run
from sparring.physical.printing_run import write_sheets
from sparring.physical.rehearsal import rehearse_run
from sparring.physical.scenario import Scenario, load_scenario
from sparring.physical.scoring import Scores, score_photos
from sparring.physical.stencil import load_stencil
from sparring.physical.thrown_light import Beam, Shadow

__all__ = [
    "Beam",
    "Calibration",
    "Detections",
    "Detector",
    "Illumination",
    "InScenes",
    "LightSearch",
    "OnPaper",
    "PatchAttack",
    "PatchCleanser",
    "Perturbation",
    "Placement",
    "PrintRun",
    "Scenario",
    "Scores",
    "Setting",
    "Shadow",
    "average_precision",
    "calibrate_printer",
    "load_print_run",
    "load_scenario",
    "load_stencil",
    "make_changed_run",
    "make_print_run",
    "rehearse_run",
    "save_print_run",
    "score_photos",
    "write_chart",
    "write_sheets",
]
