from __future__ import annotations

import numpy as np
import pytest

from rallsim.model import random_numbers
from rallsim.model.random_numbers import (
    BLOCK,
    COLUMNS,
    COURSE_COLUMNS,
    ENTRY_COLUMNS,
    FAMILIES,
    uniforms_of_block,
)


def test_uniforms_are_uniform() -> None:
    """Numbers lie in [0, 1) and every tenth holds its share: chi-squared of 10 cells within 4 SE of its mean 9."""
    values = uniforms_of_block(seed=1, replicate=0, block=0)
    assert values.min() >= 0.0
    assert values.max() < 1.0
    expected = values.size / 10
    counts = np.histogram(values, bins=10, range=(0.0, 1.0))[0]
    assert abs(((counts - expected) ** 2 / expected).sum() - 9.0) <= 4.0 * np.sqrt(2 * 9.0)


def test_columns_are_independent() -> None:
    """No two decisions go together: every correlation of two columns is below 6 of its standard errors.

    Of 22,000 pairs of normal correlations the largest is expected near 4.1 standard errors; 6 is never reached.
    """
    values = np.concatenate([uniforms_of_block(seed=3, replicate=0, block=block) for block in range(4)])
    correlations = np.corrcoef(values, rowvar=False)
    largest = np.abs(correlations[~np.eye(COLUMNS, dtype=bool)]).max()
    assert largest < 6.0 / np.sqrt(len(values))


@pytest.mark.parametrize("key", [(2, 0, 0), (1, 1, 0), (1, 0, 1)], ids=["seed", "replicate", "block"])
def test_another_key_gives_other_numbers(key: tuple[int, int, int]) -> None:
    """Seed, replicate and block each change every column of every patient, and nothing else is a key."""
    assert (uniforms_of_block(1, 0, 0) == uniforms_of_block(1, 0, 0)).all()
    assert not (uniforms_of_block(*key) == uniforms_of_block(1, 0, 0)).any()


@pytest.mark.parametrize("family", ["ENTRY_COLUMNS", "COURSE_COLUMNS"])
def test_a_decision_added_at_the_end_of_a_family_changes_no_other(monkeypatch: pytest.MonkeyPatch, family: str) -> None:
    """With one more decision in a family every column there was before holds the same numbers."""
    before = _families(uniforms_of_block(seed=5, replicate=2, block=3), ENTRY_COLUMNS, COURSE_COLUMNS)
    monkeypatch.setattr(random_numbers, family, getattr(random_numbers, family) + 1)
    after = _families(
        uniforms_of_block(seed=5, replicate=2, block=3), random_numbers.ENTRY_COLUMNS, random_numbers.COURSE_COLUMNS
    )

    assert sum(part.shape[1] for part in after) > sum(part.shape[1] for part in before)
    for old, new in zip(before, after, strict=True):
        assert (new[:, : old.shape[1]] == old).all()


def test_families_have_room() -> None:
    """No family has more decisions than numbers are kept for it."""
    assert max(ENTRY_COLUMNS, COURSE_COLUMNS) <= random_numbers.FAMILY_STRIDE


def test_numbers_are_those_of_splitmix64() -> None:
    """The first outputs for seed 1234567 are those published with the generator's reference implementation."""
    published = [6457827717110365317, 3203168211198807973, 9817491932198370423, 4593380528125082431]
    offsets = np.array([n * random_numbers.GOLDEN_GAMMA % 2**64 for n in range(1, 5)], np.uint64)
    found = random_numbers.uniforms_of(np.array([1234567], np.uint64), offsets)[0]
    assert found.tolist() == [(number >> 11) * 2.0**-53 for number in published]


def test_courses_have_numbers_of_their_own() -> None:
    """The families of a block share no number: a second course is not the first one again."""
    parts = _families(uniforms_of_block(seed=1, replicate=0, block=0), ENTRY_COLUMNS, COURSE_COLUMNS)
    assert len(parts) == FAMILIES
    for one in range(1, FAMILIES):
        for other in range(one + 1, FAMILIES):
            assert not (parts[one] == parts[other]).any()


def _families(values: np.ndarray, entry: int, course: int) -> list[np.ndarray]:
    assert values.shape == (BLOCK, entry + (FAMILIES - 1) * course)
    return np.split(values, range(entry, values.shape[1], course), axis=1)
