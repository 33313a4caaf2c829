"""What a scenario can say about printer, paper, view, light, camera and file, and what is possible at all."""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["PHASES", "QUANTITIES", "Quantity"]


@dataclass(frozen=True)
class Quantity:
    """One thing that differs from picture to picture.

    Attributes:
        table: Where it stands in a scenario file.
        name: Its key there.
        kind: What it measures; see `units`.
        least: The smallest value that is possible.
        most: The largest.
        neutral: The value that changes nothing, where a scenario does not name it; None if each has to.
    """

    table: str
    name: str
    kind: str
    least: float
    most: float
    neutral: float | None


QUANTITIES: tuple[Quantity, ...] = (
    Quantity("printer", "black", "share", 0, 0.5, 0.0),  # light that the darkest print still gives back
    Quantity("printer", "saturation", "share", 0.1, 1, 1.0),  # how much of a colour the inks can give
    Quantity("printer", "dot_gain", "share", -0.3, 0.4, 0.0),  # how much more than half is inked at half tone
    Quantity("printer", "halftone", "screen", 20 / 25.4, 300 / 25.4, 300 / 25.4),
    Quantity("paper", "white", "share", 0.3, 1, 1.0),  # light that bare paper gives back
    Quantity("view", "distance", "length", 10, 200_000, None),  # from the lens to the middle of the sheet
    Quantity("view", "yaw", "angle", -75, 75, 0.0),  # the sheet turned about its upright
    Quantity("view", "pitch", "angle", -75, 75, 0.0),  # leaning back
    Quantity("view", "roll", "angle", -180, 180, 0.0),  # turned in its plane
    Quantity("view", "framing", "share", 0, 0.2, 0.0),  # how far the cut-out misses, of the picture's side
    Quantity("light", "level", "illuminance", 0.1, 150_000, 1000.0),
    Quantity("light", "colour", "temperature", 1500, 20_000, 6500.0),
    Quantity("light", "gradient", "share", 0, 0.9, 0.0),  # darker by so much across the sheet
    Quantity("light", "shadow", "share", 0, 0.95, 0.0),  # light that a shadow with a straight edge takes
    Quantity("light", "glare", "share", 0, 0.9, 0.0),  # of white, added in the middle of a shiny spot
    Quantity("camera", "long_side", "pixels", 100, 50_000, None),  # of the whole photo
    Quantity("camera", "field", "angle", 1, 150, None),  # of view, along the long side
    Quantity(
        "camera", "lens", "share", -0.1, 0.1, 0.0
    ),  # bent outwards at the photo's corners, of half its diagonal
    Quantity("camera", "defocus", "pixels", 0, 20, 0.0),  # radius of the blurred point
    Quantity("camera", "motion", "pixels", 0, 40, 0.0),  # length of the smear
    Quantity("camera", "exposure", "exposure", -3, 3, 0.0),
    Quantity(
        "camera", "white_balance", "temperature", -3000, 3000, 0.0
    ),  # how far the camera misjudges the light
    Quantity("camera", "noise", "share", 0, 0.2, 0.0),  # of white, at 1000 lx and white; grows in the dark
    Quantity("file", "jpeg", "quality", 5, 100, 100.0),
)
"""Everything that is drawn, in the order of the numbers that are drawn for it."""

PHASES: tuple[str, ...] = (
    "gradient_turn", "shadow_turn", "shadow_place", "glare_across", "glare_down", "motion_turn", "framing_across",
    "framing_down", "halftone_across", "halftone_down",
)  # fmt: skip
"""Where and in which direction: drawn from [0, 1), the same for all scenarios."""
