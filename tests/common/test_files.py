"""Files are written whole or not at all."""

from __future__ import annotations

from pathlib import Path

import pytest

from rallsim.common.files import shipped, written_atomically
from rallsim.errors import InputError


def test_a_file_appears_when_it_is_complete(tmp_path: Path) -> None:
    """The file, and the folders it needs, are there after the block and not before; nothing else is left."""
    path = tmp_path / "a" / "b.txt"

    with written_atomically(path) as temporary:
        temporary.write_text("whole", encoding="utf-8")
        assert not path.exists()

    assert path.read_text(encoding="utf-8") == "whole"
    assert [each.name for each in path.parent.iterdir()] == ["b.txt"]
    assert path.stat().st_mode & 0o777 == 0o644


def test_a_failure_leaves_the_earlier_file(tmp_path: Path) -> None:
    """When the block fails, what was there stays, and the half-written file goes."""
    path = tmp_path / "b.txt"
    path.write_text("earlier", encoding="utf-8")

    def fail_half_way() -> None:
        with written_atomically(path) as temporary:
            temporary.write_text("half", encoding="utf-8")
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        fail_half_way()

    assert path.read_text(encoding="utf-8") == "earlier"
    assert [each.name for each in tmp_path.iterdir()] == ["b.txt"]


def test_a_place_that_cannot_be_written_is_wrong_input(tmp_path: Path) -> None:
    """Below a file no file can be written, and the message names the path."""
    (tmp_path / "file").write_text("", encoding="utf-8")

    with (
        pytest.raises(InputError, match=r"b\.txt: cannot be written"),
        written_atomically(tmp_path / "file" / "b.txt"),
    ):
        pass


def test_the_shipped_folders_are_there() -> None:
    """Parameters and scenarios are found without knowing where the package stands."""
    assert (shipped("params") / "hsct.yaml").is_file()
    assert list(shipped("scenarios").glob("*.yaml"))
