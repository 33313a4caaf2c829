"""A second, independent camera: the same scenarios rendered by OpenCV and Pillow, on whole pages; no gradients.

It shares the scenario's numbers with `channel`, and no code. What the channel leaves out is here: a lens that bends, a
sensor behind a mosaic of colours, JPEG as libjpeg writes it. What comes out is a *simulated capture*, no more.
"""

from __future__ import annotations

import io
import math
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from sparring.physical.extras import opencv
from sparring.physical.paper.photos import EXIF_IFD, FOCAL_35MM, SIMULATED, SOFTWARE

__all__ = ["Capture", "render"]

Pixels = NDArray[np.uint8]
Light = NDArray[np.float32]
Points = NDArray[np.float64]

TABLE = np.full((1, 1, 3), 0.18, np.float32)
"""What lies around the sheet, in linear light."""

WAVES = (600e-9, 540e-9, 450e-9)


@dataclass(frozen=True)
class Capture:
    """A rendered photo.

    Attributes:
        jpeg: The file.
        homography: From mm on the page to pixels, before the lens bends them.
        bend: Of the lens, at the photo's corners, of half its diagonal.
        shape: Height and width of the photo.
    """

    jpeg: bytes
    homography: Points
    bend: float
    shape: tuple[int, int]

    def to_photo(self, places: Points) -> Points:
        """Where places `(N, 2)` in mm truly are in the photo, in pixels."""
        whole = np.concatenate([places, np.ones((len(places), 1))], 1) @ self.homography.T
        middle = np.array([self.shape[1] - 1, self.shape[0] - 1]) / 2
        from_middle = whole[:, :2] / whole[:, 2:] - middle
        square = (from_middle**2).sum(1, keepdims=True) / (middle**2).sum()
        return middle + from_middle * (1 + self.bend * square)


def render(
    page: Pixels,
    size: tuple[float, float],
    values: Mapping[str, float],
    seed: int,
    pitch: float | None = None,
) -> Capture:
    """Photograph a page.

    Args:
        page: `(H, W, 3)` sRGB pixels of the page, as fine as the printer shall print.
        size: Its width and height in mm.
        values: A value for each quantity and phase of a scenario.
        seed: Of the camera's noise.
        pitch: Millimetres per pixel of the page, if its pixels do not end where it does.
    """
    pitch = pitch or size[0] / page.shape[1]
    shape, bend = _shape(size, values), values["lens"]
    homography = _pose(size, values, shape)
    ink = _print(page, values, pitch)
    photo = _project(ink, homography @ np.diag([pitch, pitch, 1.0]) @ _half(), shape, bend)
    photo = _illuminate(photo, homography, size, values)
    photo = _blur(photo, values)
    encoded = _developed(_exposed(photo, values, seed))
    file = io.BytesIO()
    exif = Image.Exif()
    exif[SOFTWARE] = SIMULATED
    exif.get_ifd(EXIF_IFD)[FOCAL_35MM] = max(1, round(36 / (2 * math.tan(math.radians(values["field"] / 2)))))
    Image.fromarray(encoded).save(file, "JPEG", quality=round(values["jpeg"]), exif=exif)
    return Capture(file.getvalue(), homography, bend, shape)


def _print(page: Pixels, values: Mapping[str, float], pitch: float) -> Light:
    """Linear light from the paper: gamut, screen, dot gain, paper; tables of 256 steps instead of formulas."""
    cv2 = opencv()
    levels = np.arange(256) / 255
    light = cv2.LUT(page, _decoded(levels).astype(np.float32))
    grey = light @ np.array([0.2126, 0.7152, 0.0722], np.float32)
    light = grey[..., None] + np.float32(values["saturation"]) * (light - grey[..., None])
    cover = np.clip((1 - light) * 255, 0, 255).astype(np.uint8)
    cover = _dots(cover, values, pitch)
    gained = levels + 4 * values["dot_gain"] * levels * (1 - levels)
    back = values["white"] + (values["black"] - values["white"]) * np.clip(gained, 0, 1)
    return np.asarray(cv2.LUT(cover, back.astype(np.float32)), np.float32)


