"""Changes that survive print, light, camera and scanner, and the way there and back on paper.

The way there: `make_print_run` trains a patch through the channel and judges it, `write_sheets` puts it on paper. And
back: `score_photos` finds the sheets in photos and asks the model. `rehearse_run` renders such photos, for practice.

    scene/      where things are and what may differ from photo to photo, with units
    paper/      sheets: laid out, written, found again in photos
    channel/    from a picture to what a camera makes of its print, with gradients
    attacks/    what is put before the camera
    runs/       judged, kept in a folder, printed, rehearsed, scored
    making, changing, perturbing, illumination: from a model and pictures to a run
    on_paper, patch_cleanser: what helps against it
"""

from sparring.physical.attacks.detections import Detections, Detector, average_precision
from sparring.physical.attacks.in_scenes import InScenes
from sparring.physical.attacks.light_search import LightSearch
from sparring.physical.attacks.patch_attack import PatchAttack
from sparring.physical.attacks.thrown_light import Beam, Shadow
from sparring.physical.changing import make_changed_run
from sparring.physical.illumination import Illumination
from sparring.physical.making import make_print_run
from sparring.physical.on_paper import OnPaper
from sparring.physical.paper.calibration import Calibration, calibrate_printer, write_chart
from sparring.physical.patch_cleanser import PatchCleanser
from sparring.physical.perturbing import Perturbation
from sparring.physical.runs.judging import Setting
from sparring.physical.runs.print_run import PrintRun, load_print_run, save_print_run
from sparring.physical.runs.printing_run import write_sheets
from sparring.physical.runs.rehearsal import rehearse_run
from sparring.physical.runs.scoring import Scores, score_photos
from sparring.physical.scene.placement import Placement
from sparring.physical.scene.scenario import Scenario, load_scenario
from sparring.physical.scene.stencil import load_stencil

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
