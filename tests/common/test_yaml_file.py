"""YAML with the line of every key, and what is said of YAML that is none."""

from __future__ import annotations

from pathlib import Path

import pytest

from rallsim.common.yaml_file import Place, parse_yaml, read_yaml
from rallsim.errors import InputError, Problem

TEXT = """\
# a comment
title: Order
rules:
  - {give: chemotherapy, when: {line: 1}}
  - give: inotuzumab
    when:
      blasts: {min: 0.1}
long: >
  folded
  text
last: yes
"""


@pytest.mark.parametrize(
    ("place", "line"),
    [
        (("title",), 2),
        (("rules",), 3),
        (("rules", 0), 4),
        (("rules", 0, "when", "line"), 4),
        (("rules", 1), 5),
        (("rules", 1, "when", "blasts", "min"), 7),
        (("rules", 1, "when", "age"), 6),  # not there: the line of its parent
        (("last",), 11),
        (("nowhere",), None),
        ((), None),
    ],
)
def test_every_key_and_item_knows_its_line(place: Place, line: int | None) -> None:
    """The line of a key is where it stands; of a missing key, where its nearest parent stands."""
    assert parse_yaml(TEXT, "order.yaml").line(*place) == line


def test_values_are_those_of_yaml_1_2() -> None:
    """Numbers, texts and lists arrive as they are; `yes` is a word, not true."""
    data = parse_yaml(TEXT, "order.yaml").data

    assert data["rules"][1] == {"give": "inotuzumab", "when": {"blasts": {"min": 0.1}}}
    assert data["long"] == "folded text\n"
    assert data["last"] == "yes"
    assert parse_yaml("", "empty.yaml").data is None


def test_all_repeated_keys_are_told() -> None:
    """A key that stands twice is told with both lines, each of them at once."""
    with pytest.raises(InputError) as caught:
        parse_yaml("a: 1\nb: {c: 1, c: 2}\na: 3\n", "order.yaml")

    assert caught.value.problems == (
        Problem("must stand once", "order.yaml", 2, "c", "it on line 2 too"),
        Problem("must stand once", "order.yaml", 3, "a", "it on line 1 too"),
    )


@pytest.mark.parametrize(
    ("text", "line"),
    [("a: [1, 2\n", 2), ("a: 1\n  b: 2\n", 2), ("a: *nowhere\n", 1), ("a: 1\n\tb: 2\n", 2), ("{a: 1}: 2\n", 1)],
)
def test_what_is_no_yaml_is_told_with_its_line(text: str, line: int) -> None:
    """Ill-formed YAML is wrong input, and the message says where it stops to be YAML."""
    with pytest.raises(InputError) as caught:
        parse_yaml(text, "order.yaml")

    assert [(problem.file, problem.line) for problem in caught.value.problems] == [("order.yaml", line)]


def test_files_that_cannot_be_read_are_wrong_input(tmp_path: Path) -> None:
    """A missing file, a folder, and a file in another encoding are named."""
    latin = tmp_path / "latin.yaml"
    latin.write_bytes("titre: leucémie\n".encode("latin-1"))

    for path, said in (
        (tmp_path / "none.yaml", "must be a file that exists"),
        (tmp_path, "cannot be read"),
        (latin, "cannot be read"),
    ):
        with pytest.raises(InputError, match=said) as caught:
            read_yaml(path)
        assert caught.value.problems[0].file == str(path)
