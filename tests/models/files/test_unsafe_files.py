"""Planted files. Each plant is shown to work on torch itself first, and then refused here before it runs."""

import io
import json
import os
import pickle
import zipfile
from collections.abc import Callable
from contextlib import suppress
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest
import torch

from sparring.errors import ModelError, UnsafeFileError
from sparring.models import load_model
from sparring.models.files.expressions import is_plain_arithmetic
from sparring.models.files.program import screened
from sparring.models.files.weights import read_weights

Members = dict[str, bytes]


class Payload:
    """Unpickling it makes a folder."""

    def __init__(self, mark: Path) -> None:
        self.mark = mark

    def __reduce__(self) -> tuple[Any, ...]:
        return os.mkdir, (str(self.mark),)


def saved(thing: object) -> bytes:
    buffer = io.BytesIO()
    torch.save(thing, buffer)
    return buffer.getvalue()


def code(mark: Path) -> str:
    return f"__import__('os').mkdir('{mark}')"


def edit(members: Members, name: str, change: Callable[[Any], None]) -> None:
    value = json.loads(members[name])
    change(value)
    members[name] = json.dumps(value).encode()


def graph(program: Any) -> Any:
    return program["graph_module"]["graph"]


# One function per place where torch can be made to run code; each plants a payload into an archive.


def sample_inputs(members: Members, mark: Path) -> None:
    members["data/sample_inputs/model.pt"] = saved(((Payload(mark),), {}))


def pickled_weight(members: Members, mark: Path) -> None:
    def change(config: Any) -> None:
        config["config"]["first.weight"]["use_pickle"] = True

    edit(members, "data/weights/model_weights_config.json", change)
    members["data/weights/weight_0"] = saved(Payload(mark))


def legacy_weights(members: Members, mark: Path) -> None:
    members["data/weights/model.pt"] = saved({"a": Payload(mark)})


def legacy_constants(members: Members, mark: Path) -> None:
    members["data/constants/model.pt"] = saved({"a": Payload(mark)})


def constant(name: str, data: bytes) -> Callable[[Members], None]:
    def plant(members: Members) -> None:
        meta = {"path_name": name, "is_param": False, "use_pickle": True, "tensor_meta": None}
        edit(members, "data/constants/model_constants_config.json", lambda it: it["config"].update(a=meta))
        members[f"data/constants/{name}"] = data

    return plant


def pickled_constant(members: Members, mark: Path) -> None:
    constant("tensor_0", saved(Payload(mark)))(members)


def opaque_constant(members: Members, mark: Path) -> None:
    constant("opaque_obj_0", pickle.dumps(Payload(mark)))(members)


def put_size(members: Members, expression: str) -> None:
    size = {"as_expr": {"expr_str": expression, "hint": None}}
    edit(
        members, "models/model.json", lambda it: graph(it)["tensor_values"]["inputs"]["sizes"].insert(0, size)
    )


def size_expression(members: Members, mark: Path) -> None:
    put_size(members, code(mark))


def nested_size_expression(members: Members, mark: Path) -> None:
    put_size(members, f"Max(1, Max({code(mark)!r}, 2))")


def call(target: str, **arguments: dict[str, object]) -> Callable[[Any], None]:
    """Put a call in front of the graph; all arguments are positional."""
    node = {
        "target": target,
        "inputs": [{"name": name, "arg": value, "kind": 1} for name, value in arguments.items()],
        "outputs": [{"as_tensor": {"name": "planted"}}],
        "metadata": {},
        "name": "planted",
        "is_hop_single_tensor_return": True,
    }

    def change(program: Any) -> None:
        graph(program)["nodes"].insert(0, node)
        values = graph(program)["tensor_values"]
        values["planted"] = values["linear"]

    return change


def operator_name(members: Members, mark: Path) -> None:
    edit(members, "models/model.json", call("torch.os.mkdir", path={"as_string": str(mark)}))


def operator_argument(members: Members, mark: Path) -> None:
    """A function handed to an operator that calls what it is handed."""
    wrapper = "torch.ops.higher_order.wrap_with_set_grad_enabled"
    arguments = {
        "mode": {"as_bool": True},
        "wrapped": {"as_operator": "torch.os.makedirs"},
        "args": {"as_string": str(mark)},
    }
    edit(members, "models/model.json", call(wrapper, **arguments))


def file_operator(members: Members, mark: Path) -> None:
    arguments = {"filename": {"as_string": str(mark)}, "shared": {"as_bool": True}, "size": {"as_int": 4}}
    edit(members, "models/model.json", call("torch.ops.aten.from_file.default", **arguments))


