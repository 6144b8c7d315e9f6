from __future__ import annotations

from typing import Any

import pytest

from rallsim.model.parameter_fields import KIND_FIELDS
from rallsim.model.random_numbers import AtEntry, InCourse
from rallsim.model.states import Antigen, Detail, Event, Kind, Stage


@pytest.mark.parametrize("codes", [Stage, Event, Detail, Kind, Antigen, AtEntry, InCourse])
def test_a_code_is_its_position_and_has_a_word_of_its_own(codes: Any) -> None:
    """Codes count from 0 without a gap, no two are one, and the word of each stands at its position."""
    words = codes.words()
    assert [int(code) for code in codes] == list(range(len(codes.__members__)))
    assert [words[code] for code in codes] == [code.word for code in codes]
    assert len(set(words)) == len(words) > 2


def test_every_kind_of_therapy_has_its_fields() -> None:
    """Kinds of therapy are those that parameter files may name."""
    assert set(Kind.words()) == set(KIND_FIELDS)
