"""Imports point one way, chance has one source, and the command line is thin."""

from __future__ import annotations

import ast
import re
from functools import cache
from pathlib import Path

import rallsim

PACKAGE = Path(rallsim.__file__).parent

ROOMS = (  # from the ground
    *("errors", "common", "model", "inputs", "outcomes", "simulation", "decision"),
    *("economics", "economics.settings", "economics.valuation", "economics.tables"),
    *("evaluation", "output", "curves", "validation", "fit", "sweep", "report", "export", "explain"),
    *("commands", "cli"),
)
PURE = (
    *("outcomes.summary", "outcomes.history", "outcomes.baseline", "outcomes.endpoints"),
    *("common.precision", "common.figures", "evaluation.sums"),
)


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


def room(module: str) -> str:
    """Return the folder of the package, in words of ROOMS, that a module belongs to."""
    plain = module.removesuffix(".__init__")
    return max((one for one in ROOMS if plain == one or plain.startswith(f"{one}.")), key=len, default="")


def test_nothing_imports_upwards() -> None:
    """Rooms stand on one another in one order: a module imports from its own room and from those below it only."""
    upwards = [
        f"{module} imports {target}"
        for module, targets in imports().items()
        for target in targets
        if "__init__" not in (module, target) and ROOMS.index(room(target)) > ROOMS.index(room(module))
    ]
    assert upwards == []


def test_every_module_has_a_room() -> None:
    """Nothing lies loose in the package but the public names, the command line and the errors."""
    assert [module for module in imports() if not room(module)] == ["__init__"]


def test_nothing_is_imported_in_pythons_other_ways() -> None:
    """Every import of the package is `from rallsim... import ...`, which the tests here can see."""
    for path in PACKAGE.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Import):
                assert not any(one.name.split(".")[0] == "rallsim" for one in node.names), path
            if isinstance(node, ast.ImportFrom):
                assert node.level == 0, path


def test_what_is_computed_from_a_history_knows_no_engine() -> None:
    """Outcomes, histories, economics and decisions reach nothing of the simulation, not even through others."""
    of_packages = [name for name in imports() if name.split(".")[0] in ("economics", "decision")]
    assert len(of_packages) > 20
    for module in (*PURE, *of_packages):
        reached = reached_from(module)
        assert [name for name in reached if name.startswith("simulation.") or name == "model.pathway"] == [], module


def test_the_model_knows_no_files() -> None:
    """The model never reaches what reads scenarios, parameters or evidence."""
    modules = [name for name in imports() if name.startswith("model.")]
    assert len(modules) > 10
    of_common = ("codes", "columns", "compiled", "files", "records")
    allowed = ("errors", "model.", *(f"common.{name}" for name in of_common))
    for module in modules:
        assert all(name.startswith(allowed) for name in reached_from(module)), module


def test_the_command_line_imports_errors_only() -> None:
    """cli.py and commands import errors, options and names of engines at their tops only: `--help` is instant."""
    light = {"__init__", "errors", "simulation.engines", "commands.options"}  # `__init__`: the package commands itself
    commands = [name for name in imports() if name.startswith("commands.")]
    assert len(commands) > 5
    for name in ("cli", *commands):
        assert {target for target, at_top in imports()[name].items() if at_top} <= light, name
    assert all("cli" not in targets for targets in imports().values())


def test_only_luck_makes_random_numbers() -> None:
    """No other module makes a generator, seeds one, draws from one or leans on the order of a hash."""
    wanted = re.compile(r"Generator\(|default_rng|np\.random|numpy\.random|import random\b|RandomState|\bhash\(")
    found = {
        path.relative_to(PACKAGE).as_posix()
        for path in PACKAGE.rglob("*.py")
        if wanted.search(path.read_text(encoding="utf-8"))
    }

    assert found == {"model/random_numbers.py"}
