import os
import pickle
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import torch
from PIL import Image
from torch.utils.data import DataLoader, TensorDataset

from sparring.data import load_data
from sparring.domain import GREY_LEVEL, Domain
from sparring.errors import DataError, SparringError, UnsafeFileError, UsageError

GREY = np.random.default_rng(0).integers(0, 256, (6, 4, 5), dtype=np.uint8)
COLOUR = np.random.default_rng(1).integers(0, 256, (6, 3, 5, 6), dtype=np.uint8)
LABELS = np.arange(6)


def save(folder: Path, **arrays: Any) -> Path:
    np.savez(folder / "data.npz", **arrays)
    return folder / "data.npz"


def test_8_bit_images_are_scaled_and_remembered(tmp_path: Path) -> None:
    data = load_data(save(tmp_path, x=COLOUR, y=LABELS))
    assert torch.equal(data.inputs, torch.from_numpy(COLOUR).float() / 255)
    assert (data.domain.low, data.domain.high, data.domain.step) == (0.0, 1.0, GREY_LEVEL)
    assert data.labels.dtype == torch.int64
    assert data.domain.is_image
    assert (data.notes, data.source) == ((), "data.npz")


def test_layouts_become_channels_first(tmp_path: Path) -> None:
    grey = load_data(save(tmp_path, images=GREY, labels=LABELS))
    assert grey.inputs.shape == (6, 1, 4, 5)
    last = load_data(save(tmp_path, X=COLOUR.transpose(0, 2, 3, 1), Y=LABELS))
    assert torch.equal(last.inputs, torch.from_numpy(COLOUR).float() / 255)
    assert last.inputs.is_contiguous()
    assert "channels first" in last.notes[0]


def test_the_test_split_is_taken(tmp_path: Path) -> None:
    data = load_data(save(tmp_path, x_train=GREY[:4], y_train=LABELS[:4], x_test=GREY[4:], y_test=LABELS[4:]))
    assert data.labels.tolist() == [4, 5]
    assert "test split" in data.notes[0]


def test_jpeg_bytes_are_decoded(tmp_path: Path) -> None:
    files = []
    for image in COLOUR:
        Image.fromarray(image.transpose(1, 2, 0)).save(tmp_path / "a.jpg", quality=95)
        files.append((tmp_path / "a.jpg").read_bytes())
    offset = np.cumsum([0, *map(len, files)])
    data = load_data(save(tmp_path, jpeg=np.frombuffer(b"".join(files), np.uint8), offset=offset, y=LABELS))
    assert data.inputs.shape == (6, 3, 5, 6)
    assert data.domain.step == GREY_LEVEL


def test_float_images_keep_their_values() -> None:
    images = np.random.default_rng(2).random((6, 3, 5, 6))
    data = load_data((images, LABELS))
    assert data.inputs.dtype == torch.float32
    assert (data.domain.low, data.domain.high, data.domain.step) == (0.0, 1.0, None)


def test_grey_levels_are_recognised_in_floats() -> None:
    data = load_data((torch.from_numpy(COLOUR).float() / 255, LABELS))
    assert data.domain.step == GREY_LEVEL
    assert "8-bit" in data.notes[0]


def test_tables_get_the_range_that_is_observed() -> None:
    table = np.array([[1.0, -5], [3, 5], [2, 0]])
    data = load_data((table, [0, 1, 0]))
    assert isinstance(data.domain.low, torch.Tensor)
    assert isinstance(data.domain.high, torch.Tensor)
    assert (data.domain.low.tolist(), data.domain.high.tolist()) == ([1, -5], [3, 5])
    assert "observed" in data.notes[0]


def test_a_domain_can_be_said() -> None:
    domain = Domain(-1.0, 1.0, None, (3, 5, 6))
    images = COLOUR / 127.5 - 1
    assert load_data((images, LABELS), domain=domain).domain is domain
    with pytest.raises(DataError, match="6 samples lie outside"):
        load_data((images * 2, LABELS), domain=domain)


