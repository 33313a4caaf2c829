"""`file.py:name`: objects from the user's own code.

Naming a code file is consent to run it. Nothing else in Sparring imports a file by its path.
"""

import sys
from collections.abc import Callable
from hashlib import sha256
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path
from types import ModuleType
from typing import Any

from sparring.errors import UsageError, nearest

__all__ = ["call", "is_reference", "load_object"]


def is_reference(source: object) -> bool:
    """Whether `source` reads as `file.py:name`."""
    return isinstance(source, str) and source.rpartition(":")[0].endswith(".py")


def load_object(reference: str) -> Any:
    """Run the file of `file.py:name` and return what it calls `name`.

    The file's folder can be imported from while the file runs. Loading twice runs it twice.

    Raises:
        UsageError: If the reference, the file or the name is wrong, or the file fails when it runs.
    """
    file, _, name = reference.rpartition(":")
    path = Path(file)
    if not file.endswith(".py") or not name.isidentifier():
        raise UsageError(f'"{reference}" names no object of a code file; write it as file.py:name')
    if not path.is_file():
        raise UsageError(f'there is no code file "{file}"')
    module = _run(path.resolve())
    if not hasattr(module, name):
        known = [known for known in vars(module) if not known.startswith("_")]
        raise UsageError(f'"{file}" has no "{name}"; {nearest(name, known)}')
    return getattr(module, name)


def call(factory: Any, reference: str) -> Any:
    """Call a factory without arguments and return what it makes.

    Raises:
        UsageError: If it cannot be called, or fails.
    """
    if not callable(factory):
        raise UsageError(f"{reference} is {_a(factory)}, not a function; name a function without arguments")
    return _guarded(factory, f"{reference} failed when it was called")


def _run(path: Path) -> ModuleType:
    """Import a file under a name of its own, so that two files called net.py do not mix."""
    name = f"sparring_user_{path.stem}_{sha256(str(path).encode()).hexdigest()[:8]}"
    spec = spec_from_file_location(name, path)
    if spec is None or spec.loader is None:
        raise UsageError(f'"{path.name}" cannot be imported as a Python file')
    module = module_from_spec(spec)
    sys.modules[name] = module  # dataclasses and pickles of the file look their module up by name
    sys.path.insert(0, str(path.parent))
    try:
        _guarded(lambda: spec.loader.exec_module(module), f'"{path.name}" failed when it was run')  # type: ignore[union-attr]  # checked above
    except UsageError:
        del sys.modules[name]
        raise
    finally:
        sys.path.remove(str(path.parent))
    return module


def _guarded(action: Callable[[], Any], failure: str) -> Any:
    """Do `action`; turn what it raises, and a `sys.exit` of a script, into one sentence."""
    try:
        return action()
    except (Exception, SystemExit) as error:
        reason = " ".join(str(error).split())
        raise UsageError(f"{failure}: {type(error).__name__}: {reason}"[:500]) from error


def _a(thing: object) -> str:
    return f"an object of type {type(thing).__name__}"
