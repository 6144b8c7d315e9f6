"""Imports point one way, chance has one source, and the command line is thin."""

from __future__ import annotations

import ast
import re
from functools import cache
from pathlib import Path

import rallsim

PACKAGE = Path(rallsim.__file__).parent

PURE = ("outcomes", "precision", "plots", "history", "evaluated")


@cache
def imports() -> dict[str, dict[str, bool]]:
    """What each module imports of the package, and whether at its top level; imports for types alone are left out."""
    found: dict[str, dict[str, bool]] = {}
    for path in sorted(PACKAGE.rglob("*.py")):
        name = path.relative_to(PACKAGE).with_suffix("").as_posix().replace("/", ".")
        tree = ast.parse(path.read_text(encoding="utf-8"))
        for_types = [
            inner
            for node in ast.walk(tree)
            if isinstance(node, ast.If) and isinstance(node.test, ast.Name) and node.test.id == "TYPE_CHECKING"
            for inner in ast.walk(node)
        ]
        found[name] = {}
        for node in ast.walk(tree):
            if not isinstance(node, ast.ImportFrom) or node in for_types:
                continue
            module = node.module or ""
            if module == "rallsim":
                targets = [one.name if (PACKAGE / f"{one.name}.py").exists() else "__init__" for one in node.names]
            elif module.startswith("rallsim."):
                target = module.removeprefix("rallsim.")
                targets = [f"{target}.__init__" if (PACKAGE / target.replace(".", "/")).is_dir() else target]
            else:
                continue
            for target in targets:
                found[name][target] = found[name].get(target, False) or node in tree.body
    return found


def reached_from(module: str) -> set[str]:
    """Everything a module imports, itself or through others."""
    reached: set[str] = set()
    waiting = [module]
    while waiting:
        for target in imports()[waiting.pop()]:
            if target not in reached:
                reached.add(target)
                waiting.append(target)
    return reached


def test_imports_point_one_way() -> None:
    """No module reaches itself through its imports: the package has layers, and new modules find theirs."""
    assert len(imports()) > 30
    assert [module for module in imports() if module in reached_from(module)] == []


def test_the_bottom_layer_knows_nobody() -> None:
    """Errors, words and files stand on nothing of the package but errors."""
    for module in ("errors", "stages", "files", "yamlfile", "conditions"):
        assert reached_from(module) <= {"errors"}, module


def test_nothing_is_imported_in_pythons_other_ways() -> None:
    """Every import of the package is `from rallsim... import ...`, which the tests here can see."""
    for path in PACKAGE.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Import):
                assert not any(one.name.split(".")[0] == "rallsim" for one in node.names), path
            if isinstance(node, ast.ImportFrom):
                assert node.level == 0, path


def test_what_is_computed_from_a_history_knows_no_engine() -> None:
    """Outcomes, histories, economics and decisions never reach an engine or the pathway, not even through others."""
    of_packages = [name for name in imports() if name.split(".")[0] in ("economics", "decision")]
    assert len(of_packages) > 20
    for module in (*PURE, *of_packages):
        reached = reached_from(module)
        assert "pathway" not in reached, module
        assert not any(name.startswith("engine") or name == "simulation" for name in reached), module


def test_the_engines_know_no_files() -> None:
    """Pathway and rules never reach what reads scenarios, parameters or evidence."""
    for module in ("pathway", "rules", "patient", "population"):
        assert not reached_from(module) & {"scenario", "parameters", "evidence", "yamlfile", "files"}, module


def test_the_command_line_imports_errors_only() -> None:
    """cli.py and commands import errors, options and names of engines at their tops only: `--help` is instant."""
    light = {"__init__", "errors", "engine.__init__", "commands.options"}  # `__init__`: the package commands itself
    commands = [name for name in imports() if name.startswith("commands.")]
    assert len(commands) > 5
    for name in ("cli", *commands):
        assert {target for target, at_top in imports()[name].items() if at_top} <= light, name
    assert all("cli" not in targets for targets in imports().values())


def test_only_luck_makes_random_numbers() -> None:
    """No other module makes a generator, seeds one, draws from one or leans on the order of a hash."""
    wanted = re.compile(r"Generator\(|default_rng|np\.random|numpy\.random|import random|RandomState|\bhash\(")
    found = {
        path.relative_to(PACKAGE).as_posix()
        for path in PACKAGE.rglob("*.py")
        if wanted.search(path.read_text(encoding="utf-8"))
    }

    assert found == {"luck.py"}