@pytest.mark.parametrize(
    "wrap",
    [
        lambda x, y: (x, y),
        lambda x, y: [x.numpy(), y.tolist()],
        lambda x, y: TensorDataset(x, y),
        lambda x, y: DataLoader(TensorDataset(x, y), batch_size=4),
        lambda x, y: list(zip(x, y.tolist(), range(6), strict=True)),
        lambda x, y: [(Image.fromarray(each[0].numpy()), label) for each, label in zip(x, y, strict=True)],
    ],
    ids=["tensors", "arrays", "Dataset", "DataLoader", "list", "pictures"],
)
def test_python_objects_give_the_same_samples(wrap: Callable[..., Any]) -> None:
    data = load_data(wrap(torch.from_numpy(GREY[:, None]), torch.from_numpy(LABELS)))
    assert torch.equal(data.inputs, torch.from_numpy(GREY[:, None]).float() / 255)
    assert data.labels.tolist() == LABELS.tolist()
    assert load_data(data) is data


def test_a_factory_gives_data(tmp_path: Path) -> None:
    (tmp_path / "code.py").write_text(
        "import torch\ndef make():\n    return torch.rand(3, 4), torch.arange(3)\n"
    )
    data = load_data(f"{tmp_path}/code.py:make")
    assert len(data) == 3
    assert data.source.endswith("code.py:make")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for place, name in enumerate(("dog", "cat")):
        (tmp_path / "images" / name).mkdir(parents=True)
        for i in range(2):
            pixels = np.full((6 + 2 * place, 8, 3), 60 * (2 * place + i), np.uint8)
            Image.fromarray(pixels).save(tmp_path / "images" / name / f"{i}.png")
    (tmp_path / "images" / "notes.txt").write_text("not an image")
    return tmp_path / "images"


def test_folders_are_read_class_by_class(folder: Path) -> None:
    data = load_data(folder, resize=6, crop=5)
    assert data.classes == ("cat", "dog")
    assert data.labels.tolist() == [0, 0, 1, 1]
    assert data.inputs.shape == (4, 3, 5, 5)
    assert (data.inputs[:, 0, 2, 2] * 255).round().tolist() == [120, 180, 0, 60]


def test_the_short_side_is_resized_and_the_ratio_stays(tmp_path: Path) -> None:
    (tmp_path / "a").mkdir()
    Image.new("RGB", (12, 6)).save(tmp_path / "a" / "0.png")
    assert load_data(tmp_path, resize=3).inputs.shape == (1, 3, 3, 6)


def test_class_order_can_be_given(folder: Path, tmp_path: Path) -> None:
    assert load_data(folder, crop=6, classes=["dog", "cat"]).labels.tolist() == [0, 0, 1, 1]
    (folder / "classes.txt").write_text("dog\ncat\nbird\n")
    data = load_data(folder, crop=6)
    assert (data.classes, data.labels.tolist()) == (("dog", "cat", "bird"), [0, 0, 1, 1])
    assert load_data(folder, crop=6, classes=folder / "classes.txt").classes == data.classes


def test_grey_folders_have_one_channel(folder: Path) -> None:
    for file in folder.rglob("*.png"):
        Image.open(file).convert("L").save(file)
    assert load_data(folder, crop=6).inputs.shape == (4, 1, 6, 6)


def test_tables_are_read_from_parquet(tmp_path: Path) -> None:
    pq.write_table(pa.table({"a": [1, 2], "label": ["no", "yes"], "b": [0.5, 0.25]}), tmp_path / "t.parquet")
    data = load_data(tmp_path / "t.parquet")
    assert data.inputs.tolist() == [[1, 0.5], [2, 0.25]]
    assert (data.classes, data.labels.tolist()) == (("no", "yes"), [0, 1])
    assert load_data(tmp_path / "t.parquet", classes=["yes", "no"]).labels.tolist() == [1, 0]


class Payload:
    def __init__(self, mark: Path) -> None:
        self.mark = mark

    def __reduce__(self) -> tuple[Any, ...]:
        return os.mkdir, (str(self.mark),)


@pytest.mark.parametrize("place", ["file", "inputs", "labels"])
def test_pickles_in_npz_are_refused_and_never_run(place: str, tmp_path: Path) -> None:
    payload = np.array([Payload(tmp_path / "mark")] * 6, dtype=object)
    if place == "file":
        (tmp_path / "data.npz").write_bytes(pickle.dumps(payload))
    else:
        save(tmp_path, **({"x": GREY, "y": LABELS} | {"x" if place == "inputs" else "y": payload}))
    with pytest.raises(UnsafeFileError, match=r"data\.npz"):
        load_data(tmp_path / "data.npz")
    assert not (tmp_path / "mark").exists()
    with (
        np.load(tmp_path / "data.npz", allow_pickle=True)
        if place != "file"
        else open(tmp_path / "data.npz", "rb") as it
    ):
        _ = pickle.load(it) if place == "file" else it["x" if place == "inputs" else "y"]  # noqa: S301
    assert (tmp_path / "mark").exists()  # the control: the plant works


