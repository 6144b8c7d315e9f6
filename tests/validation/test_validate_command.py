"""`rallsim validate`: what it prints, writes and refuses, on the package's trials and on rows of one's own."""

from __future__ import annotations

import json
import math
from pathlib import Path

import pandas as pd
import pytest

from helpers_cli import Rallsim
from rallsim.common.figures import new_axes
from rallsim.validation.figures import plot_curve
from rallsim.validation.user_rows import who_counts

HEADER = (
    "id,topic,therapy,population,quantity,value,lo,hi,ci_level,events,total,unit,at_months,source_id,where,origin,note"
)
ROWS = [
    'reg_cr,response,inotuzumab,"Registry, S1",cr_rate,0.72,,,,36,50,proportion,,mine,,literature,',
    'reg_os12,survival,inotuzumab,"Registry, S1",os_at,0.45,,,,,50,proportion,12,mine,,literature,',
    "reg_hr,survival,inotuzumab,Registry,hr_os,0.7,,,,,50,ratio,,mine,,literature,",
    "reg_x,survival,ponatinib,Registry,os_at,0.5,,,,,50,proportion,12,mine,,literature,",
    "reg_w,survival,inotuzumab,Registry,wobble,0.5,,,,,50,proportion,,mine,,literature,",
]
JSON_KEYS = {
    *("id", "origin", "observed", "lo", "hi", "simulated", "sim_lo", "sim_hi", "inside", "used_in_fit"),
}


def test_a_trial_is_compared_and_saved(rallsim: Rallsim, tmp_path: Path) -> None:
    """One trial: scores are printed, tables, a figure and a report saved; the same again gives the same tables."""
    code, out, _ = rallsim("validate", "--trial", "graall", "--draws", "20")
    folder = tmp_path / "results" / "validate"
    assert code == 0
    assert "kept out of every fit" in out
    names = {path.name for path in folder.iterdir()}
    assert {
        "validation.csv",
        "scores.csv",
        "bands.csv",
        "skipped.csv",
        "graall.png",
        "report.md",
        "manifest.json",
    } <= names
    first = (folder / "validation.csv").read_bytes()
    rallsim("validate", "--trial", "graall", "--draws", "20", "--workers", "1")
    assert (folder / "validation.csv").read_bytes() == first


def test_json_has_the_promised_keys(rallsim: Rallsim) -> None:
    """--json prints one document with a list `rows`, each with all promised keys."""
    code, out, _ = rallsim("validate", "--trial", "blast", "--draws", "20", "--json")
    document = json.loads(out)
    assert code == 0
    assert len(document["rows"]) > 10
    assert all(set(row) >= JSON_KEYS for row in document["rows"])
    assert {row["id"] for row in document["rows"]} >= {"blast_cmr", "deck_blast_os60_cmr"}


def test_rows_of_ones_own(rallsim: Rallsim, tmp_path: Path) -> None:
    """Rows that can be counted are compared, the others listed with the reason; who counts is read from the words."""
    Path("mine.csv").write_text("\n".join([HEADER, *ROWS]) + "\n", encoding="utf-8")
    code, _, _ = rallsim(
        "validate", "--evidence", "mine.csv", "--population", str(population(tmp_path)), "--draws", "20"
    )
    assert code == 0
    rows = pd.read_csv(tmp_path / "results" / "validate_mine" / "validation.csv")
    skipped = pd.read_csv(tmp_path / "results" / "validate_mine" / "skipped.csv").set_index("id")["reason"]
    assert rows["id"].tolist() == ["reg_cr", "reg_os12"]
    assert not rows["used_in_fit"].any()
    assert list(skipped.index) == ["reg_hr", "reg_x", "reg_w"]
    assert "ponatinib" not in skipped["reg_x"]
    assert "therapy" in skipped["reg_x"]


@pytest.mark.parametrize(("since", "crosses"), [("entry", 1), ("failure", 0)])
def test_a_median_lies_on_a_curve_of_the_same_clock(since: str, crosses: int) -> None:
    """A median counted from the failure of a drug is not drawn on survival counted from entry."""
    row = {"since": since, "on_curve": True, "use": "kept", "quantity": "median_os", "at_months": math.nan}
    row |= {"observed": 5.2, "lo": 3.0, "hi": 8.0}
    band = pd.DataFrame({"t": [0.0, 12.0], "survival": [1.0, 0.4], "sim_lo": [1.0, 0.3], "sim_hi": [1.0, 0.5]})
    ax = plot_curve(pd.DataFrame([row]), band.assign(since="entry", arm="blinatumomab"), new_axes())
    middles = [line for line in ax.lines if list(line.get_xdata()) == [5.2]]
    assert len(middles) == crosses


def population(folder: Path) -> Path:
    """Three real patients, of whom little is known."""
    path = folder / "patients.csv"
    path.write_text("id,age,cr1_months\na,30,12\nb,61,\nc,45,30\n", encoding="utf-8")
    return path


def test_wrong_input_is_told(rallsim: Rallsim) -> None:
    """An unknown trial, a population without rows, and a file with faults end with code 2 and say what is wrong."""
    code, _, err = rallsim("validate", "--trial", "towr")
    assert (code, "tower" in err) == (2, True)
    code, _, err = rallsim("validate", "--population", "x.yaml")
    assert (code, "--evidence" in err) == (2, True)
    Path("wrong.csv").write_text(f"{HEADER}\nA,respons,x,y,cr_rate,1.4,,,,,,proportion,,m,,lit,\n", encoding="utf-8")
    code, _, err = rallsim("validate", "--evidence", "wrong.csv")
    assert code == 2
    assert all(word in err for word in ("topic", "value", "origin", "wrong.csv:2"))


def test_words_of_a_population_are_understood() -> None:
    """Lines, infusion, remission, MRD, burden, age and transplants are read; all else is a name."""
    assert who_counts("Utopia registry 2024") == ()
    assert who_counts("Registry S2+, infused, MRD-neg") == ("later_salvage", "infused", "mrd_negative")
    assert who_counts("Registry, no HSCT") == ("not_transplanted",)
    assert who_counts("CR1<18m") == ("short_remission",)
