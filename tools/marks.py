"""Pages with a part that a tool writes: between `<!-- name: ... -->` and `<!-- end of name -->`."""

from __future__ import annotations

import re
from pathlib import Path

ROOT = Path(__file__).parents[1]


def renewed(text: str, name: str, part: str) -> str:
    """Return a page with the part of this name replaced; refuses a page whose marks do not stand once each."""
    pieces = re.split(rf"(<!-- {name}:[^\n]*-->\n|<!-- end of {name} -->)", text)
    if len(pieces) != 5:
        raise ValueError(f"the marks of '{name}' must stand once each")
    return "".join([*pieces[:2], part, *pieces[3:]])


def renew(page: str, **parts: str) -> None:
    """Write parts, by name, into a page of the documentation."""
    path = ROOT / "docs" / page
    text = path.read_text(encoding="utf-8")
    for name, part in parts.items():
        text = renewed(text, name, part)
    path.write_text(text, encoding="utf-8")
