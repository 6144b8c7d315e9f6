"""Write docs/api.md from the docstrings of the public names: `python tools/api_page.py`."""

from __future__ import annotations

import inspect
import re
from typing import Any

import rallsim
from marks import renew

EXAMPLE = re.compile(r"^>>> .*?(?=\n\n|\Z)", re.MULTILINE | re.DOTALL)


def api() -> str:
    """Return a section a public name: its signature and its docstring."""
    return "\n".join(_section(name, getattr(rallsim, name)) for name in rallsim.__all__)


def _section(name: str, thing: Any) -> str:
    signature = inspect.signature(thing)
    lines = [f"    {line}," for line in _parameters(signature)]
    text = EXAMPLE.sub(lambda found: f"```pycon\n{found[0]}\n```", inspect.getdoc(thing) or "")
    returned = "" if isinstance(thing, type) else f" -> {signature.return_annotation}"
    return "\n".join([f"## `{name}`\n", "```text", f"{name}(", *lines, f"){returned}", "```\n", f"{text}\n"])


def _parameters(signature: inspect.Signature) -> list[str]:
    lines, named = [], False
    for parameter in signature.parameters.values():
        if parameter.kind is inspect.Parameter.KEYWORD_ONLY and not named:
            lines.append("*")
            named = True
        plain = isinstance(parameter.default, str | int | float | tuple | list | None)
        is_left_out = parameter.default is not inspect.Parameter.empty
        default = f" = {parameter.default!r}" if plain else " = ..." if is_left_out else ""
        lines.append(f"{parameter.name}: {parameter.annotation}{default}")
    return lines


if __name__ == "__main__":
    renew("api.md", api=api())
