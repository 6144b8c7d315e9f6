"""An installed package that nobody may write to works, compiles once, and keeps what it compiled elsewhere."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

import rallsim
from rallsim.common.compiled import user_cache
from rallsim.common.files import shipped

COMMAND = "import sys, rallsim; from rallsim.cli import main; print(rallsim.__file__, file=sys.stderr); main()"


def installed(folder: Path) -> Path:
    """Lay the package out as an installed wheel is, and take the right to write from all of it."""
    package = folder / "site" / "rallsim"
    shutil.copytree(Path(rallsim.__file__).parent, package, ignore=shutil.ignore_patterns("__pycache__"))
    for name in ("params", "scenarios"):
        shutil.copytree(shipped(name), package / "data" / name)
    for path in (*package.rglob("*"), package):
        path.chmod(0o555 if path.is_dir() else 0o444)
    return package


@pytest.mark.slow
def test_a_read_only_package_compiles_once(tmp_path: Path) -> None:
    """The first run says that it compiles, the second does not; they print the same, and the package gained no file.

    Whoever is root may write anywhere, so the files are counted as well.
    """
    package = installed(tmp_path)
    before = sorted(package.rglob("*"))
    environment = {
        name: value for name, value in os.environ.items() if name not in ("NUMBA_CACHE_DIR", "NUMBA_DISABLE_JIT")
    }
    environment |= {"XDG_CACHE_HOME": str(tmp_path / "cache"), "PYTHONPATH": str(package.parent)}
    environment["PYTHONDONTWRITEBYTECODE"] = "1"
    said, printed = [], []
    for _ in range(2):
        ended = subprocess.run(
            [sys.executable, "-c", COMMAND, "run", "first_salvage", "--patients", "20"],
            cwd=tmp_path,
            env=environment,
            capture_output=True,
            text=True,
            check=True,
        )
        assert str(package) in ended.stderr, "another installation ran"
        said.append("Compiling the pathway" in ended.stderr)
        printed.append(ended.stdout)
    assert said == [True, False]
    assert printed[0] == printed[1]
    assert sorted(package.rglob("*")) == before
    assert list((tmp_path / "cache" / "rallsim").rglob("*.nbi"))


def test_without_a_cache_folder_a_temporary_one_is_used(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where the user's cache cannot be made, compiled code goes to the folder for temporary files."""
    (tmp_path / "file").write_text("no folder", encoding="utf-8")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "file"))
    assert user_cache().name.startswith("rallsim-")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    assert user_cache() == tmp_path / "rallsim"
