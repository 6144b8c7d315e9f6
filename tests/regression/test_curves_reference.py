"""What `rallsim curves` makes of the shipped curves: families taken and numbers that moved are seen."""

from __future__ import annotations

import re
from pathlib import Path

import pandas as pd
import pytest

from rallsim.curves.analysis import chosen_table, judge
from rallsim.curves.background import shipped_backgrounds
from rallsim.curves.curve_files import load_curves

REFERENCE = Path(__file__).parents[2] / "results" / "reference" / "curves" / "chosen.csv"
PAGE = Path(__file__).parents[2] / "docs" / "curves.md"
WORDS = ["curve", "endpoint", "family", "rules_given_up"]
LOOSE = 2e-3  # relative: flat likelihoods end a little apart on other machines


@pytest.mark.slow
def test_families_and_numbers_are_those_of_reference() -> None:
    """Every shipped curve has the family of the committed table, and its numbers to 0.2 % (`make reference` renews)."""
    found = chosen_table(judge(load_curves(), shipped_backgrounds()))
    expected = pd.read_csv(REFERENCE, keep_default_na=False, na_values=[""])
    numbers = [name for name in expected.columns if name not in WORDS]

    assert found[WORDS].to_dict("list") == expected[WORDS].fillna("").to_dict("list")
    pd.testing.assert_frame_equal(found[numbers], expected[numbers], rtol=LOOSE, atol=1e-3, check_dtype=False)


def test_the_page_shows_the_reference_results() -> None:
    """docs/curves.md has a line a shipped curve, with the family and survival at 24 and 60 months of the reference."""
    expected = pd.read_csv(REFERENCE).set_index("curve")
    lines = re.findall(
        r"^\| `(\w+)` \| ([^|]+) \| [^|]+ \| (\d+) % \| (\d+) % \|", PAGE.read_text(encoding="utf-8"), re.M
    )

    assert [name for name, *_ in lines] == list(expected.index) == list(load_curves())
    for name, family, at_24, at_60 in lines:
        row = expected.loc[name]
        shown = re.sub(r"\W+", "_", family.replace("\\*", "").strip().lower())
        assert shown == row["family"], name
        assert ("*" in family) == isinstance(row["rules_given_up"], str), name
        assert abs(float(at_24) / 100 - row["at_24_months"]) < 0.0051, name
        assert abs(float(at_60) / 100 - row["at_60_months"]) < 0.0051, name
