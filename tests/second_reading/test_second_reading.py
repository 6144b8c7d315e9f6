"""The slides' numbers, typed a second time from the slides: the two readings must agree.

The two readers named things differently, so `RULES` turn the second reader's keys into evidence ids, by the words of
the key alone and never by the number: a wrong number cannot go and find another row to agree with.
"""

from __future__ import annotations

import csv
import re
from collections.abc import Iterator
from decimal import Decimal
from typing import Any

import pytest

from rallsim.common.files import shipped
from rallsim.common.yaml_file import read_yaml
from rallsim.inputs.evidence import Evidence, load_evidence

FOLDER = shipped("params") / "evidence"

SALVAGE = {"tower_blin": "tower_blin", "tower_soc": "tower_soc", "ino": "inovate_ino", "inosoc": "inovate_soc"}
COHORTS = {"fhcrc": "hay2019", "mskcc": "park2018", "eliana": "eliana", "nci": "fry2018", "boren": "pan2019"}
CR1 = {"total": "all", "lt18": "cr1_lt18", "ge18": "cr1_ge18", "lt18_sct": "sct_in_relapse"}
CR1 |= {"ge18_std": "std_induction", "ge18_flagida": "flagida"}
AGES = {"min": "lo", "max": "hi"}
GRADES = {"g12": "g1_2", "any_ae": "any_hepatic"}
RISKS = {"alkyl": "dual_alkylator", "bili": "bilirubin", "astalt": "ast_alt", "liverhx": "liver_history"}
AES = {"infections": "infection", "cytopenias": "cytopenia", "liver_enzymes": "liver"}
EFS = {"ldh_per100": "ldh", "bridging_systemic": "bridging", "platelets_per50k": "platelets", "fludarabine": "flu"}
EFS |= {"extramedullary": "emd", "marrow_blasts_pct": "blasts", "highrisk_cyto": "cyto", "neutrophils": "anc"}
EFS |= {"dose_2e5_vs_2e6": "dose"}
DRUGS = {"chemo": "chemotherapy", "blin": "blinatumomab", "ino": "inotuzumab"}

