"""The shape of the program: who imports whom, what it never does, and that ARCHITECTURE.md tells of every part."""

from __future__ import annotations

import ast
import os
import re
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path

import pytest

import prescreen

ROOT = Path(__file__).parents[2]
PACKAGE = ROOT / "src" / "prescreen"
MODULES = sorted(path for path in PACKAGE.rglob("*.py") if "bundled" not in path.parts)


def _name(path: Path) -> str:
    return ".".join(path.relative_to(PACKAGE.parent).with_suffix("").parts)


def _imports(path: Path) -> Iterator[str]:
    """Every module that a module imports, wherever in it."""
    for node in ast.walk(ast.parse(path.read_text())):
        match node:
            case ast.Import(names=names):
                yield from (name.name for name in names)
            case ast.ImportFrom(module=str(module)):
                yield module


def test_each_layer_imports_only_what_stands_below_it() -> None:
    command = [str(Path(sys.executable).with_name("lint-imports")), "--no-cache"]
    environment = {**os.environ, "PYTHONPATH": str(PACKAGE.parent)}
    done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0, done.stdout
    assert re.search(r"11 kept, 0 broken", done.stdout), done.stdout


def test_only_the_command_and_the_check_use_the_package_as_its_users_do() -> None:
    users = {_name(path) for path in MODULES if "prescreen" in _imports(path)}
    assert users == {"prescreen.cli", "prescreen.check.cases", "prescreen.check.reporting"}


def test_only_one_module_knows_the_unit_registry() -> None:
    users = {
        _name(path) for path in MODULES if {"pint", "ucumvert", "lark"} & {m.split(".")[0] for m in _imports(path)}
    }
    assert users == {"prescreen.quantities.ucum"}


def test_only_a_terminology_server_is_reached_for() -> None:
    network = {"socket", "ssl", "http", "urllib", "ftplib", "smtplib", "asyncio", "requests", "httpx", "webbrowser"}
    users = {_name(path) for path in MODULES if network & {module.split(".")[0] for module in _imports(path)}}
    # The one is asked by `prescreen expand` only, about the catalogue's codes; the other waits for its own session.
    assert users == {"prescreen.terminology.server", "prescreen.session.stream"}
    who = {_name(path) for path in MODULES if "prescreen.terminology.server" in _imports(path)}
    assert who == {"prescreen.cli", "prescreen.terminology.__init__"}


def test_nothing_is_run_that_an_input_says() -> None:
    for path in MODULES:
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Name):
                assert node.func.id not in {"eval", "exec", "compile", "__import__"}, f"{path}:{node.lineno}"


@pytest.mark.parametrize("path", MODULES, ids=_name)
def test_each_module_says_what_it_is_for(path: Path) -> None:
    assert ast.get_docstring(ast.parse(path.read_text()))


@pytest.mark.parametrize("name", sorted({_name(p).removesuffix(".__init__").split(".", 1)[-1] for p in MODULES}))
def test_architecture_tells_of_each_module(name: str) -> None:
    if name == "prescreen":
        return
    text = (ROOT / "ARCHITECTURE.md").read_text()
    assert f"`{name}`" in text


def test_what_the_package_offers_is_there() -> None:
    for name in prescreen.__all__:
        assert getattr(prescreen, name).__name__ == name
    assert set(prescreen.__all__) <= set(dir(prescreen))
    with pytest.raises(AttributeError, match="no attribute 'scren'"):
        _ = prescreen.scren


def test_the_package_itself_imports_nothing_heavy() -> None:
    code = "import sys, prescreen; print('pydantic' in sys.modules, 'yaml' in sys.modules)"
    environment = {**os.environ, "PYTHONPATH": str(PACKAGE.parent)}
    done = subprocess.run(
        [sys.executable, "-c", code], env=environment, capture_output=True, text=True, timeout=60, check=True
    )
    assert done.stdout.split() == ["False", "False"]


def test_where_packages_come_from_is_left_to_the_installer() -> None:
    for name in ("constraints.txt", "pyproject.toml", "Makefile", ".ci/run"):
        text = (ROOT / name).read_text()
        assert not re.search(r"://|index-url|find-links|trusted-host", text), name


def test_every_dependency_is_pinned() -> None:
    pinned = re.findall(r"(?m)^([\w.-]+)==[\w.]+$", (ROOT / "constraints.txt").read_text())
    known = {re.sub(r"[-_.]+", "-", name).lower() for name in pinned}
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    extras = [wanted for some in project["optional-dependencies"].values() for wanted in some]
    wanted = [*project["dependencies"], *(each for each in extras if not each.startswith("prescreen["))]
    assert len(wanted) >= 15
    assert {re.sub(r"[-_.]+", "-", re.split(r"[\[>]", name)[0]).lower() for name in wanted} <= known
