"""Fitted files as text: YAML of a fixed width, rounded numbers, and the hash of what they rest on."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable
from typing import Any

from rallsim.inputs.evidence import Evidence

WIDTH = 150


def yaml_text(content: dict[str, Any]) -> str:
    """YAML of a mapping, keys in its order."""
    from ruamel.yaml import YAML
    from ruamel.yaml.compat import StringIO

    yaml = YAML()
    yaml.width = WIDTH
    stream = StringIO()
    yaml.dump(content, stream)
    text: str = stream.getvalue()
    return text


def evidence_hash(evidence: Evidence, rows: Iterable[str], asked: Any) -> str:
    """Hash of the numbers of evidence rows, and of what is asked of them."""
    found = {name: evidence.row(name) for name in rows}
    numbers = {name: [row.value, row.lo, row.hi, row.events, row.total] for name, row in found.items()}
    return hashlib.sha256(json.dumps([numbers, asked], sort_keys=True, default=str).encode()).hexdigest()


def rounded(value: float, digits: int = 6) -> float:
    """Round to significant digits: by default more than any figure carries, fewer than platforms differ in."""
    return float(f"{value:.{digits}g}")