# Key of the second reader, what the first reader has, words that differ. `{0}` is the first group of the pattern.
# An id stands for the whole row; `lo:`, `events:` … for one number of it; `p:` for the p-value in its note; `curve:`
# for the number at risk of a curve at the same time; `fact:` for a fact under a heading of eligibility_deck.yaml.
RULES: list[tuple[str, str, dict[str, str]]] = [
    (r"tox_age_threshold", "deck_toxicity_age_threshold", {}),
    (r"relapse_share", "deck_relapse_share", {}),
    (r"relapse_median_os_range", "deck_postrelapse_median_os_lo", {}),
    (r"relapse_median_os_(lo|hi)", "{0}:deck_postrelapse_median_os_lo", {}),
    (r"(lala|graall)_mos", "deck_{0}_median_os", {"lala": "lala94"}),
    (r"(lala|graall)_(os24|os60)", "deck_{0}_{1}", {"lala": "lala94"}),
    (r"cr_(graall|gmall)_(\w+)", "deck_{0}_cr_{1}", CR1),
    (r"(graall|gmall)_share_lt18", "{0}_share_early_deck", {}),
    (r"ino_reduced_dose", "deck_ino_dose_after_cr", {}),
    (r"(ino|inosoc)_os24", "deck_{0}_os24", SALVAGE),
    (r"hep_(ino|soc)_(\w+)_(any|g12|g3|g4)", "deck_inovate_{0}_{1}_{2}", GRADES),
    (r"sos_after_hsct", "deck_inovate_ino_sos_hsct", {}),
    (r"sos_deaths", "events:deck_inovate_ino_sos_hsct_deaths", {}),
    (r"orsos_p_(\w+)", "p:deck_inovate_or_sos_{0}", RISKS),
    (r"orsos_n", "total:deck_inovate_or_sos_bilirubin", {}),
    (r"orsos_(alkyl|bili|astalt|liverhx)", "deck_inovate_or_sos_{0}", RISKS),
    (r"prev_(\w+)", "deck_inovate_prev_{0}", RISKS),
    (r"tower_safety_n_(blin|soc)", "total:deck_tower_{0}_exposure_py", {}),
    (r"tower_exposure_(blin|soc)", "deck_tower_{0}_exposure_py", {}),
    (r"tower_cycles_(blin|soc)", "deck_tower_{0}_cycles", {}),
    (r"tower_early_relapse_m|opt_tower_cr1", "fact:TOWER.first_relapse_cr1_months_less_than", {}),
    (r"tower_(auto|allo)_weeks", "fact:TOWER.{0}hsct_within_weeks", {}),
    (r"tower_gvhd_weeks", "fact:TOWER.gvhd_treatment_within_weeks", {}),
    (r"ea_(\w+)_(blin|soc)", "deck_tower_{1}_ae_py_{0}", AES),
    (r"blast_(followup|os60_cmr)", "deck_blast_{0}", {}),
    (r"blin_cmr_assumed", "deck_tower_blin_mrd", {}),
    (r"cart_n_(\w+)", "total:deck_cart_{0}_orr", {}),
    (r"(?:cart_orr|tox_cr)_(\w+)", "deck_cart_{0}_orr", {}),
    (r"(crs|icans)_(any|sev)_(\w+)", "deck_cart_{2}_{0}_{1}", {}),
    (r"(eliana|upenn)_age(min|max)", "{1}:deck_age_span_{0}", AGES),
    (r"burden_cut", "deck_low_burden_threshold", {}),
    (r"hrefs_(\w+)", "deck_hay2019_hr_efs_{0}", EFS),
    (r"fhcrc_mrdneg_n", "total:deck_hay2019_hsct_given_mrdneg", {}),
    (r"fhcrc_(?:hsct_given_mrdneg|post_hsct)", "deck_hay2019_hsct_given_mrdneg", {}),
    (r"fhcrc_hsct_hr", "deck_hay2019_hr_efs_hsct", {}),
    (r"fhcrc_hsct_p", "p:deck_hay2019_hr_efs_hsct", {}),
    (r"(fhcrc|eliana|mskcc)_prior_hsct", "deck_{0}_hsct_pre", COHORTS),
    (r"(eliana|mskcc)_post_hsct", "deck_{0}_hsct_post", COHORTS),
    (r"cd22_(nci|boren)_n", "total:deck_{0}_age", COHORTS),
    (r"cd22_(boren)_(ed|fail)", "events:deck_{0}_{1}", COHORTS),
    (r"cd22_(nci|boren)_(age|crs|icans|orr)", "deck_{0}_{1}", COHORTS),
    (r"opt_(orr|mrd|dor|os)_(tower_blin|tower_soc|ino|inosoc)", "deck_{1}_{0}", {**SALVAGE, "orr": "cr"}),
    (r"opt_orr_eliana", "deck_cart_maude2018_orr", {}),
    (r"opt_(mrd|dor|os)_eliana", "deck_options_eliana_{0}", {}),
    (r"opt_crs_tower", "deck_tower_blin_crs", {}),
    (r"opt_vod_ino", "deck_inovate_ino_vod", {}),
    (r"opt_(crs|crs3)_eliana", "deck_cart_maude2018_{0}", {"crs": "crs_any", "crs3": "crs_sev"}),
    (r"opt_age_(tower|ino)", "fact:{0}.age_min_years", {"tower": "TOWER", "ino": "INO-VATE"}),
    (r"opt_age_eliana_(lo|hi)", "{0}:deck_age_span_eliana_opt", {}),
    (
        r"opt_(ino|eliana)_tki",
        "fact:{0}.ph_positive_allowed_if_failed_tki_lines",
        {"ino": "INO-VATE", "eliana": "ELIANA"},
    ),
    (r"fs_agemin_(\w+)", "fact:{0}.min_years", DRUGS),
    (r"fs_agemax_tisa", "deck_first_salvage_tisa_max_age", {}),
    (r"fs_late_relapse", "fact:chemotherapy.cr1_months_greater_than", {}),
    (r"fs_(cd19|cd22)_\w+", "deck_{0}_expr", {}),
    (r"risk_inovate_(ino|soc)_\d+", "curve:inovate_{0}_os", {}),
    (r"risk_tower_(blin|soc)_\d+", "curve:tower_{0}_os", {}),
    (r"risk_tower_(s1|s2)_(blin|soc)_\d+", "curve:tower_{1}_{0}_os", {"s2": "s2plus"}),
    (r"risk_mskcc_(\w+)_\d+", "curve:deck_park2018_os_{0}", {}),
    (r"risk_eliana_(\w+)_\d+", "curve:deck_eliana_os_{0}", {}),
]

