"""The channel: print, light, camera, file, cut-out; differentiable, in physical units."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional

from sparring.draws import row_keys
from sparring.images import smooth_jpeg
from sparring.physical.channel.lighting import lit
from sparring.physical.channel.optics import onto_photo, srgb
from sparring.physical.channel.printing import printed
from sparring.physical.channel.warping import defocused, sampled, smoothed
from sparring.physical.scene.scenario import Draw, Scenario

__all__ = ["Channel", "pixels_per_mm"]

MARGIN = 0.125
"""Bare paper around a picture, of its side, on each side."""

COARSE, FINE = 2, 6
"""Pixels of the photo that are computed per pixel of the model's inputs: at least, and for small inputs."""

WIDE = 256
"""Pixels across the photo above which no more than `COARSE` are computed: large inputs show the difference less."""

FILLED = 0.7
"""How much of our part of the photo a picture may take up, so that it stays inside however it is turned."""


@dataclass(frozen=True)
class Channel:
    """How a picture on a sheet looks to a model, once printed, photographed and cut out.

    A part of the photo around the picture is computed, `pixels` wide. If the camera sees more pixels than that, they
    are joined, and blurs, noise and what JPEG changes shrink with them. Not modelled: the bend of the lens, of which
    a part of the photo shows little, and the mosaic of the sensor; the independent renderer in `rendering` has both.

    Attributes:
        scenario: Where the values come from.
        side: Of the picture on paper, in mm.
        size: Height and width of the model's inputs; square.
        seed: Of all draws.
    """

    scenario: Scenario
    side: float
    size: int
    seed: int = 0

    @property
    def pixels(self) -> int:
        """How wide the part of the photo is that is computed: a multiple of 16."""
        return 16 * -(-max(COARSE * self.size, min(FINE * self.size, WIDE)) // 16)

    def through(self, pictures: Tensor, keys: Sequence[str]) -> Tensor:
        """What the model sees of each picture under the draw of its key: `(B, 3, size, size)` in [0, 1].

        Equal keys give equal draws. Gradients reach `pictures`; rounding and halftone are passed straight through.

        Args:
            pictures: `(B, 3, H, H)` sRGB in [0, 1].
            keys: B names, one per photo that is taken.
        """
        draw = self.scenario.draw(keys, self.seed)
        return self.seen(pictures, draw, row_keys(self.seed, keys, "noise"))

    def seen(self, pictures: Tensor, draw: Draw, grains: Tensor) -> Tensor:
        """The same under a given draw, with the camera's noise from the seeds `grains` `(B,)`."""
        light = lit(_on_paper(printed(pictures, draw, self.side / pictures.shape[-1]), draw), draw)
        scale = pixels_per_mm(draw)
        joined = (FILLED * self.pixels / self.side / scale).clamp(
            max=1
        )  # of our pixels per pixel of the camera
        homography = onto_photo(
            scale * joined, *(draw[name] for name in ("distance", "yaw", "pitch", "roll"))
        )
        frame = self._photographed(light, homography, scale * joined)
        frame = defocused(frame, draw["defocus"] * joined, draw["motion"] * joined, draw["motion_turn"])
        taken = srgb(_noisy(frame, draw, grains, joined))
        changed = smooth_jpeg(taken, draw["jpeg"].clamp(max=99), _straight) - taken
        return self._cut_out(taken + joined.reshape(-1, 1, 1, 1) * changed, homography, draw)

    def _photographed(self, light: Tensor, homography: Tensor, scale: Tensor) -> Tensor:
        """The picture as `pixels` by `pixels` of the photo, before any blur of the camera."""
        finer = light.shape[-1] / (
            (1 + 2 * MARGIN) * self.side * scale
        )  # pixels of the print per one of the photo
        light = smoothed(light, 0.5 * (finer**2 - 1).clamp(min=0).sqrt())
        places = _moved(torch.linalg.inv(homography), _grid(self.pixels, self.pixels / 2))
        return sampled(light, places, self.side * (0.5 + MARGIN))

    def _cut_out(self, frame: Tensor, homography: Tensor, draw: Draw) -> Tensor:
        """Back through the pose, a little off, at the size of the model's inputs."""
        miss = torch.stack([draw["framing_across"], draw["framing_down"]], 1) * 2 - 1
        places = (
            _grid(2 * self.size, self.side / 2) + (draw["framing"][:, None] * miss * self.side)[:, None, None]
        )
        double = sampled(frame, _moved(homography, places), self.pixels / 2)
        return functional.avg_pool2d(double, 2).clamp(0, 1)


def pixels_per_mm(draw: Draw) -> Tensor:
    """How many pixels of the camera fall on a millimetre in the middle of the sheet, `(B,)`."""
    return draw["long_side"] / (2 * draw["distance"] * (draw["field"] / 2).deg2rad().tan())


def _on_paper(reflected: Tensor, draw: Draw) -> Tensor:
    """The print with bare paper around it."""
    pad = round(MARGIN * reflected.shape[-1])
    white = draw["white"].reshape(-1, 1, 1, 1)
    return functional.pad(reflected - white, (pad,) * 4) + white


def _grid(pixels: int, half: float) -> Tensor:
    """Where the middles of pixels lie, `(1, pixels, pixels, 2)`, across and down, from -half to half."""
    line = ((torch.arange(pixels) + 0.5) / pixels * 2 - 1) * half
    return torch.stack([line.expand(pixels, -1), line[:, None].expand(-1, pixels)], -1)[None]


def _moved(homography: Tensor, places: Tensor) -> Tensor:
    """Places `(B | 1, h, w, 2)` through homographies `(B, 3, 3)`."""
    whole = torch.cat([places, torch.ones_like(places[..., :1])], -1)
    moved = torch.einsum("bij,bhwj->bhwi", homography, whole.expand(len(homography), -1, -1, -1))
    return moved[..., :2] / moved[..., 2:].clamp(min=1e-6)


def _noisy(light: Tensor, draw: Draw, grains: Tensor, joined: Tensor) -> Tensor:
    """Shot noise, which grows with the root of the light, over a floor; `noise` is for white at 1000 lx, in a pixel."""
    strength = (joined * draw["noise"] * (1000 / draw["level"]).sqrt()).reshape(-1, 1, 1, 1)
    return light + strength * (light.detach().clamp(min=0) + 0.02).sqrt() * _grain(grains, light)


def _grain(seeds: Tensor, like: Tensor) -> Tensor:
    """Standard normal numbers like `like` `(B, ...)`, a generator per row: by counter, they took half of all time."""
    drawn = [
        torch.randn(like.shape[1:], generator=torch.Generator().manual_seed(each)) for each in seeds.tolist()
    ]
    return torch.stack(drawn).to(like)


def _straight(values: Tensor) -> Tensor:
    return values + (values.round() - values).detach()