def input_name(members: Members, mark: Path) -> None:
    def change(program: Any) -> None:
        text = json.dumps(program).replace('"name": "inputs"', f'"name": "inputs={code(mark)}"')
        program.clear()
        program.update(json.loads(text))
        values = graph(program)["tensor_values"]
        values[f"inputs={code(mark)}"] = values.pop("inputs")

    edit(members, "models/model.json", change)


def guard(members: Members, mark: Path) -> None:
    edit(members, "models/model.json", lambda it: it["guards_code"].append(code(mark)))


def enum_in_structure(members: Members, mark: Path) -> None:
    """Import a module that lies in the working directory."""
    mark.with_name("planted_module.py").write_text(f"import os\nos.mkdir({str(mark)!r})\n")
    hidden = json.dumps({"__enum__": True, "fqn": "planted_module:A", "name": "b"}).replace(
        "__enum", "\\u005f_enum"
    )
    tree = [1, {"type": "builtins.dict", "context": hidden, "children_spec": []}]

    def change(program: Any) -> None:
        program["graph_module"]["module_call_graph"][0]["signature"]["out_spec"] = json.dumps(tree)

    edit(members, "models/model.json", change)


def parameter_name(members: Members, mark: Path) -> None:
    name = f'first.training") == 2 or open("{mark}", "w") or ("'
    for member in ("models/model.json", "data/weights/model_weights_config.json"):
        members[member] = members[member].replace(b'"first.weight"', json.dumps(name).encode())


WORKING = [
    *(sample_inputs, pickled_weight, legacy_weights, legacy_constants, pickled_constant, opaque_constant),
    *(size_expression, nested_size_expression, file_operator, input_name, parameter_name),
    *(guard, enum_in_structure),
]
PLANTS = [*WORKING, operator_name, operator_argument]  # torch 2.13 stumbles over the last two by itself


@pytest.fixture
def plant(save: Callable[..., Path], net: torch.nn.Module, tmp_path: Path) -> Callable[..., Path]:
    def planted(function: Callable[[Members, Path], None], mark: Path) -> Path:
        clean = save(net)
        with zipfile.ZipFile(clean) as archive:
            members = {entry.partition("/")[2]: archive.read(entry) for entry in archive.namelist()}
        function(members, mark)
        with zipfile.ZipFile(tmp_path / "planted.pt2", "w") as archive:
            for name, data in members.items():
                archive.writestr(f"net/{name}", data)
        return tmp_path / "planted.pt2"

    return planted


