"""Codes with names: small integers in the compiled pathway, names in every file."""

from __future__ import annotations

from enum import IntEnum


class Code(IntEnum):
    """A code that counts from 0 in the order of the members; its word in files is the member's name in lower case.

    >>> from enum import auto
    >>> class Colour(Code):
    ...     RED = auto()
    ...     DARK_BLUE = auto()
    >>> int(Colour.DARK_BLUE), Colour.words()
    (1, ('red', 'dark_blue'))
    """

    @staticmethod
    def _generate_next_value_(name: str, start: int, count: int, last_values: list[int]) -> int:
        return count

    @property
    def word(self) -> str:
        """The name of the code in files."""
        return self.name.lower()

    @classmethod
    def words(cls) -> tuple[str, ...]:
        """The names of all codes: that of a code stands at its position."""
        return tuple(code.word for code in cls)
