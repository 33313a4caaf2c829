"""One word per idea: public signatures are held against the glossary."""

import dataclasses
import inspect
import pkgutil
import re
from importlib import import_module
from pathlib import Path

import pytest

import sparring

GLOSSARY = Path(__file__).parents[1] / "docs" / "glossary.md"


def _never():
    """The words in the glossary's last column."""
    rows = [line.split("|")[3] for line in GLOSSARY.read_text().splitlines() if line.count("|") == 4]
    return {word for cell in rows for word in re.findall(r"`(\w+)`", cell)}


def _public():
    """Every exported function and class of every module."""
    for module in pkgutil.walk_packages(sparring.__path__, "sparring."):
        if ".__" in module.name:
            continue
        loaded = import_module(module.name)
        for name in getattr(loaded, "__all__", ()):
            thing = getattr(loaded, name)
            if (inspect.isfunction(thing) or inspect.isclass(thing)) and thing.__module__ == module.name:
                yield f"{module.name}.{name}", thing


def _words(thing):
    if dataclasses.is_dataclass(thing):
        return {field.name for field in dataclasses.fields(thing)}
    try:
        return set(inspect.signature(thing).parameters)
    except ValueError:
        return set()


def test_the_glossary_has_words_to_avoid():
    assert {"x_adv", "n_iter", "epsilon"} <= _never()


@pytest.mark.parametrize(
    ("name", "thing"), list(_public()), ids=lambda value: value if isinstance(value, str) else ""
)
def test_public_names_follow_the_glossary(name, thing):
    assert not _words(thing) & _never()


def test_every_name_in_all_exists():
    for module in pkgutil.walk_packages(sparring.__path__, "sparring."):
        loaded = import_module(module.name)
        missing = [name for name in getattr(loaded, "__all__", ()) if not hasattr(loaded, name)]
        assert not missing, f"{module.name} exports {missing}"


def test_no_module_shares_its_name_with_a_function_of_its_package():
    for module in pkgutil.walk_packages(sparring.__path__, "sparring."):
        package, _, name = module.name.rpartition(".")
        exported = getattr(import_module(package), "__all__", ())
        thing = getattr(import_module(package), name, None)
        assert not (name in exported and inspect.isfunction(thing)), f"{module.name} is hidden by a function"