@pytest.mark.parametrize("place", WORKING, ids=lambda place: place.__name__)
@pytest.mark.filterwarnings("ignore")
def test_torch_itself_runs_the_payload(
    place: Any,
    plant: Callable[..., Path],
    tmp_path: Path,
    inputs: torch.Tensor,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The control: without it, a plant that never worked would pass for one that was refused."""
    monkeypatch.syspath_prepend(tmp_path)
    file = plant(place, tmp_path / "mark")
    with suppress(Exception):  # the payload may well run before a failure
        torch.export.load(file).module()(inputs)
    assert (tmp_path / "mark").exists()


@pytest.mark.parametrize("place", PLANTS, ids=lambda place: place.__name__)
def test_a_planted_program_never_runs_its_payload(
    place: Any,
    plant: Callable[..., Path],
    tmp_path: Path,
    inputs: torch.Tensor,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.syspath_prepend(tmp_path)
    file = plant(place, tmp_path / "mark")
    if place is guard:  # guards are left out, so the model loads and is harmless
        load_model(file)(inputs)
    else:
        with pytest.raises(UnsafeFileError, match=r"planted\.pt2"):
            load_model(file)
    assert not (tmp_path / "mark").exists()


@pytest.mark.filterwarnings("ignore")
def test_a_file_whose_sha256_is_named_may_run_code(plant: Callable[..., Path], tmp_path: Path) -> None:
    file = plant(sample_inputs, tmp_path / "mark")
    named = sha256(file.read_bytes()).hexdigest()
    with pytest.raises(UnsafeFileError):
        load_model(file, allow_unsafe_sha256=sha256(b"another file").hexdigest())
    assert not (tmp_path / "mark").exists()
    with suppress(ModelError):
        load_model(file, allow_unsafe_sha256=named.upper())
    assert (tmp_path / "mark").exists()


@pytest.mark.parametrize("kind", ["pickle", "torch.save", "torchscript", "compiled"])
def test_other_files_disguised_as_pt2(kind: str, plant: Callable[..., Path], tmp_path: Path) -> None:
    mark, file = tmp_path / "mark", tmp_path / "planted.pt2"
    if kind == "pickle":
        file.write_bytes(pickle.dumps(Payload(mark)))
    elif kind == "torch.save":
        file.write_bytes(saved(Payload(mark)))
    elif kind == "torchscript":
        with zipfile.ZipFile(file, "w") as archive:
            archive.writestr("net/data.pkl", pickle.dumps(Payload(mark)))
            archive.writestr("net/code/__torch__.py", "")
    else:
        plant(lambda members, _: members.update({"data/aotinductor/model/a.so": b"\x7fELF"}), mark)
    with pytest.raises(UnsafeFileError, match=r"planted\.pt2"):
        load_model(file)
    assert not mark.exists()


def test_a_second_member_of_one_name_is_refused(save: Callable[..., Path], net: torch.nn.Module) -> None:
    """Two readers of zip files may each take another of them."""
    file = save(net)
    with zipfile.ZipFile(file, "a") as archive, pytest.warns(UserWarning, match="Duplicate"):
        archive.writestr("net/models/model.json", b"{}")
    with pytest.raises(UnsafeFileError, match="two members"):
        load_model(file)


@pytest.mark.parametrize("name", ["weights.pth", "weights.pt"])
@pytest.mark.parametrize("archive", [True, False], ids=["zip", "bare pickle"])
def test_a_pth_with_a_payload_is_refused_unless_named(name: str, archive: bool, tmp_path: Path) -> None:
    mark, file = tmp_path / "mark", tmp_path / name
    file.write_bytes(saved({"a": Payload(mark)}) if archive else pickle.dumps(Payload(mark)))
    with pytest.raises(UnsafeFileError, match=name):
        read_weights(file)
    assert not mark.exists()


def test_onnx_with_external_data_outside_its_folder_is_refused(tmp_path: Path) -> None:
    onnx = pytest.importorskip("onnx")
    folder = tmp_path / "model"
    folder.mkdir()
    (tmp_path / "secret.bin").write_bytes(bytes(16))
    (folder / "link.bin").symlink_to(tmp_path / "secret.bin")
    for location in ("../secret.bin", str(tmp_path / "secret.bin"), "link.bin"):
        onnx.save(external(onnx, location), folder / "net.onnx")
        with pytest.raises(UnsafeFileError, match="outside its own folder"):
            load_model(folder / "net.onnx")


def external(onnx: Any, location: str) -> Any:
    """A model that keeps a constant, deep in a node, in another file."""
    tensor = onnx.TensorProto(
        dims=[4],
        data_type=onnx.TensorProto.FLOAT,
        data_location=onnx.TensorProto.EXTERNAL,
        external_data=[onnx.StringStringEntryProto(key="location", value=location)],
    )
    node = onnx.helper.make_node("Constant", [], ["constant"], value=tensor)
    add = onnx.helper.make_node("Add", ["inputs", "constant"], ["outputs"])
    ports = [onnx.helper.make_tensor_value_info(name, 1, ["N", 4]) for name in ("inputs", "outputs")]
    return onnx.helper.make_model(onnx.helper.make_graph([node, add], "net", ports[:1], ports[1:]))


PLAIN = [
    *(
        "4",
        "s0",
        "2*s0 + 1",
        "Symbol('s77', positive=True, integer=True)",
        "Max(1, Mul(Integer(2), Symbol('u3')))",
    ),
    *("(s0 - 1)//2", "FloorDiv(s0, 2)", "Eq(Mod(s0, 2), 0)"),
]
NOT_PLAIN = [
    *(
        "exec('1')",
        "open",
        "s0.__class__",
        "(lambda: 1)()",
        "[s0 for s0 in ()]",
        "Max('exec(1)', 1)",
        "'exec(1)'",
    ),
    *(
        "Symbol('exec(1)')",
        "Symbol(name='s0')",
        "Symbol('s0', **{})",
        "s0[0]",
        "f'{s0}'",
        "s0 := 1",
        "Symbol('s0'",
    ),
    *("__import__('os')", "1;2", "s0" + "+1" * 2000, "Float('exec(1)')", "\uff45xec(1)"),
]


@pytest.mark.parametrize("expression", PLAIN)
def test_expressions_that_torch_writes_pass(expression: str) -> None:
    assert is_plain_arithmetic(expression)


@pytest.mark.parametrize("expression", NOT_PLAIN, ids=range(len(NOT_PLAIN)))
def test_expressions_that_could_run_code_do_not_pass(expression: str) -> None:
    assert not is_plain_arithmetic(expression)


@pytest.mark.parametrize(
    "value",
    [
        {"name": "a=b"},
        {"as_name": "a.b"},
        {"a=b": {}},
        {"name": "__class__"},
        {"parameter_name": "__class__.forward"},
        {"anything": ["plain", "a(b)"]},
        {"target": "torch.ops.aten.__class__.mro"},
        {"as_custom_obj": {"name": "a", "class_fqn": "b"}},
    ],
    ids=str,
)
def test_strings_that_are_not_what_their_place_allows_are_refused(value: dict[str, Any]) -> None:
    with pytest.raises(UnsafeFileError, match="net"):
        screened(value, "net")
