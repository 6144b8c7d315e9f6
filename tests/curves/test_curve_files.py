"""Published curves as data: all faults of all files at once, and what the shipped files must keep to."""

from __future__ import annotations

import csv
import math
import re
import shutil
from itertools import pairwise
from pathlib import Path

import pytest

from rallsim.common.files import shipped
from rallsim.curves.curve_files import load_curves
from rallsim.curves.published import ENDPOINTS, PublishedCurve
from rallsim.errors import InputError
from rallsim.inputs.evidence import load_evidence

CURVES = load_curves()
EVIDENCE = load_evidence()

GOOD = """
id: a_curve
label: A curve
endpoint: os
starts: relapse
counts: death
censored: last contact
patients: graall_os24
background: adult_relapse
medians: [deck_graall_median_os]
landmarks: [graall_os24, graall_os60]
corresponds: nothing
"""


def folder_with(tmp_path: Path, **files: str) -> Path:
    """A folder of parameters with given curve files beside the shipped evidence and populations."""
    for name in ("evidence", "population"):
        shutil.copytree(shipped("params") / name, tmp_path / name)
    (tmp_path / "curves").mkdir()
    for name, text in files.items():
        (tmp_path / "curves" / f"{name}.yaml").write_text(text, encoding="utf-8")
    return tmp_path


def faults_of(tmp_path: Path, **files: str) -> str:
    """What is said of wrong files."""
    with pytest.raises(InputError) as caught:
        load_curves(folder_with(tmp_path, **files))
    return str(caught.value)


def test_a_good_file_is_read(tmp_path: Path) -> None:
    """A median is the point (median, one half); an interval gives a spread of ln(-ln S); a row says how many."""
    curve = load_curves(folder_with(tmp_path, a_curve=GOOD))["a_curve"]
    median, at_24, _ = curve.points

    assert (median.months, median.survival, median.sd) == (6.7, 0.5, None)
    assert (at_24.months, at_24.survival, at_24.lo, at_24.hi) == (24.0, 0.193, 0.14, 0.24)
    width = math.log(-math.log(0.14)) - math.log(-math.log(0.24))
    assert at_24.sd == pytest.approx(width / (2 * 1.959964), rel=1e-6)
    assert curve.patients == 229.0
    assert set(curve.rows) == {"graall_os24", "deck_graall_median_os", "graall_os60"}


def test_all_faults_of_all_files_are_said_at_once(tmp_path: Path) -> None:
    """Unknown keys, rows, populations and endpoints, rows of another kind: each with its place and a hint."""
    wrong = GOOD.replace("id: a_curve", "id: other").replace("endpoint: os", "endpoint: ose")
    wrong += "medain: [x]\nhazard_ratio: {row: tower_hr_os, against: nobody, use: maybe}\n"
    second = GOOD.replace("id: a_curve", "id: second").replace("graall_os24, graall_os60", "graall_os42, tower_hr_os")
    second = second.replace("background: adult_relapse", "background: adult_relaps").replace("counts: death\n", "")
    text = faults_of(tmp_path, first=wrong, second=second)

    for words in (
        "first.yaml:2: id must be the file's name",
        "endpoint must be one of os, ",
        "first.yaml:13: medain must be a known key",
        "use must be a known use (allowed: fit, check), got maybe",
        "landmarks.0 must be an evidence row, got graall_os42; did you mean 'graall_os24'?",
        "landmarks.1 must be a landmark of os, got tower_hr_os: hr_os",
        "did you mean 'adult_relapse'?",
        "counts is missing",
    ):
        assert words in text, text


def test_a_row_of_another_endpoint_is_refused(tmp_path: Path) -> None:
    """Progression-free survival does not slip into a curve of overall survival, nor a median into the landmarks."""
    mixed = GOOD.replace("graall_os60", "gap_inovate_ino_pfs12").replace("deck_graall_median_os", "graall_os24")

    text = faults_of(tmp_path, a_curve=mixed)
    assert "must be a landmark of os, got gap_inovate_ino_pfs12: pfs_at" in text
    assert "must be a median of os, got graall_os24: os_at" in text


def test_a_hazard_ratio_must_lead_to_a_curve(tmp_path: Path) -> None:
    """The other arm of a hazard ratio must be there; its name is hinted at."""
    linked = GOOD + "hazard_ratio: {row: tower_hr_os, against: a_curv, use: check}\n"

    assert "hazard_ratio.against must be a known curve, got a_curv; did you mean 'a_curve'?" in faults_of(
        tmp_path, a_curve=linked
    )


