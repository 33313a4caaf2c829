"""What holds for every test: one thread, one seed, and hypothesis draws the same examples each time."""

import os
import signal
from pathlib import Path

import pytest
import torch
from hypothesis import settings

torch.set_num_threads(1)
settings.register_profile("repeatable", derandomize=True, deadline=None)
settings.load_profile("repeatable")
signal.signal(signal.SIGINT, signal.default_int_handler)  # a shell ignores it for what runs in the background


@pytest.fixture(autouse=True)
def _seeded() -> None:
    torch.manual_seed(0)


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """The folder with the models and data sets that are too large to commit.

    The variable SPARRING_DATA names it; without, it is `shared`, beside the repository.
    """
    beside = Path(__file__).parents[2] / "shared"
    folder = Path(os.environ.get("SPARRING_DATA", beside))
    if not folder.is_dir():
        pytest.skip(f"needs the models and data of {folder}; set SPARRING_DATA")
    return folder
