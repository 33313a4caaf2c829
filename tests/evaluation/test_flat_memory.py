"""An audit holds one shard in memory, however many there are: neither inputs nor examples stay."""

import gc
import tempfile

import numpy as np
import pytest
import torch
from torch import nn

import sparring
from sparring.attacks import FGSM, margin
from sparring.attacks.suites import Stage
from sparring.errors import DataError
from sparring.evaluation import examples
from sparring.evaluation.examples import GALLERY
from sparring.evaluation.search import searching, shards
from sparring.storage import run

COUNT, SHAPE, SHARD = 320, (3, 16, 16), 32
INPUT = 4 * 3 * 16 * 16


def _held():
    """Bytes of all tensors that Python knows of."""
    alive = [each.untyped_storage() for each in gc.get_objects() if type(each) is torch.Tensor]
    return sum({storage.data_ptr(): storage.nbytes() for storage in alive}.values())


def test_no_more_than_a_shard_is_held(tmp_path, monkeypatch):
    torch.manual_seed(0)
    net = nn.Sequential(nn.AvgPool2d(8), nn.Flatten(), nn.Linear(12, 4, bias=False))
    net[2].weight.data -= net[2].weight.mean(
        1, keepdim=True
    )  # so that grey, which most images are, has no class
    images = np.random.default_rng(0).random((COUNT, *SHAPE), np.float32)
    with torch.no_grad():
        np.savez(tmp_path / "images.npz", x=images, y=net(torch.from_numpy(images)).argmax(1))
    monkeypatch.setattr(shards, "SHARD", SHARD)
    held, pieces = [], []

    def noted(module, name, note):
        act = getattr(module, name)
        monkeypatch.setattr(module, name, lambda *given: note(*given) or act(*given))

    noted(searching, "shard_outcome", lambda *_: held.append(_held()))
    noted(run, "write_tensors", lambda *_: held.append(_held()))
    noted(examples, "_stored", lambda plan, points: pieces.append(len(points)))
    del images
    before = _held()
    found = sparring.audit(
        net, tmp_path / "images.npz", "linf:0.1", (Stage("fgsm", FGSM(margin)),), out=tmp_path / "run"
    )
    assert len(held) == COUNT // SHARD + 1
    facts = COUNT * 400 + 2 * GALLERY * INPUT
    assert max(held) - before < SHARD * INPUT + facts, (
        "inputs of all samples take ten shards, and examples ten more"
    )
    assert max(pieces) <= SHARD
    assert len(found.tensors["adversarial"]) > 0.9 * COUNT, "nearly all samples have an example"


def test_no_place_for_what_is_found_is_one_sentence(tmp_path, monkeypatch):
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "absent"))
    data = torch.rand(4, 3), torch.arange(4) % 2
    with pytest.raises(DataError, match=r"no temporary folder can be made .* give out"):
        sparring.audit(nn.Linear(3, 2), data, "linf:0.1", "smoke")
