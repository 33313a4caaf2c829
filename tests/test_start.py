"""Starting up is cheap, and nothing heavy is loaded before it is needed."""

import subprocess
import sys


def _modules_after(statement):
    code = f"{statement}; import sys; print(' '.join(sys.modules))"
    return set(
        subprocess.run(
            [sys.executable, "-c", code], capture_output=True, text=True, check=True
        ).stdout.split()
    )


def test_help_loads_no_torch():
    loaded = _modules_after("import sparring.cli")
    assert not {"torch", "numpy", "pyarrow", "scipy", "matplotlib"} & loaded


def test_import_loads_little():
    assert "torch" not in _modules_after("import sparring")
    loaded = _modules_after("import sparring; sparring.load_model")
    assert "torch" in loaded
    assert not {"matplotlib", "pandas", "sqlalchemy", "mlxtend", "onnx"} & loaded