UNMATCHED = {
    "d_graall_age_lo": "ages under a figure of front-line treatment: no row uses them",
    "d_graall_age_hi": "ages under a figure of front-line treatment: no row uses them",
    "d_mskcc_agemin": "«adults» in the first reader's populations, without a number",
    "d_fs_mrd_day": "inside a word of eligibility_deck.yaml (mrd_positive_day_28), not a number of its own",
}

# Rows of the slides that the second reader did not type: worked out from other numbers, or a zero said in words.
READ_ONCE = {
    *("graall_share_late_deck", "gmall_share_late_deck", "tower_s1_share_blina_deck", "tower_s1_share_soc_deck"),
    *("ino_hsct_n_deck", "ino_posthsct_sos_death_alltx_deck", "inovate_ino_sos_no_hsct"),
    *("deck_fry2018_crs3", "deck_fry2018_icans3", "deck_pan2019_crs3", "deck_pan2019_icans3"),
    "deck_park2018_low_burden_share",
}

Reading = dict[str, str]


@pytest.fixture(scope="module")
def evidence() -> Evidence:
    return load_evidence()


@pytest.fixture(scope="module")
def facts() -> Any:
    return read_yaml(FOLDER / "eligibility_deck.yaml").data


def second_reading() -> list[Reading]:
    with (FOLDER / "second_reading_deck.csv").open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def targets(key: str) -> list[str]:
    found = []
    for pattern, template, words in RULES:
        if match := re.fullmatch(f"d_(?:{pattern})", key):
            found.append(template.format(*(words.get(word, word) for word in match.groups())))
    return found


def found_under(facts: Any, name: str) -> Iterator[Any]:
    """Yield what stands under `name` at any depth of the slides' facts."""
    children = list(facts.items()) if isinstance(facts, dict) else [("", each) for each in facts]
    for key, child in children:
        if key == name:
            yield child
        if isinstance(child, dict | list):
            yield from found_under(child, name)


def first_reading(target: str, second: Reading, evidence: Evidence, facts: Any) -> tuple[dict[str, Any], str]:
    """Return the first reader's numbers behind a target, by the second reader's column names, and the note."""
    part, _, name = target.rpartition(":")
    if part == "fact":
        heading, key = name.split(".")
        (value,) = {each for under in found_under(facts, heading) for each in found_under(under, key)}
        return {"value": value}, ""
    if part == "curve":
        curve = evidence.risk_tables[name]
        if axis := re.search(r"axis printed ([\d.]+)", second["quantity"]):
            return {"value": curve[int(2 * float(axis[1]))].value}, ""
        numbers = {point.months: point.value for point in curve}
        months = float(second["at_months"])
        return {"value": numbers.get(months), "at_months": months}, ""
    row = evidence.row(name)
    assert row.origin == "deck", f"{name} was not read from the slides"
    if part == "p":
        (value,) = re.findall(r"p=(0?\.\d+)", row.note)
        return {"value": float(value)}, row.note
    numbers = {column: getattr(row, column) for column in ("value", "lo", "hi", "events", "total", "at_months")}
    if part:
        numbers["value"] = numbers[part]
    return numbers, row.note


def agrees(typed: str, number: Any, note: str, computed: bool) -> bool:
    """Say whether a typed number is the first reader's: exactly, or rounded where both worked it out from counts."""
    if typed == "NR":
        return number is None and "not reached" in note
    if typed.startswith("<"):
        return float(number) < float(typed[1:]) if number is not None else f"printed as {typed}" in note
    if number is None:
        return False
    decimals = -int(Decimal(typed).as_tuple().exponent)
    return float(typed) == float(number) or (computed and float(typed) == round(number, decimals))


