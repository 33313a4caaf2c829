"""The watchman notices who asks nearly the same again, and is got past by who knows that."""

import os

import pytest
import torch

from sparring.attacks import Square
from sparring.detect.stateful import Disguised, Fingerprints, Watchman, opened_memory, pursued
from sparring.draws import Draws, row_keys
from sparring.engine import Task, search
from sparring.errors import DataError, UsageError
from sparring.threat import Linf, Untargeted


class Clock:
    """A clock that is set by hand."""

    now = 0.0

    def __call__(self):
        return self.now


@pytest.fixture
def watchman():
    return Watchman(opened_memory("sqlite://"), clock=Clock())


def _images(count=6):
    return torch.rand(count, 1, 16, 16, generator=torch.Generator().manual_seed(1))


def test_equal_parts_give_equal_numbers():
    prints, image = Fingerprints(), _images(1)
    changed = image.clone()
    changed[0, 0, 0, :4] = 1 - changed[0, 0, 0, :4]
    shared = set(prints.of(image)[0]) & set(prints.of(changed)[0])
    assert 40 <= len(shared) < 50
    assert not set(prints.of(image)[0]) & set(prints.of(_images(2))[1])
    assert not set(prints.of(image)[0]) & set(Fingerprints(salt=5).of(image)[0])


def test_an_even_ground_counts_once(watchman):
    small = torch.zeros(2, 1, 16, 16)
    small[0, 0, 6:10, 6:10] = 0.8
    small[1, 0, 6:10, 6:10] = torch.randint(5, (4, 4)) * 50 / 255
    assert len(set(Fingerprints().of(small)[0])) == len(Fingerprints().of(small)[0])
    assert watchman.flags(small, "a").tolist() == [False, False]
    assert watchman.flags(small + 0.01, "a").all()


def test_the_second_of_two_alike_is_flagged_and_strangers_are_not(watchman):
    images = _images()
    assert watchman.flags(images, "a").tolist() == [False] * 6
    near = images.clone()
    near[:, 0, 3, 3:6] = 0.5
    assert watchman.flags(near, "a").tolist() == [True] * 6
    assert watchman.flags(near, "b").tolist() == [False] * 6


def test_what_is_long_ago_is_forgotten(watchman):
    image = _images(1)
    watchman.flags(image, "a")
    watchman.clock.now = watchman.seconds + 1
    assert not watchman.flags(image, "a").any()
    assert watchman.memory.forget(before=1.0) == 1
    assert watchman.flags(image, "a").all()


def test_the_memory_outlives_the_process(tmp_path):
    url = f"sqlite:///{tmp_path / 'watch.sqlite'}"
    image = _images(1)
    assert not Watchman(opened_memory(url)).flags(image, "a").any()
    assert Watchman(opened_memory(url)).flags(image, "a").all()


def test_postgres_remembers_too():
    url = os.environ.get("SPARRING_TEST_POSTGRES")
    if not url:
        pytest.skip("needs SPARRING_TEST_POSTGRES, the URL of a database that may be written into")
    watchman, account = Watchman(opened_memory(url)), f"test {torch.seed()}"
    assert watchman.flags(_images(1), account).tolist() + watchman.flags(_images(1), account).tolist() == [
        False,
        True,
    ]


def test_bad_input_is_told(watchman, tmp_path):
    with pytest.raises(DataError, match="NaN"):
        watchman.flags(torch.full((1, 4), torch.nan), "a")
    with pytest.raises(UsageError, match="no URL of a store"):
        opened_memory("nowhere")
    with pytest.raises(DataError, match="cannot be used"):
        opened_memory(f"sqlite:///{tmp_path / 'no' / 'folder.sqlite'}")
    with pytest.raises(UsageError, match="must be positive"):
        Fingerprints(step=0)


def _task(rows=3):
    inputs = 0.3 + 0.4 * _images(rows)
    return Task(
        inputs, Untargeted(torch.zeros(rows, dtype=torch.int64)), Linf(0.15),
        Draws(row_keys(0, [str(each) for each in range(rows)])),
    )  # fmt: skip


def _model(inputs):
    """Class 1 once the upper half is brighter than the lower one by 0.22 on average."""
    lead = inputs[:, 0, :8].mean((1, 2)) - inputs[:, 0, 8:].mean((1, 2)) - 0.22
    return torch.stack([torch.zeros_like(lead), lead], 1)


def test_square_is_noticed_within_few_queries_and_gets_no_answers(watchman):
    for each in pursued(_model, _task(), Square(200), watchman, budget=200):
        assert each.first is not None
        assert each.first <= 20


def test_who_is_only_noted_gets_through(watchman):
    ends = pursued(_model, _task(), Square(300), watchman, budget=300, refuse=False)
    assert all(each.success for each in ends)
    assert all(each.flagged > 0.3 * each.queries for each in ends)


def test_a_disguise_gets_through_where_the_attack_alone_does_not(watchman):
    bare = pursued(_model, _task(), Square(300), watchman, budget=300)
    hidden = pursued(
        _model, _task(), Disguised(Square(300), steps=600), Watchman(opened_memory("sqlite://")), budget=600
    )
    assert sum(each.success for each in hidden) > sum(each.success for each in bare)


def test_a_disguise_stays_inside_and_counts_its_refusals():
    asked = []

    def refusing(inputs):
        asked.append(inputs)
        return _model(inputs).masked_fill(torch.tensor(len(asked) % 2 == 0), torch.nan)

    task = _task(1)
    found = search(refusing, task, Disguised(Square(20), steps=60), retire="never", budget=100)
    points = torch.cat(asked)[::8]  # the rest fills the batch up
    assert (points - task.inputs).abs().max() <= 0.15 + 1e-6
    assert 40 <= int(found.forwards[0]) <= 43
