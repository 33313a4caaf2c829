"""Sheets: ids, layout, and true millimetres on the page, measured in pixels of an independent rasteriser."""

import shutil
import subprocess
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from sparring.errors import UsageError
from sparring.physical.paper.found_sheet import find_sheet
from sparring.physical.paper.pdf import rasterised, write_pdf, write_tiles
from sparring.physical.paper.photos import Photo
from sparring.physical.paper.sheet import CHART, PAGES, chart_sheet, lay_out
from sparring.physical.paper.sheet_id import DIGITS, SheetId, run_number
from sparring.physical.paper.tiling import tiles_of

pytest.importorskip("cv2")
pytest.importorskip("reportlab")
pytest.importorskip("pypdfium2")
DPI = 300


@pytest.fixture(scope="module")
def page(tmp_path_factory):
    """A sheet of four plain pictures, its PDF, and the PDF as pixels."""
    sheet = lay_out(4, 84, run_number("test"))[0]
    colours = ("red", "green", "blue", "black")
    path = tmp_path_factory.mktemp("sheet") / "sheet.pdf"
    write_pdf(path, sheet, [Image.new("RGB", (30, 30), colour) for colour in colours], "a test")
    return sheet, path, rasterised(path, DPI)


@pytest.mark.parametrize("number", [0, 3, DIGITS - 1])
@pytest.mark.parametrize("run", [0, 1, 12_345_678, DIGITS**3 - 1])
def test_ids_survive_their_markers(run, number):
    markers = SheetId(run, number).markers
    assert SheetId.of(markers) == SheetId(run, number)
    assert [marker % 4 for marker in markers] == [0, 1, 2, 3] and max(markers) < 1000


@pytest.mark.parametrize("name", PAGES)
def test_nothing_overlaps_or_leaves_the_page(name):
    for sheet in (*lay_out(9, 60, 5, name), chart_sheet(5, name)):
        boxes = [
            *sheet.markers,
            *(cell.box for cell in sheet.cells),
            *(box for box, _ in sheet.swatches),
            sheet.bar,
        ]
        for box in boxes:
            assert box.left >= 0 and box.top >= 0
            assert box.left + box.width <= sheet.width and box.top + box.height <= sheet.height
        for row, one in enumerate(boxes):
            for other in boxes[row + 1 :]:
                apart = (
                    one.left + one.width <= other.left + 1e-6
                    or other.left + other.width <= one.left + 1e-6
                    or one.top + one.height <= other.top + 1e-6
                    or other.top + other.height <= one.top + 1e-6
                )
                assert apart, (one, other)


def test_every_picture_is_on_one_page():
    sheets = lay_out(9, 84, 5)
    assert [cell.picture for sheet in sheets for cell in sheet.cells] == list(range(9))
    assert [sheet.id.number for sheet in sheets] == [0, 1, 2]


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ((4, 300, 1), "does not fit on a4"),
        ((4, 84, 1, "a44"), 'no page "a44"'),
        ((2000, 84, 1), "250 sheets"),
    ],
)
def test_what_does_not_fit_is_refused(arguments, said):
    with pytest.raises(UsageError, match=said):
        lay_out(*arguments)


def _black_square(pixels, box):
    """Edges in mm of what is coloured around the middle of a box."""
    row = round((box.top + box.height / 2) / 25.4 * DPI)
    column = round((box.left + box.width / 2) / 25.4 * DPI)
    ink = pixels.min(2) < 128
    middle = ink[row, :], ink[:, column]
    found = []
    for line, start, length in zip(middle, (box.left, box.top), (box.width, box.height), strict=True):
        # only crop marks lie outside, a millimetre away
        first, last = (int(each / 25.4 * DPI) for each in (start - 0.5, start + length + 0.5))
        inside = np.flatnonzero(line[first:last]) + first
        found += [inside[0] * 25.4 / DPI, (inside[-1] + 1) * 25.4 / DPI]
    return found


