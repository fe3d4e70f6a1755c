"""The project's own promises: short files, every module described, no trace of a registry or a machine."""

import ast
import re
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
LIMIT = 500
HISTORY = "migrations/versions"


def tracked() -> list[Path]:
    """Return the files that git tracks, or all below the root where there is no git."""
    try:
        listed = subprocess.run(["git", "ls-files"], cwd=ROOT, capture_output=True, text=True, check=True).stdout
        return [ROOT / name for name in listed.splitlines() if (ROOT / name).is_file()]
    except (OSError, subprocess.CalledProcessError):
        return [path for path in ROOT.rglob("*") if path.is_file() and ".venv" not in path.parts]


PYTHON = [path for path in tracked() if path.suffix == ".py"]
SOURCES = [path for path in PYTHON if (ROOT / "src") in path.parents]


def test_no_source_file_is_longer_than_the_limit() -> None:
    """A file that has grown past 500 lines is to be divided; migrations are history and stay as they are."""
    lengths = {str(path.relative_to(ROOT)): len(path.read_text().splitlines()) for path in PYTHON}
    assert {name: n for name, n in lengths.items() if n > LIMIT and HISTORY not in name} == {}


@pytest.mark.parametrize("path", SOURCES, ids=lambda path: str(path.relative_to(ROOT / "src")))
def test_every_module_says_what_it_is(path: Path) -> None:
    """A module that holds anything opens with a docstring."""
    tree = ast.parse(path.read_text())
    assert not tree.body or ast.get_docstring(tree)


def test_every_public_function_and_class_is_described() -> None:
    """Whatever other modules may use carries a docstring."""
    bare = []
    for path in SOURCES:
        for node in ast.parse(path.read_text()).body:
            named = isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef)
            if named and not node.name.startswith("_") and not ast.get_docstring(node):
                bare.append(f"{path.relative_to(ROOT)}:{node.lineno} {node.name}")
    assert bare == []


def test_no_file_names_a_package_registry() -> None:
    """The lock file and everything else work with whatever index the machine is set to."""
    hosts = re.compile(r"pypi\.org|pythonhosted\.org|registry\.npmjs|deb\.debian\.org")
    named = [
        path.name for path in tracked() if path != Path(__file__) and hosts.search(path.read_text(errors="ignore"))
    ]
    assert named == []


def test_every_test_file_has_a_name_of_its_own() -> None:
    """Test folders are no packages, so that two files of one name would hide each other."""
    names = [path.name for path in PYTHON if path.name.startswith("test_") and (ROOT / "tests") in path.parents]
    assert {name for name in names if names.count(name) > 1} == set()
