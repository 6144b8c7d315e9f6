"""YAML files as plain values that remember on which line each key stands."""

from __future__ import annotations

from collections.abc import Hashable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from rallsim.errors import InputError, Problem

Place = tuple[Hashable, ...]


@dataclass(frozen=True)
class YamlFile:
    """A file's content and the line of each of its keys and list items."""

    name: str
    data: Any
    lines: dict[Place, int] = field(repr=False)

    def line(self, *place: Hashable) -> int | None:
        """Return the line of the key at `place`, or of its nearest parent that stands in the file.

        >>> file = parse_yaml("a:\\n  - b: 1\\n  - b: 2\\n", "example.yaml")
        >>> file.line("a", 1, "b"), file.line("a", 1, "missing")
        (3, 3)
        """
        for end in range(len(place), 0, -1):
            if place[:end] in self.lines:
                return self.lines[place[:end]]
        return None


def read_yaml(path: Path) -> YamlFile:
    """Read a YAML 1.2 file; raises InputError when it is missing, unreadable, ill-formed or repeats a key."""
    try:
        text = path.read_text(encoding="utf-8")
    except FileNotFoundError:
        raise InputError(Problem("must be a file that exists", file=str(path))) from None
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(Problem(f"cannot be read: {error}", file=str(path))) from error
    return parse_yaml(text, str(path))


def parse_yaml(text: str, name: str) -> YamlFile:
    """Parse YAML text; `name` is what messages call it.

    >>> parse_yaml("title: Order\\nseed: 7\\n", "order.yaml").data
    {'title': 'Order', 'seed': 7}
    """
    from ruamel.yaml import YAML
    from ruamel.yaml.error import MarkedYAMLError, YAMLError

    yaml = YAML(typ="safe", pure=True)
    lines: dict[Place, int] = {}
    problems: list[Problem] = []
    try:
        node = yaml.compose(text)
        data = _value(yaml, node, (), lines, problems, name) if node is not None else None
    except MarkedYAMLError as error:
        line = error.problem_mark.line + 1 if error.problem_mark else None
        raise InputError(Problem(f"must be valid YAML: {error.problem}", file=name, line=line)) from error
    except (YAMLError, ValueError, RecursionError) as error:  # also impossible dates and aliases that hold themselves
        raise InputError(Problem(f"must be valid YAML: {error}", file=name)) from error
    if problems:
        raise InputError(problems)
    return YamlFile(name, data, lines)


def _value(yaml: Any, node: Any, place: Place, lines: dict[Place, int], problems: list[Problem], name: str) -> Any:
    if node.id == "mapping":
        mapping: dict[Hashable, Any] = {}
        for key_node, value_node in node.value:
            key = yaml.constructor.construct_object(key_node, deep=True)
            if not isinstance(key, Hashable):
                problems.append(Problem("must have words as keys", file=name, line=key_node.start_mark.line + 1))
                continue
            line = key_node.start_mark.line + 1
            if key in mapping:
                first = lines[(*place, key)]
                problems.append(
                    Problem("must stand once", file=name, line=line, key=str(key), found=f"it on line {first} too")
                )
                continue
            lines[(*place, key)] = line
            mapping[key] = _value(yaml, value_node, (*place, key), lines, problems, name)
        return mapping
    if node.id == "sequence":
        items = []
        for index, item in enumerate(node.value):
            lines[(*place, index)] = item.start_mark.line + 1
            items.append(_value(yaml, item, (*place, index), lines, problems, name))
        return items
    return yaml.constructor.construct_object(node, deep=True)
