"""The page on the architecture names files and functions that exist."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest

from test_layers import ROOMS

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "architecture.md").read_text(encoding="utf-8")
ERRANDS = {
    errand: re.findall(r"^- `([\w/.]+)`: (.+)$", text, re.MULTILINE)
    for errand, text in re.findall(r"^\*\*(.+?\?)\*\*(.*?)(?=^\*\*|\Z)", PAGE, re.MULTILINE | re.DOTALL)
}


def test_the_page_leads_to_the_five_errands_and_more() -> None:
    """There are ten errands or more, those that the layout was made for first."""
    assert len(ERRANDS) >= 10
    first = ["relapse hazard", "add a drug", "service", "discounted", "new figure"]
    assert all(words in errand for words, errand in zip(first, ERRANDS, strict=False))


@pytest.mark.parametrize("errand", ERRANDS)
def test_an_errand_takes_three_files_at_most(errand: str) -> None:
    """Each file of an errand exists and holds the functions that the page names."""
    files = ERRANDS[errand]
    assert 1 <= len(files) <= 3
    for path, words in files:
        tree = ast.parse((ROOT / path).read_text(encoding="utf-8"))
        defined = {node.name for node in ast.walk(tree) if isinstance(node, ast.FunctionDef | ast.ClassDef)}
        names = re.findall(r"`(\w+)`", words)
        assert names
        assert set(names) <= defined, path


def test_every_folder_has_its_line_in_the_order_of_imports() -> None:
    """The table lists the rooms of the package in the order that the layers are tested in."""
    listed = re.findall(r"^\| `([\w]+)(?:/|\.py)` \|", PAGE, re.MULTILINE)
    assert listed == [room for room in ROOMS if "." not in room]