def disagreements(second: Reading, target: str, evidence: Evidence, facts: Any) -> tuple[int, list[str]]:
    """Return how many numbers were compared, and those that differ."""
    first, note = first_reading(target, second, evidence, facts)
    typed = {
        column: second[column] for column in ("value", "lo", "hi", "events", "total", "at_months") if second[column]
    }
    if "axis printed" in second["quantity"]:
        # The slide prints 0, 0.5, … 2.0 without a unit: compared by place on the axis. The second file's months were
        # worked out as the first reader's were, so they are no second reading; the sums below hold them instead.
        del typed["at_months"]
    computed = {"events", "total"} <= typed.keys()
    differ = [
        f"{second['key']}: {column} {text}, first reading {target}: {first.get(column)}"
        for column, text in typed.items()
        if not agrees(text, first.get(column), note, computed and column == "value")
    ]
    return len(typed), differ


def test_two_readings_agree(evidence: Evidence, facts: Any) -> None:
    """No number that both readers typed differs; 356 of the second reader's 360 rows find their own."""
    matched = compared = 0
    differ: list[str] = []
    for second in second_reading():
        if second["key"] not in UNMATCHED:
            (target,) = targets(second["key"])
            count, different = disagreements(second, target, evidence, facts)
            matched, compared, differ = matched + 1, compared + count, differ + different
    assert differ == []
    assert matched >= 356
    assert compared >= 693


def one_more(typed: str) -> str:
    number = Decimal(typed)
    return str(number + Decimal(1).scaleb(int(number.as_tuple().exponent)))


def test_a_wrong_number_is_seen(evidence: Evidence, facts: Any) -> None:
    """Each compared number of the second reading, moved by one in its last digit, is reported as different."""
    changed = 0
    for second in second_reading():
        for column in ("value", "lo", "hi", "events", "total", "at_months"):
            typed = second[column]
            is_place = column == "at_months" and "axis printed" in second["quantity"]
            if second["key"] in UNMATCHED or not typed or is_place:
                continue
            wrong = "0.5" if typed == "NR" or typed.startswith("<") else one_more(typed)
            (target,) = targets(second["key"])
            changed += 1
            assert disagreements(second | {column: wrong}, target, evidence, facts)[1], (second["key"], column, wrong)
    assert changed >= 693


def test_tower_lines_add_up_to_the_arms(evidence: Evidence) -> None:
    """At every month the TOWER patients at risk in first and in later salvage add up to their whole arm.

    The slide's axis has no unit; these sums are what says that its five columns are 0, 3, 6, 9 and 12 months.
    """
    for arm in ("blin", "soc"):
        whole = {point.months: point.value for point in evidence.risk_tables[f"tower_{arm}_os"]}
        first, later = (
            {point.months: point.value for point in evidence.risk_tables[f"tower_{arm}_{line}_os"]}
            for line in ("s1", "s2plus")
        )
        assert list(first) == list(later) == [0, 3, 6, 9, 12]
        assert {month: first[month] + later[month] for month in first} == {month: whole[month] for month in first}


def test_what_is_left_unmatched() -> None:
    """Every key has exactly one rule except those listed with a reason, and every rule has a key."""
    keys = [second["key"] for second in second_reading()]
    assert len(keys) == len(set(keys)) == 360
    assert {key for key in keys if len(targets(key)) != 1} == set(UNMATCHED)
    assert [pattern for pattern, *_ in RULES if not any(re.fullmatch(f"d_(?:{pattern})", key) for key in keys)] == []


def test_what_was_read_once(evidence: Evidence) -> None:
    """Every row read from the slides has a second reading, except those listed."""
    twice = {target.rpartition(":")[2] for second in second_reading() for target in targets(second["key"])}
    slides = {row.id for row in evidence.rows.values() if row.origin == "deck"}
    assert slides - twice == READ_ONCE
    assert set(evidence.risk_tables) <= twice