def test_numbers_at_risk_say_how_many_patients_there_are(tmp_path: Path) -> None:
    """`patients` beside numbers at risk is refused, and so are tables of other times or endpoints."""
    twice = GOOD + "numbers_at_risk: tower_blin_os\n"
    other = twice.replace("patients: graall_os24\n", "").replace(
        "tower_blin_os", "[tower_blin_os, deck_eliana_os_cens]"
    )
    other = other.replace("id: a_curve", "id: b_curve")
    text = faults_of(tmp_path, a_curve=twice, b_curve=other)

    assert "a_curve.yaml:8: patients must be left out: the numbers at risk hold it" in text
    assert "must be tables with the same times" in text


# --- what ships ---------------------------------------------------------------------------------------------------


def test_there_are_curves_to_loop_over() -> None:
    """Some fifty curves ship, of every endpoint."""
    assert len(CURVES) >= 45
    assert {curve.endpoint for curve in CURVES.values()} == set(ENDPOINTS)


def test_one_fact_is_fitted_once() -> None:
    """No row is fitted that its curve calls the same fact or not used, and no landmark time is fitted twice."""
    for curve in CURVES.values():
        text = curve.file.read_text(encoding="utf-8")
        same = re.search(r"same_fact: \[(.*)\]", text)
        left_out = {*curve.not_used, *(same.group(1).split(", ") if same else [])}
        used = {row for point in curve.points for row in point.rows}
        times = [point.months for point in curve.points if point.kind == "landmark"]
        assert not used & left_out, curve.id
        assert len(set(times)) == len(times), curve.id


def test_no_row_is_fitted_in_two_curves_of_one_endpoint() -> None:
    """A printed point belongs to one curve."""
    seen: dict[str, str] = {}
    for curve in CURVES.values():
        for row in {row for point in curve.points for row in point.rows if len(point.rows) == 1}:
            assert row not in seen, f"{row} in {seen.get(row)} and {curve.id}"
            seen[row] = curve.id
    assert len(seen) > 60


@pytest.mark.parametrize("curve", CURVES.values(), ids=list(CURVES))
def test_points_of_a_shipped_curve_fall_with_time(curve: PublishedCurve) -> None:
    """Printed survival never rises, every interval holds its value, and nobody is at risk twice."""
    points = sorted(curve.points, key=lambda point: point.months)
    landmarks = [point for point in points if point.kind == "landmark"]

    assert all(a.survival >= b.survival for a, b in pairwise(landmarks))
    assert all(0.0 < point.survival < 1.0 for point in points)
    for point in landmarks:
        assert point.lo is None or point.lo <= point.survival <= point.hi
    if curve.at_risk:
        assert list(curve.at_risk.counts) == sorted(curve.at_risk.counts, reverse=True)


def test_survival_counted_from_transplant_stays_out_of_curves_from_relapse() -> None:
    """No curve that starts at randomisation, relapse or infusion holds a row of survival after transplant."""
    for curve in CURVES.values():
        if "transplant" not in curve.starts:
            rows = [EVIDENCE.rows[row] for point in curve.points for row in point.rows]
            assert not any("hsct" in row.quantity for row in rows), curve.id


def test_digitised_points_stand_beside_printed_ones() -> None:
    """Re-digitised curves run above the printed landmarks: they are never the only figures, and may err together."""
    read = [curve for curve in CURVES.values() if curve.digitised]
    assert len(read) == 2
    for curve in read:
        assert any(point.kind == "landmark" for point in curve.points)
        assert curve.digitised is not None
        assert curve.digitised.offset_sd > 0.0


def test_most_survival_rows_are_fitted_or_named() -> None:
    """Two of three rows on TOWER's, INO-VATE's, GRAALL's and ELIANA's survival are in a curve or named as left out."""
    with (shipped("params") / "evidence" / "estimates_salvage.csv").open(encoding="utf-8", newline="") as file:
        rows = [
            row for row in csv.DictReader(file) if re.fullmatch(r"(median_)?(os|pfs|dfs|dor)(_at)?", row["quantity"])
        ]
    wanted = [row["id"] for row in rows if row["population"].startswith(("TOWER ", "GRAALL")) and row["value"]]
    named = {row for curve in CURVES.values() for row in (*curve.rows, *curve.not_used)}
    named |= set(re.findall(r"\w+", " ".join(curve.file.read_text(encoding="utf-8") for curve in CURVES.values())))

    assert len(wanted) > 8
    assert sum(row in named for row in wanted) / len(wanted) > 0.66
