"""Data: files, folders and Python objects become `Samples`."""

from sparring.data.load import load_data
from sparring.data.samples import Samples

__all__ = ["Samples", "load_data"]