def test_sizes_are_right_within_a_fifth_of_a_millimetre(page):
    sheet, _, pixels = page
    assert pixels.shape[0] == pytest.approx(297 / 25.4 * DPI, abs=2)
    for box in (*sheet.markers, *(cell.box for cell in sheet.cells)):
        left, right, top, below = _black_square(pixels, box)
        assert (left, top) == (pytest.approx(box.left, abs=0.2), pytest.approx(box.top, abs=0.2))
        assert right - left == pytest.approx(box.width, abs=0.2) and below - top == pytest.approx(
            box.height, abs=0.2
        )


def test_the_chart_has_the_colours_that_it_says(page):
    sheet, _, pixels = page
    assert len(sheet.swatches) == len(CHART)
    for box, colour in sheet.swatches:
        row, column = (
            round(each / 25.4 * DPI) for each in (box.top + box.height / 2, box.left + box.width / 2)
        )
        assert pixels[row, column] == pytest.approx(np.array(colour) * 255, abs=2)


def test_poppler_draws_the_same_page(page, tmp_path):
    if shutil.which("pdftoppm") is None:
        pytest.skip("needs pdftoppm of poppler")
    _, path, pixels = page
    subprocess.run(["pdftoppm", "-r", str(DPI), "-png", path, tmp_path / "page"], check=True)
    other = np.asarray(Image.open(next(Path(tmp_path).glob("page*.png"))).convert("RGB"), float)
    height, width = (min(*each) for each in zip(pixels.shape[:2], other.shape[:2], strict=True))
    assert np.abs(pixels[:height, :width] - other[:height, :width]).mean() < 1


def test_pieces_joined_at_their_marks_are_the_sheet(tmp_path):
    sheet = lay_out(2, 180, 5, "a3")[0]
    pictures = [Image.effect_noise((60, 60), 80).convert("RGB") for _ in range(2)]
    tiles = tiles_of(sheet, "a4")
    assert [each.name for each in tiles][:2] == ["row 1 of 2, column 1 of 2", "row 1 of 2, column 2 of 2"]
    write_pdf(tmp_path / "whole.pdf", sheet, pictures, "a test")
    write_tiles(tmp_path / "tiles.pdf", sheet, pictures, "a test", tiles)
    scale = 4 * 25.4  # four pixels to the millimetre
    whole = rasterised(tmp_path / "whole.pdf", scale).astype(float)
    joined = np.zeros((1680, 1188, 3))
    for number, tile in enumerate(tiles):
        pixels = rasterised(tmp_path / "tiles.pdf", scale, number)
        top, left = (round(4 * each) for each in (tile.piece.top, tile.piece.left))
        height, width = (round(4 * each) for each in (tile.piece.height, tile.piece.width))
        joined[top : top + height, left : left + width] = pixels[48 : 48 + height, 48 : 48 + width]
        assert pixels[48 - 8, 47:49].min() < 200  # a crop mark above the corner
    assert np.abs(joined - whole[:1680, :1188]).mean() < 3
    found = find_sheet(Photo("joined", joined.astype(np.uint8), None, False), (sheet,))
    assert found.sheet is sheet and found.residual < 1


def test_pieces_that_make_no_sense_are_refused():
    with pytest.raises(UsageError, match="fits on a4 as it is"):
        tiles_of(lay_out(2, 84, 5)[0], "a4")
    with pytest.raises(UsageError, match='no page "a9"'):
        tiles_of(lay_out(2, 84, 5, "a3")[0], "a9")


def test_the_same_sheet_is_the_same_file(page, tmp_path):
    sheet, path, _ = page
    colours = ("red", "green", "blue", "black")
    write_pdf(tmp_path / "again.pdf", sheet, [Image.new("RGB", (30, 30), each) for each in colours], "a test")
    assert (tmp_path / "again.pdf").read_bytes() == path.read_bytes()
