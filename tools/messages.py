"""Collect every message that the package gives on wrong input: `python tools/messages.py` writes the list for review.

A message completes «<file>:<line>: <key> …, got …; did you mean …?», whose other parts `errors.Problem` adds.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).parents[1]
LIST = ROOT / "tests" / "reference" / "messages.txt"
PLACES = {  # what takes a message, by its last name or in full: the message's position among the arguments
    **dict.fromkeys(("Problem", "BadParameter", "problem", "_fault", "self.note"), 0),
    **dict.fromkeys(("fault", "Fault"), 1),
    "self._note": 3,
}
TABLES = ("_PLAIN_WORDS",)  # mappings whose values are messages


def messages() -> list[str]:
    """Return every message once, sorted, with … for what is filled in."""
    return sorted({text for path in sorted((ROOT / "src").rglob("*.py")) for text in _messages_of(path)})


def _messages_of(path: Path) -> Iterator[str]:
    tree = ast.parse(path.read_text(encoding="utf-8"))
    scopes = [node for node in ast.walk(tree) if isinstance(node, ast.FunctionDef)]
    for node in ast.walk(tree):
        if isinstance(node, ast.Assign | ast.AnnAssign) and isinstance(node.value, ast.Dict):
            names = node.targets if isinstance(node, ast.Assign) else [node.target]
            if any(isinstance(name, ast.Name) and name.id in TABLES for name in names):
                for value in node.value.values:
                    yield from _texts(value, None)
        if isinstance(node, ast.Call):
            called = ast.unparse(node.func)
            place = PLACES.get(called, PLACES.get(called.rpartition(".")[2]))
            if place is None or len(node.args) <= place:
                continue
            inside = [scope for scope in scopes if scope.lineno <= node.lineno <= (scope.end_lineno or 0)]
            yield from _texts(node.args[place], inside[-1] if inside else None)


def _texts(node: ast.expr, scope: ast.FunctionDef | None) -> Iterator[str]:
    """Yield the texts that an expression may be: literals, both ends of a choice, and what a name was given before."""
    if isinstance(node, ast.Constant) and isinstance(node.value, str):
        yield node.value
    elif isinstance(node, ast.JoinedStr):
        yield "".join(str(part.value) if isinstance(part, ast.Constant) else "…" for part in node.values)
    elif isinstance(node, ast.IfExp):
        yield from _texts(node.body, scope)
        yield from _texts(node.orelse, scope)
    elif isinstance(node, ast.BinOp):
        for left in _texts(node.left, scope):
            yield from (left + right for right in _texts(node.right, scope))
    elif isinstance(node, ast.Name) and scope:
        for one in ast.walk(scope):
            if isinstance(one, ast.Assign) and any(getattr(name, "id", "") == node.id for name in one.targets):
                yield from _texts(one.value, None)


if __name__ == "__main__":
    LIST.write_text("".join(f"{text}\n" for text in messages()), encoding="utf-8")
