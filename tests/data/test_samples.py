from hashlib import sha256

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from sparring.data import Samples, load_data
from sparring.data.ids import name_samples
from sparring.errors import UsageError


def samples(count: int = 20) -> Samples:
    images = np.random.default_rng(0).integers(0, 256, (count, 1, 4, 4), dtype=np.uint8)
    return load_data((images, np.arange(count) % 5))


def test_ids_are_the_digest_of_what_was_stored() -> None:
    stored = np.arange(8, dtype=np.uint8).reshape(2, 2, 2)
    assert name_samples(stored)[0] == sha256(b"uint8 (2, 2)\n\x00\x01\x02\x03").hexdigest()
    assert name_samples(stored.astype(">i4")) == name_samples(stored.astype("<i4"))
    assert set(name_samples(stored)).isdisjoint(name_samples(stored.reshape(2, 4)))
    assert set(name_samples(stored)).isdisjoint(name_samples(stored.astype(np.int8)))


def test_duplicates_are_numbered() -> None:
    names = name_samples(np.array([[1], [2], [1], [1]], dtype=np.uint8))
    assert names[2] == f"{names[0]}-2"
    assert names[3] == f"{names[0]}-3"
    assert len(set(names)) == 4


def test_limit_takes_the_first_without_a_copy_and_names_missing_classes() -> None:
    whole = samples()
    first = whole.limit(3)
    assert first.index.tolist() == [0, 1, 2]
    assert first.inputs.data_ptr() == whole.inputs.data_ptr()
    assert first.ordered
    assert first.notes == ("the first 3 samples lack 2 of the classes (3, 4); draw a sample instead",)
    assert whole.limit(5).notes == ()
    assert whole.limit(99) is whole


@given(st.integers(1, 20), st.integers(1, 20))
def test_samples_are_nested_and_keep_their_order(one: int, other: int) -> None:
    small, large = (samples().sample(count).index.tolist() for count in sorted((one, other)))
    assert set(small) <= set(large)
    assert large == sorted(large)
    assert len(large) == max(one, other)


def test_a_draw_does_not_depend_on_the_order_of_the_source() -> None:
    whole = samples()
    turned = whole.select(torch.arange(19, -1, -1))
    assert set(whole.sample(7).ids) == set(turned.sample(7).ids)
    assert not whole.sample(7).ordered
    assert whole.sample(20) is whole


def test_select_keeps_rows_together() -> None:
    whole = samples()
    chosen = whole.select([4, 2])
    assert torch.equal(chosen.inputs, whole.inputs[[4, 2]])
    assert (chosen.labels.tolist(), chosen.index.tolist()) == ([4, 2], [4, 2])
    assert chosen.ids == (whole.ids[4], whole.ids[2])


def test_digests_depend_on_inputs_labels_and_order() -> None:
    whole = samples()
    assert whole.digest == samples().digest
    assert whole.select(range(20)).digest == whole.digest
    assert len({whole.digest, whole.limit(19).digest, whole.select(range(19, -1, -1)).digest}) == 3


@pytest.mark.parametrize("count", [0, -1])
def test_no_samples_make_no_sense(count: int) -> None:
    with pytest.raises(UsageError, match="at least 1"):
        samples().limit(count)
    with pytest.raises(UsageError, match="at least 1"):
        samples().sample(count)
