"""What the benchmarks found, in words, under pytest-benchmark's own table."""

from __future__ import annotations

from collections.abc import Callable

import pytest

FOUND = pytest.StashKey[list[str]]()


def pytest_configure(config: pytest.Config) -> None:
    config.stash[FOUND] = []


@pytest.fixture
def say(request: pytest.FixtureRequest) -> Callable[[str], None]:
    """Keep a line for the end of the run."""
    return request.config.stash[FOUND].append


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    for line in config.stash[FOUND]:
        terminalreporter.write_line(line)