NAN = np.where(np.arange(6)[:, None] == 4, np.nan, np.zeros((6, 3)))
ARRAYS: list[tuple[Any, Any, str]] = [
    (COLOUR.astype(np.float32), LABELS, "look like grey levels"),
    (COLOUR / 127.5 - 1, LABELS, "undo the normalisation"),
    (NAN, LABELS, "1 samples hold NaN or infinite inputs, the first is number 4"),
    (NAN + np.inf, LABELS, "6 samples hold NaN"),
    (GREY[:0], LABELS[:0], "holds no samples"),
    (GREY[:, 0, 0], LABELS, "one row per sample"),
    (GREY.astype(str), LABELS, "give numbers"),
    (GREY, LABELS.astype(float), "store them as integers"),
    (GREY, LABELS + 0.5, "of type float64"),
    (GREY, np.eye(6, dtype=int), "look one-hot"),
    (GREY, np.ones((6, 2, 2), dtype=int), "shape"),
    (GREY, LABELS[:5], "6 inputs but 5 labels"),
    (GREY, LABELS - 1, "must start at 0, got -1"),
    (GREY, [True] * 6, "of type bool"),
    ([[1, 2], [3]], [0, 1], "different lengths"),
]


@pytest.mark.parametrize(("inputs", "labels", "sentence"), ARRAYS, ids=[sentence for *_, sentence in ARRAYS])
def test_unusable_arrays_are_one_sentence(inputs: Any, labels: Any, sentence: str) -> None:
    with pytest.raises(DataError, match=sentence) as caught:
        load_data((inputs, labels))
    assert "\n" not in str(caught.value)


def test_labels_must_fit_the_classes(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="go up to 5 but there are only 2 classes"):
        load_data(save(tmp_path, x=GREY, y=LABELS), classes=["a", "b"])


def write(name: str, content: bytes) -> Callable[[Path], dict[str, Any]]:
    def given(folder: Path) -> dict[str, Any]:
        (folder / name).write_bytes(content)
        return {"source": folder / name}

    return given


def truncated(folder: Path) -> dict[str, Any]:
    file = save(folder, x=COLOUR, y=LABELS)
    file.write_bytes(file.read_bytes()[:-40])
    return {"source": file}


def damaged(folder: Path) -> dict[str, Any]:
    file = save(folder, x=COLOUR, y=LABELS)
    content = bytearray(file.read_bytes())
    content[200] ^= 255
    file.write_bytes(content)
    return {"source": file}


def picture(folder: Path, content: bytes | None = None, size: tuple[int, int] = (4, 4)) -> dict[str, Any]:
    (folder / "images" / "a").mkdir(parents=True)
    Image.new("RGB", (4, 4)).save(folder / "images" / "a" / "0.png")
    Image.new("RGB", size).save(folder / "images" / "a" / "1.png")
    if content is not None:
        (folder / "images" / "a" / "1.png").write_bytes(content)
    return {"source": folder / "images"}


