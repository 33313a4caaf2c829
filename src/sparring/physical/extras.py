"""Optional packages, loaded when they are needed; their absence is one sentence."""

from __future__ import annotations

from importlib import import_module
from types import ModuleType

from sparring.errors import MissingExtraError

__all__ = ["opencv", "pdfium", "reportlab_canvas"]


def opencv() -> ModuleType:
    """OpenCV, with its ArUco module.

    Raises:
        MissingExtraError: It is not installed.
    """
    return _loaded("cv2", "reading photos of sheets")


def pdfium() -> ModuleType:
    """Pypdfium2, which turns PDF into pixels.

    Raises:
        MissingExtraError: It is not installed.
    """
    return _loaded("pypdfium2", "drawing a PDF")


def reportlab_canvas() -> ModuleType:
    """The canvas of ReportLab, which writes PDF.

    Raises:
        MissingExtraError: It is not installed.
    """
    return _loaded("reportlab.pdfgen.canvas", "writing a PDF")


def _loaded(name: str, asked: str) -> ModuleType:
    try:
        return import_module(name)
    except ModuleNotFoundError as error:
        raise MissingExtraError(asked, "physical") from error