def _dots(cover: Pixels, values: Mapping[str, float], pitch: float) -> Pixels:
    """Dots by comparison with a tile of thresholds, where the page is fine enough for them; ink by ink."""
    period = 1 / (values["halftone"] * pitch)
    if period < 2:
        return cover
    height, width = cover.shape[:2]
    out = np.empty_like(cover)
    phases = (values["halftone_across"], values["halftone_down"])
    for ink, degrees in enumerate((15, 75, 45)):
        cos, sin = (2 * math.pi / period * turn(math.radians(degrees)) for turn in (math.cos, math.sin))
        wave = _wave(width, height, cos, sin, phases[0]) + _wave(width, height, -sin, cos, phases[1])
        soft = (cover[..., ink] - (2 - wave) * np.float32(255 / 4)) * np.float32(period / 2) + np.float32(
            127.5
        )
        out[..., ink] = np.clip(soft, 0, 255).astype(np.uint8)
    return out


def _wave(width: int, height: int, right: float, below: float, phase: float) -> Light:
    """A plane wave over all pixels, by the rule for the cosine of a sum: two products a pixel."""
    across = np.exp(1j * right * np.arange(width)).astype(np.complex64)
    down = np.exp(1j * (below * np.arange(height) + 2 * math.pi * phase)).astype(np.complex64)
    wave: Light = np.outer(down.real, across.real) - np.outer(down.imag, across.imag)
    return wave


def _shape(size: tuple[float, float], values: Mapping[str, float]) -> tuple[int, int]:
    """Height and width of the photo, three to four, held upright if the page is."""
    long, short = round(values["long_side"]), round(0.75 * values["long_side"])
    return (long, short) if size[1] >= size[0] else (short, long)


def _pose(size: tuple[float, float], values: Mapping[str, float], shape: tuple[int, int]) -> Points:
    """The homography from mm to pixels; OpenCV's rotation vectors make the turns."""
    cv2 = opencv()
    focal = max(shape) / (2 * math.tan(math.radians(values["field"] / 2)))
    angles = [math.radians(values[name]) for name in ("yaw", "pitch", "roll")]
    axes = ((0.0, angles[0], 0.0), (angles[1], 0.0, 0.0), (0.0, 0.0, angles[2]))
    yaw, pitch, roll = (cv2.Rodrigues(np.array(axis))[0] for axis in axes)
    pose = yaw @ pitch @ roll
    pose[:, 2] = (0, 0, values["distance"])
    camera = np.array([[focal, 0, (shape[1] - 1) / 2], [0, focal, (shape[0] - 1) / 2], [0, 0, 1]])
    centre = np.array([[1, 0, -size[0] / 2], [0, 1, -size[1] / 2], [0, 0, 1]])
    return np.asarray(camera @ pose @ centre, np.float64)


def _project(ink: Light, pixels: Points, shape: tuple[int, int], bend: float) -> Light:
    """Every pixel looks back through lens and pose to the page, which is blurred first if it is too fine."""
    cv2 = opencv()
    height, width = shape
    shrink = math.sqrt(abs(np.linalg.det(pixels[:2, :2] / pixels[2, 2])))
    if shrink < 1:
        ink = cv2.GaussianBlur(ink, (0, 0), 0.5 * math.sqrt(1 / shrink**2 - 1) + 1e-3)
    across, down = np.meshgrid(np.arange(width, dtype=np.float32), np.arange(height, dtype=np.float32))
    middle = np.array([width - 1, height - 1]) / 2
    x, y = across - np.float32(middle[0]), down - np.float32(middle[1])
    square = (x * x + y * y) / np.float32((middle**2).sum())
    straight = 1 / (1 + bend * square * (1 - 2 * bend * square))  # the inverse of the bend to second order
    x, y = x * straight + np.float32(middle[0]), y * straight + np.float32(middle[1])
    back = np.linalg.inv(pixels).astype(np.float32)
    depth = back[2, 0] * x + back[2, 1] * y + back[2, 2]
    maps = [(back[row, 0] * x + back[row, 1] * y + back[row, 2]) / depth for row in (0, 1)]
    border = tuple(float(each) for each in TABLE.ravel())
    return np.asarray(
        cv2.remap(ink, *maps, cv2.INTER_LINEAR, borderMode=cv2.BORDER_CONSTANT, borderValue=border)
    )


