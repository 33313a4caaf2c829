"""A project folder, and the command line run in it."""

import sys

import numpy as np
import pytest
import torch

from sparring.cli import app
from sparring.cli.failures import exit_code
from tests.cli import models
from tests.cli.files import FILE, NET


@pytest.fixture
def project(tmp_path):
    """A folder with a model, data and a file."""
    grey = np.random.default_rng(0).integers(0, 256, (40, 1, 8, 8), dtype=np.uint8)
    labels = models.linear()(torch.from_numpy(grey).float() / 255).argmax(1).numpy()
    folder = tmp_path / "project"
    folder.mkdir()
    np.savez(folder / "data.npz", x=grey, y=labels)
    (folder / "net.py").write_text(NET)
    (folder / "sparring.toml").write_text(FILE)
    return folder


@pytest.fixture
def sparring(project, monkeypatch, capsys):
    """Run the command line in the project; returns exit code, standard output, standard error."""
    monkeypatch.chdir(project)

    def run(*words):
        monkeypatch.setattr(sys, "argv", ["sparring", *map(str, words)])
        code = exit_code(app)
        return code, *capsys.readouterr()

    return run