def half_picture(folder: Path) -> dict[str, Any]:
    given = picture(folder, size=(40, 40))
    Image.effect_noise((400, 400), 50).save(folder / "images" / "a" / "0.png")
    content = (folder / "images" / "a" / "0.png").read_bytes()
    (folder / "images" / "a" / "0.png").write_bytes(content[: len(content) // 2])
    return given


def table(folder: Path, **columns: Any) -> dict[str, Any]:
    pq.write_table(pa.table(columns), folder / "t.parquet")
    return {"source": folder / "t.parquet"}


FAULTS: list[tuple[Callable[[Path], dict[str, Any]], str]] = [
    (lambda folder: {"source": "missing.npz"}, "no data file"),
    (lambda folder: {"source": "missing.py:make"}, "no code file"),
    (lambda folder: {"source": 5}, "type int"),
    (lambda folder: {"source": (GREY, LABELS), "crop": 3}, "crop has no meaning"),
    (lambda folder: {"source": [(GREY[0], 0), (GREY[0, :2], 1)]}, "different shapes"),
    (lambda folder: {"source": [GREY[0], GREY[1], GREY[2]]}, "must be"),
    (lambda folder: {"source": save(folder, a=GREY, y=LABELS)}, 'holds no inputs; call them "x"'),
    (lambda folder: {"source": save(folder, x=GREY)}, 'holds no labels; call them "y"'),
    (lambda folder: {"source": save(folder, x=GREY, y=LABELS), "labels": "z"}, 'holds no "z"'),
    (lambda folder: {"source": save(folder, jpeg=GREY[0, 0], offset=[0, 99], y=[0])}, "does not fit"),
    (
        lambda folder: {"source": save(folder, jpeg=GREY[0, 0], offset=[0, 5], y=[0])},
        "cannot be read as an image",
    ),
    (write("data.npz", b""), "truncated"),
    (write("data.npz", b"PK\x03\x04nonsense"), "truncated"),
    (write("data.npy", b""), "not a kind of data"),
    (write("t.parquet", b"nonsense"), "no parquet file"),
    (truncated, "truncated"),
    (damaged, "damaged"),
    (lambda folder: {"source": folder, "classes": "missing.txt"}, "no file of class names"),
    (lambda folder: {"source": folder}, "holds no images"),
    (lambda folder: picture(folder, size=(4, 5)), "4x4 but a/1.png is 4x5; give resize and crop"),
    (lambda folder: picture(folder, b"nonsense"), "a/1.png cannot be read"),
    (half_picture, "a/0.png is truncated"),
    (lambda folder: picture(folder) | {"crop": 9}, "too small to crop"),
    (lambda folder: picture(folder) | {"crop": 0}, "at least 1 pixel"),
    (lambda folder: picture(folder) | {"classes": ["b"]}, 'do not name the folder "a"'),
    (lambda folder: table(folder, a=[1.0], b=[2]), "name the label column"),
    (lambda folder: table(folder, a=[1.0], y=[2]) | {"labels": "z"}, 'no column "z"'),
    (lambda folder: table(folder, a=["x"], y=[2]), "encode it as numbers"),
    (lambda folder: table(folder, a=[None, 1.0], y=[2, 1]), "1 empty cells"),
    (lambda folder: table(folder, y=[2, 1]), "0 feature columns"),
    (lambda folder: table(folder, a=[1.0], y=["x"]) | {"classes": ["z"]}, 'do not name the label "x"'),
]


@pytest.mark.parametrize(("given", "sentence"), FAULTS, ids=[f"{i}" for i in range(len(FAULTS))])
def test_bad_input_is_one_sentence(
    given: Callable[[Path], dict[str, Any]], sentence: str, tmp_path: Path
) -> None:
    with pytest.raises(SparringError, match=sentence) as caught:
        load_data(**given(tmp_path))
    assert caught.value.exit_code == 2
    assert "\n" not in str(caught.value)


def test_options_are_checked_before_loading() -> None:
    with pytest.raises(UsageError, match="labels has no meaning"):
        load_data((GREY, LABELS), labels="y")


@pytest.mark.parametrize(
    ("name", "count", "shape"),
    [
        ("cifar10/test_lossless_500.npz", 500, (3, 32, 32)),
        ("gtsrb/test_2000.npz", 2000, (3, 32, 32)),
        ("fashion_mnist/test_1000.npz", 1000, (1, 28, 28)),
        ("imagenet/samples_100_jpeg.npz", 100, (3, 224, 224)),
    ],
)
def test_development_data_load(name: str, count: int, shape: tuple[int, ...], shared_data: Path) -> None:
    data = load_data(shared_data / "data" / name)
    assert (len(data), data.domain.shape, data.domain.step) == (count, shape, GREY_LEVEL)
    assert len(set(data.ids)) == count


def test_float_arrays_in_memory_are_taken_as_they_are() -> None:
    for shape in ((6, 2, 4, 4), (6, 5, 3), (6, 8, 8, 3)):
        inputs = torch.rand(shape)
        assert torch.equal(load_data((inputs, torch.zeros(6, dtype=torch.long))).inputs, inputs)
