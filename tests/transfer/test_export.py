"""Examples as files, with sidecars."""

import json
from hashlib import sha256

import numpy as np
import pytest
import torch
from PIL import Image

from sparring.data import load_data
from sparring.errors import UsageError
from sparring.threat import Linf
from sparring.transfer import craft, export_examples, origin
from tests.transfer.nets import linear, samples

NET = linear(1)
SAMPLES = samples(NET, 4)


def test_png_files_hold_the_points_and_sidecars_say_where_they_come_from(tmp_path):
    made = craft([NET], SAMPLES, Linf(8 / 255), "mi", 10)
    paths = export_examples(
        made.points, SAMPLES, tmp_path, "png", origin([NET], method="mi", threat="linf:8/255")
    )
    for path, point, name, label in zip(
        paths, made.points, SAMPLES.ids, SAMPLES.labels.tolist(), strict=True
    ):
        levels = torch.from_numpy(np.array(Image.open(path))).movedim(2, 0)
        assert torch.equal(levels, (point * 255).round().byte())
        sidecar = json.loads(path.with_suffix(".json").read_text())
        assert sidecar["file"]["sha256"] == sha256(path.read_bytes()).hexdigest()
        assert (sidecar["sample"]["id"], sidecar["label"], sidecar["method"]) == (name, label, "mi")
        assert sidecar["surrogates"] == [{"name": NET.name, "source": NET.source, "digest": NET.digest}]


def test_what_is_no_image_cannot_be_written(tmp_path):
    table = load_data((torch.rand(2, 5), torch.tensor([0, 1])))
    with pytest.raises(UsageError, match="no images"):
        export_examples(table.inputs, table, tmp_path, "png", {})
    with pytest.raises(UsageError, match="unknown kind of file 'gif'"):
        export_examples(SAMPLES.inputs, SAMPLES, tmp_path, "gif", {})
