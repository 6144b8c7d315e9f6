"""The table of what is compared: complete for the slides, checked, and counted once."""

from __future__ import annotations

import csv
import math
from functools import cache
from pathlib import Path

import pytest

from rallsim.common.files import shipped
from rallsim.errors import InputError
from rallsim.inputs.evidence import load_evidence
from rallsim.inputs.scenario import load_scenario
from rallsim.validation.targets import AT_RISK, COLUMNS, SCORED, Target, load_targets
from rallsim.validation.trials import trial_files

TRIALS = shipped("params") / "trials"


@cache
def arms() -> dict[str, list[str]]:
    return {path.stem: list(load_scenario(path).strategies) for path in trial_files()}


@cache
def targets() -> list[Target]:
    return load_targets(load_evidence(), arms())


def test_every_number_of_the_slides_is_compared_or_said_why_not() -> None:
    """Each row of the slides is a target or stands among those not compared with a reason; none is both."""
    deck = {row.id for row in load_evidence().rows.values() if row.origin == "deck"}
    with (TRIALS / "not_compared.csv").open(newline="", encoding="utf-8") as text:
        left_out = {line["evidence"]: line["reason"] for line in csv.DictReader(text)}
    compared = {one.evidence for one in targets()}
    assert len(deck) > 200
    assert deck <= compared | set(left_out)
    assert not compared & set(left_out)
    assert all(left_out.values())


def test_the_slides_numbers_at_risk_are_compared() -> None:
    """Every table of numbers at risk of the slides has targets, and shares of those at risk at entry."""
    at_risk = [one for one in targets() if one.quantity == AT_RISK]
    assert {one.evidence for one in at_risk} == set(load_evidence().risk_tables)
    assert all(0.0 < one.observed <= 1.0 and one.at_months > 0 for one in at_risk)


def test_a_twin_is_counted_like_the_row_it_repeats_and_not_scored() -> None:
    """A fact that stands on a slide and in a paper is counted alike and scored once."""
    by_id = {one.id: one for one in targets()}
    twins = [one for one in targets() if one.use == "twin"]
    assert len(twins) > 15
    for twin in twins:
        other = by_id[twin.note]
        assert other.use in SCORED
        assert (twin.quantity, twin.among, twin.since, twin.arm) == (
            other.quantity,
            other.among,
            other.since,
            other.arm,
        )
        # slides round, print 77 for 79, and 13 % where the abstract has 8 of 65
        assert twin.observed == pytest.approx(other.observed, rel=0.025, abs=0.01)


def test_kept_and_used_numbers_are_both_there() -> None:
    """Targets of each use exist, and no number calibrated to stands behind a parameter."""
    uses = {use: [one for one in targets() if one.use == use] for use in SCORED}
    assert all(len(found) > 30 for found in uses.values())


def test_intervals_hold_their_number() -> None:
    """Where there is an interval it holds the published number."""
    known = [one for one in targets() if not math.isnan(one.lo) and not math.isnan(one.hi)]
    assert len(known) > 100
    assert all(one.lo <= one.observed <= one.hi or one.observed in (0.0, 1.0) for one in known)


def test_all_faults_of_the_table_are_told_at_once(tmp_path: Path) -> None:
    """Unknown trial, arm, row, filter, clock and use, each with its line and column."""
    table = tmp_path / "targets.csv"
    lines = [
        ",".join(COLUMNS),
        "towr,blinatumomab,271,tower_blin_cr_all,,,,,,,fit,",
        "tower,blina,271,tower_blin_cr_al,,responder,entri,,,,fitt,",
        "tower,blinatumomab,none,tower_base_blin_age,,,,,,,kept,",
    ]
    table.write_text("\n".join(lines) + "\n", encoding="utf-8")
    with pytest.raises(InputError) as caught:
        load_targets(load_evidence(), arms(), table)
    found = {(one.line, one.key) for one in caught.value.problems}
    expected = {(2, "trial"), (3, "arm"), (3, "evidence"), (3, "among"), (3, "since"), (3, "use"), (4, "enrolled")}
    assert found == expected | {(4, "quantity")}
