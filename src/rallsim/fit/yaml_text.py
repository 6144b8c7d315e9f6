"""Fitted files as text: YAML of a fixed width, and numbers rounded to what they carry."""

from __future__ import annotations

from typing import Any

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


def rounded(value: float, digits: int = 6) -> float:
    """Round to significant digits: by default more than any figure carries, fewer than platforms differ in."""
    return float(f"{value:.{digits}g}")
