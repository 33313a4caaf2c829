"""Whole pictures changed a little: inside the ball, misread after the channel, printed each for itself."""

import pytest
import torch

import sparring
from sparring.errors import DataError, UsageError
from sparring.models import load_model
from sparring.physical import Perturbation, load_print_run, load_scenario, make_changed_run, save_print_run
from sparring.reports.rooms.on_paper import render_paper
from tests.physical.small import net, pictures

pytest.importorskip("cv2").setNumThreads(1)
SCANNER = load_scenario("scanner")


@pytest.fixture(scope="module")
def run():
    return make_changed_run(
        load_model(net()), sparring.load_data(pictures(6)), 48, SCANNER, Perturbation(0.2, 6, 4), photos=1
    )


def test_every_arm_stays_in_the_ball_and_the_perturbed_one_wins(run):
    for name in ("none", "perturbed", "no channel", "random", "shuffled"):
        assert (run.arms[name] - run.inputs).abs().max() <= 0.2 + 1e-6
        assert run.arms[name].min() >= 0 and run.arms[name].max() <= 1
    shares = {(each["level"], each["arm"]): each["successes"] / each["looks"] for each in run.facts["levels"]}
    for level in range(4):
        assert shares[level, "perturbed"] >= 0.5 + max(shares[level, "none"], shares[level, "random"])


def test_each_object_is_printed_with_its_own_change(run, tmp_path):
    save_print_run(run, tmp_path)
    stored = load_print_run(tmp_path).having(printed={"page": "a4", "objects": 2, "arms": ["perturbed"]})
    first, second = (stored.picture(each) for each in stored.prints)
    assert first.size == (48, 48) and first.tobytes() != second.tobytes()
    levels = torch.frombuffer(bytearray(first.tobytes()), dtype=torch.uint8).reshape(48, 48, 3)[1::3, 1::3]
    assert (levels.float() / 255 - run.arms["perturbed"][0].movedim(0, -1)).abs().max() < 0.01
    page = render_paper(stored)
    assert "changed by at most 51 of 255 grey levels" in page and "success of the perturbed pictures" in page


def test_what_makes_no_sense_is_refused():
    model = load_model(net())
    with pytest.raises(UsageError, match="eps is more than 0"):
        Perturbation(0.0)
    grey = sparring.load_data((torch.rand(4, 1, 16, 16), torch.zeros(4).long()))
    with pytest.raises(DataError, match="square RGB"):
        make_changed_run(model, grey, 48, SCANNER, Perturbation(0.1))
