"""Tensors written a piece at a time are read as any others by safetensors itself."""

import torch
from safetensors.torch import load_file

from sparring.storage.pieces import Pieces, write_tensors

ROWS = torch.arange(60, dtype=torch.float32).reshape(10, 2, 3)
PIECES = Pieces((10, 2, 3), torch.float32, lambda: iter(ROWS.split(4)))


def test_pieces_and_whole_tensors_of_every_type(tmp_path):
    whole = {
        "index": torch.arange(5),
        "levels": torch.arange(7, dtype=torch.uint8),
        "marks": torch.tensor([True, False, True]),
        "distance": torch.rand(3, dtype=torch.float64),
        "turned": ROWS.movedim(0, 2),
        "number": torch.tensor(3.0),
        "none": torch.empty(0, 3),
    }
    write_tensors({**whole, "points": PIECES}, tmp_path / "all.safetensors")
    read = load_file(tmp_path / "all.safetensors")
    assert read.keys() == {*whole, "points"}
    assert all(torch.equal(read[name], value) for name, value in {**whole, "points": ROWS}.items())


def test_all_of_it():
    assert torch.equal(PIECES.whole(), ROWS)
    none = Pieces((0, 2, 3), torch.uint8, lambda: iter(()))
    assert (none.whole().shape, none.whole().dtype) == ((0, 2, 3), torch.uint8)
