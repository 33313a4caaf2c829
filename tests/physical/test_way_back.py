"""Sheets found in photos: upright, upside down, rendered from afar; and what is refused, each by its name."""

import io

import numpy as np
import pytest
from PIL import Image

from sparring.errors import DataError
from sparring.physical.paper.fiducials import modules_of
from sparring.physical.paper.found_sheet import find_sheet
from sparring.physical.paper.pdf import rasterised, write_pdf
from sparring.physical.paper.photos import Photo, open_photo
from sparring.physical.paper.sheet import Box, lay_out
from sparring.physical.paper.sheet_id import run_number
from sparring.physical.runs.rendering import render
from sparring.physical.scene.scenario import load_scenario

cv2 = pytest.importorskip("cv2")
pytest.importorskip("reportlab")
pytest.importorskip("pypdfium2")
cv2.setNumThreads(1)

RUN = run_number("test")
DPI = 6 * 25.4  # whole pixels to the millimetre
SHEETS = lay_out(8, 84, RUN)


@pytest.fixture(scope="module")
def page(tmp_path_factory):
    path = tmp_path_factory.mktemp("sheet") / "sheet.pdf"
    draws = np.random.default_rng(0)
    pictures = [Image.fromarray(draws.integers(0, 256, (6, 6, 3), dtype=np.uint8)) for _ in range(8)]
    write_pdf(path, SHEETS[1], pictures, "a test")
    return rasterised(path, DPI)


def photo(pixels, focal=None):
    return Photo("photo.jpg", np.ascontiguousarray(pixels), focal, False)


def middles(sheet):
    return np.array(
        [[cell.box.left + cell.box.width / 2, cell.box.top + cell.box.height / 2] for cell in sheet.cells]
    )


@pytest.mark.parametrize("turns", [0, 1, 2, 3])
def test_a_sheet_is_found_however_it_is_turned(page, turns):
    found = find_sheet(photo(np.rot90(page, turns)), SHEETS)
    assert found.sheet is SHEETS[1] and found.residual < 0.5
    assert found.scale == pytest.approx(6, rel=2e-3)
    upright = find_sheet(photo(page), SHEETS)
    box = Box(40, 60, 30, 30)
    assert np.abs(found.flattened(box, 8).astype(float) - upright.flattened(box, 8)).mean() < 3


@pytest.mark.parametrize(
    ("name", "seed"), [("scanner", 0), ("phone-indoors", 0), ("phone-indoors", 1), ("street-camera", 0)]
)
def test_rendered_captures_are_rectified_within_a_pixel(page, name, seed, tmp_path):
    draw = load_scenario(name).having(long_side=1800.0).draw(["one"], seed)
    values = {key: float(each[0]) for key, each in draw.items()}
    capture = render(page, (210, 297), values, seed)
    (tmp_path / "c.jpg").write_bytes(capture.jpeg)
    shot = open_photo(tmp_path / "c.jpg")
    found = find_sheet(shot, SHEETS)
    assert shot.simulated
    apart = np.linalg.norm(found.to_photo(middles(SHEETS[1])) - capture.to_photo(middles(SHEETS[1])), axis=1)
    assert apart.max() < 1
    tilt, distance, known = found.pose
    assert known and distance == pytest.approx(values["distance"], rel=0.05)
    cosine = np.cos(np.radians(values["yaw"])) * np.cos(np.radians(values["pitch"]))
    assert tilt == pytest.approx(np.degrees(np.arccos(cosine)), abs=3)


def test_what_cannot_be_used_is_named(page):
    short = page[: len(page) * 2 // 3]
    blurred = cv2.GaussianBlur(page, (0, 0), 25)
    covered = page.copy()
    covered[:200, :200] = 255
    for pixels, said in (
        (np.full((800, 600, 3), 255, np.uint8), "blurred, or shows nothing"),
        (np.random.default_rng(0).integers(0, 256, (800, 600, 3), dtype=np.uint8), "shows no fiducials"),
        (blurred, "blurred"),
        (short, "not those at the bottom right and bottom left"),
        (covered, "not those at the top left"),
        (np.concatenate([page, page], 1), "more than one sheet"),
    ):
        with pytest.raises(DataError, match=said):
            find_sheet(photo(pixels), SHEETS)
    with pytest.raises(DataError, match="another run"):
        find_sheet(photo(page), lay_out(8, 84, run_number("other")))
    with pytest.raises(DataError, match="shows sheet 2 of this run, which has only 1"):
        find_sheet(photo(page), lay_out(4, 84, RUN))


def test_a_picture_that_looks_like_a_small_marker_is_no_fiducial(page):
    small = np.kron(modules_of(17), np.ones((6, 6)))
    marked, place = page.copy(), np.s_[600 : 600 + len(small), 400 : 400 + len(small)]
    marked[590 : 610 + len(small), 390 : 410 + len(small)] = 255
    marked[place] = np.where(small, 0, 255)[..., None]
    assert find_sheet(photo(marked), SHEETS).sheet is SHEETS[1]


def test_a_crumpled_sheet_is_refused(page):
    bent, first = page.copy(), np.s_[48:174, 48:174]
    bent[first] = 255
    bent[110:174, 110:174] = cv2.resize(page[first], (64, 64), interpolation=cv2.INTER_AREA)
    with pytest.raises(DataError, match="do not lie on one flat sheet"):
        find_sheet(photo(bent), SHEETS)


def test_pictures_of_every_kind_are_read(tmp_path):
    colour = Image.fromarray(np.random.default_rng(0).integers(0, 256, (120, 200, 3), dtype=np.uint8))
    exif = Image.Exif()
    exif[0x0112] = 6
    colour.save(tmp_path / "turned.jpg", exif=exif)
    colour.convert("CMYK").save(tmp_path / "cmyk.jpg")
    Image.fromarray(np.full((120, 200), 30_000, np.uint16)).save(tmp_path / "deep.png")
    colour.convert("RGBA").save(tmp_path / "alpha.png")
    turned = open_photo(tmp_path / "turned.jpg")
    assert turned.pixels.shape == (200, 120, 3) and "EXIF" in turned.notes[0]
    assert "CMYK" in open_photo(tmp_path / "cmyk.jpg").notes[0]
    deep = open_photo(tmp_path / "deep.png")
    assert deep.pixels[0, 0, 0] == round(30_000 / 65_535 * 255) and "16 bits" in deep.notes[0]
    assert (open_photo(tmp_path / "alpha.png").pixels == np.asarray(colour)).all()


def test_pictures_that_cannot_be_read_get_a_sentence(tmp_path):
    (tmp_path / "text.jpg").write_text("no picture")
    whole = io.BytesIO()
    Image.new("RGB", (400, 400), "red").save(whole, "JPEG")
    (tmp_path / "half.jpg").write_bytes(whole.getvalue()[: len(whole.getvalue()) // 2])
    Image.new("RGB", (20, 20)).save(tmp_path / "small.png")
    for name, said in (
        ("text.jpg", "no picture that can be read"),
        ("half.jpg", "is damaged"),
        ("small.png", "only 20 x 20 pixels"),
        ("none.jpg", "there is no photo"),
    ):
        with pytest.raises(DataError, match=said):
            open_photo(tmp_path / name)
