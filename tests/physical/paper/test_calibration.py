"""A printer measured in a rendered photo of the chart, against the one that printed it."""

import numpy as np
import pytest
import torch
from PIL import Image

from sparring.errors import DataError
from sparring.physical import calibrate_printer, load_scenario, write_chart
from sparring.physical.channel.optics import linear
from sparring.physical.paper.pdf import rasterised, write_pdf
from sparring.physical.paper.photos import open_photo
from sparring.physical.paper.scenario_text import calibrated, scenario_text
from sparring.physical.paper.sheet import lay_out
from sparring.physical.runs.rendering import render

cv2 = pytest.importorskip("cv2")
pytest.importorskip("reportlab")
pytest.importorskip("pypdfium2")
cv2.setNumThreads(1)
PLACE = load_scenario("scanner").having(long_side=1854.0, exposure=-0.3)


@pytest.fixture(scope="module")
def page(tmp_path_factory):
    path = tmp_path_factory.mktemp("chart") / "chart.pdf"
    write_chart(path)
    return rasterised(path, 6 * 25.4)


def photo(page, folder, place=PLACE, seed=0):
    values = {name: float(each[0]) for name, each in place.draw(["one"], seed).items()}
    (folder / "chart.jpg").write_bytes(render(page, (210, 297), values, seed).jpeg)
    return open_photo(folder / "chart.jpg"), values


@pytest.mark.parametrize("seed", [0, 1])
def test_the_tone_curve_is_the_one_that_was_applied(page, tmp_path, seed):
    shot, values = photo(page, tmp_path, seed=seed)
    found = calibrate_printer(shot)
    cover = 1 - linear(torch.linspace(0, 1, 11)).numpy()
    gained = np.clip(cover + 4 * values["dot_gain"] * cover * (1 - cover), 0, 1)
    applied = (values["white"] * (1 - gained) + values["black"] * gained) / values["white"]
    assert (
        np.abs(found.tones[:, 1] - applied).max() < 0.03
        and np.abs(found.toned(found.tones[:, 0]) - applied).max() < 0.03
    )
    assert found.dot_gain == pytest.approx(values["dot_gain"], abs=0.02)
    assert found.saturation == pytest.approx(values["saturation"], abs=0.08)
    assert found.palette.shape == (216, 3) and found.palette.min() > 0.05  # no printed black is none


def test_uneven_light_is_divided_out(page, tmp_path):
    even, uneven = (
        calibrate_printer(photo(page, tmp_path, PLACE.having(gradient=share))[0]) for share in (0.0, 0.3)
    )
    assert np.abs(even.tones - uneven.tones).max() < 0.02


def test_a_calibrated_scenario_is_written_and_read_again(page, tmp_path):
    found = calibrate_printer(photo(page, tmp_path)[0])
    path = tmp_path / "mine.toml"
    path.write_text(scenario_text(calibrated(load_scenario("phone-indoors"), found, "mine")))
    again = load_scenario(path)
    low, high = again.ranges["dot_gain"][0].low, again.ranges["dot_gain"][0].high
    assert low < found.dot_gain < high and again.ranges["yaw"] == load_scenario("phone-indoors").ranges["yaw"]


@pytest.mark.parametrize("name", ["scanner", "phone-indoors", "street-camera"])
def test_every_scenario_survives_being_written(name, tmp_path):
    scenario = load_scenario(name)
    (tmp_path / "again.toml").write_text(scenario_text(scenario))
    again = load_scenario(tmp_path / "again.toml")
    for key, (one,) in scenario.ranges.items():
        assert (again.ranges[key][0].low, again.ranges[key][0].high) == (
            pytest.approx(one.low),
            pytest.approx(one.high),
        )


def test_what_is_no_chart_or_overexposed_is_refused(page, tmp_path):
    with pytest.raises(DataError, match="overexposed"):
        calibrate_printer(photo(page, tmp_path, PLACE.having(exposure=1.0))[0])
    write_pdf(tmp_path / "sheet.pdf", lay_out(1, 84, 5)[0], [Image.new("RGB", (9, 9))], "a sheet")
    Image.fromarray(rasterised(tmp_path / "sheet.pdf", 100)).save(tmp_path / "sheet.png")
    with pytest.raises(DataError, match="a sheet of a run and no chart"):
        calibrate_printer(open_photo(tmp_path / "sheet.png"))
