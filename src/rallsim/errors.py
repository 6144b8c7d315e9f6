"""What can go wrong, and how it is said.

RallsimError
├── InputError    a file, an option or an argument is wrong: every fault at once (exit code 2)
└── ModelError    a rule of the model is broken: carries patient and seed (exit code 1)
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from difflib import get_close_matches

OPEN_ENDED = (" be", " by", " of", " within", " among", ",")  # messages that what is allowed completes


@dataclass(frozen=True)
class Problem:
    """One fault and its place: file, line, key, what was found, what is allowed, and a word that may have been meant.

    The message completes a sentence that begins with the key.

    >>> print(Problem("must be a known key", file="a.yaml", line=3, key="sede", allowed="patients, seed", hint="seed"))
    a.yaml:3: sede must be a known key (allowed: patients, seed); did you mean 'seed'?
    >>> print(Problem("must be", file="a.yaml", line=4, key="age", found="130", allowed="at most 120"))
    a.yaml:4: age must be at most 120, got 130
    """

    message: str
    file: str | None = None
    line: int | None = None
    key: str | None = None
    found: str | None = None
    allowed: str | None = None
    hint: str | None = None

    def __str__(self) -> str:
        place = "" if self.file is None else f"{self.file}:{self.line}: " if self.line else f"{self.file}: "
        key = f"{self.key} " if self.key else ""
        direct = self.message.endswith(OPEN_ENDED)
        allowed = (f" {self.allowed}" if direct else f" (allowed: {self.allowed})") if self.allowed else ""
        found = f", got {self.found}" if self.found is not None else ""
        hint = f"; did you mean '{self.hint}'?" if self.hint else ""
        return f"{place}{key}{self.message}{allowed}{found}{hint}"


class RallsimError(Exception):
    """The family of everything this package raises on purpose."""


class InputError(RallsimError):
    """Wrong input: all its problems, each with its place."""

    def __init__(self, problems: Problem | Iterable[Problem]) -> None:
        self.problems = (problems,) if isinstance(problems, Problem) else tuple(problems)
        super().__init__("\n".join(str(problem) for problem in self.problems))


class ModelError(RallsimError):
    """A rule of the model is broken for one patient; seed and patient number reproduce it."""

    def __init__(self, message: str, *, patient: int | None = None, seed: int | None = None) -> None:
        self.patient = patient
        self.seed = seed
        who = "" if patient is None else f" (patient {patient}, seed {seed})"
        super().__init__(message + who)


def nearest(word: str, allowed: Sequence[str]) -> str | None:
    """Return the allowed word most like `word`, or None when nothing is close.

    >>> nearest("blinatumumab", ["blinatumomab", "inotuzumab"])
    'blinatumomab'
    """
    matches = get_close_matches(word, allowed, n=1)
    return matches[0] if matches else None