def _illuminate(
    photo: Light, homography: Points, size: tuple[float, float], values: Mapping[str, float]
) -> Light:
    """Gradient, shadow and glare in the photo's own frame around the sheet, and the lamp's colour."""
    height, width = photo.shape[:2]
    centre = homography @ [size[0] / 2, size[1] / 2, 1]
    corner = homography @ [0, 0, 1]
    middle, reach = centre[:2] / centre[2], np.linalg.norm(corner[:2] / corner[2] - centre[:2] / centre[2])
    across = ((np.arange(width) - middle[0]) / (1.4 * reach)).astype(np.float32)
    down = ((np.arange(height) - middle[1]) / (1.4 * reach)).astype(np.float32)[:, None]
    fall = 1 - values["gradient"] * np.clip(0.5 + _towards(across, down, values["gradient_turn"]), 0, 1)
    edge = _towards(across, down, values["shadow_turn"]) - 0.8 * (values["shadow_place"] - 0.5)
    dark = 1 - values["shadow"] * np.clip(edge / 0.2 + 0.5, 0, 1)
    spot_x, spot_y = across - (values["glare_across"] - 0.5), down - (values["glare_down"] - 0.5)
    shine = values["glare"] * np.clip(1 - (spot_x**2 + spot_y**2) / 0.16, 0, 1) ** 2
    true, believed = (_body(values["colour"] + off) for off in (0, values["white_balance"]))
    gains = (true / believed).astype(np.float32)
    level = (2.0 ** values["exposure"] * fall * dark).astype(np.float32)
    lit: Light = photo * level[..., None] * gains + shine[..., None].astype(np.float32)
    return lit


def _towards(across: Light, down: Light, turn: float) -> Light:
    return across * math.cos(2 * math.pi * turn) + down * math.sin(2 * math.pi * turn)


def _body(kelvin: float) -> Points:
    """Radiance of a black body at three wavelengths, over that at the middle one."""
    powers = np.array([1 / (wave**5 * math.expm1(1.4388e-2 / wave / kelvin)) for wave in WAVES])
    return powers / powers[1]


def _blur(photo: Light, values: Mapping[str, float]) -> Light:
    """Defocus as a bell curve as wide as the disc, and a drawn line for motion."""
    cv2 = opencv()
    if values["defocus"] > 0.1:
        photo = cv2.GaussianBlur(photo, (0, 0), values["defocus"] / 2)  # a disc of radius r deviates by r/2
    if values["motion"] < 1:
        return photo
    half = math.ceil(values["motion"] / 2) + 1
    angle, length = 2 * math.pi * values["motion_turn"], values["motion"] / 2
    line = np.zeros((2 * half + 1, 2 * half + 1), np.uint8)
    step = (length * math.cos(angle), length * math.sin(angle))
    ends = [tuple(round(16 * (half + sign * each)) for each in step) for sign in (-1, 1)]
    cv2.line(line, *ends, 255, 1, cv2.LINE_AA, 4)
    return np.asarray(cv2.filter2D(photo, -1, line.astype(np.float32) / line.sum()))


def _exposed(photo: Light, values: Mapping[str, float], seed: int) -> Pixels:
    """What the sensor measures, encoded: one colour per pixel, in squares of four, with its noise."""
    raw = photo[..., 1].copy()
    raw[0::2, 0::2] = photo[0::2, 0::2, 0]
    raw[1::2, 1::2] = photo[1::2, 1::2, 2]
    grain = np.random.default_rng(seed).standard_normal(raw.shape, np.float32)
    raw += (
        np.float32(values["noise"] * math.sqrt(1000 / values["level"]))
        * np.sqrt(np.maximum(raw, 0) + 0.02)
        * grain
    )
    steps = np.linspace(0, 1, 4096)
    coded = np.where(steps <= 0.0031308, 12.92 * steps, 1.055 * steps ** (1 / 2.4) - 0.055)
    return (coded * 255 + 0.5).astype(np.uint8)[np.clip(raw * 4095 + 0.5, 0, 4095).astype(np.uint16)]


def _developed(raw: Pixels) -> Pixels:
    """The colours that were not measured, guessed from their neighbours (OpenCV's demosaicing)."""
    cv2 = opencv()
    return np.asarray(cv2.cvtColor(raw, cv2.COLOR_BayerRGGB2RGB), np.uint8)


def _decoded(levels: Points) -> Points:
    return np.where(levels <= 0.04045, levels / 12.92, ((levels + 0.055) / 1.055) ** 2.4)


def _half() -> Points:
    """From the index of a pixel to its middle."""
    return np.array([[1, 0, 0.5], [0, 1, 0.5], [0, 0, 1]], np.float64)
