"""Reading `params/`: what the shipped files hold, and what is said of a file that breaks a rule.

The cases copy the shipped folder and change one thing in one file: a folder written for the test would be as long.
"""

from __future__ import annotations

import csv
import re
import shutil
from pathlib import Path

import pytest

from rallsim.common.files import shipped
from rallsim.common.yaml_file import read_yaml
from rallsim.errors import InputError, Problem
from rallsim.fit.yaml_text import yaml_text
from rallsim.inputs.parameter_values import KEYS
from rallsim.inputs.parameters import jeffreys_interval, load_parameters
from rallsim.model.parameter_fields import GENERAL_FIELDS, KIND_FIELDS, POPULATION_FIELDS, UNITS

INOTUZUMAB = "therapies/inotuzumab.yaml"
POPULATION = "population/adult_relapse.yaml"
SOS = "value: 0.0305, unit: probability, basis: counts, evidence: [ino_smpc_sos_no_hsct]"
CYCLE = 'value: 0.69, unit: months, basis: assumed, lo: 0.69, hi: 0.92, reason: "a first cycle of 21 days"'
FATALITY = "value: 0.278, unit: probability, basis: counts, evidence: [ino_smpc_sos_hsct_fatality]"
RATIO = "evidence: [gap_bar_hr_rel]"


_FITTED = (shipped("params") / "fitted" / "hsct.yaml").read_text(encoding="utf-8")
SCALE = re.findall(r"  transplant_death_scale:\n    value: .*\n    fit: transplant\n    evidence:\n", _FITTED)[0]
MORTALITY = """about: >
  Death of other causes: the life table of the population's country at the patient's age and sex, times a ratio.
parameters:
  ratio_active:
    {value: 1.0, unit: mortality_ratio, basis: assumed, lo: 1.0, hi: 3.0,
     reason: "deaths with leukaemia or treatment are modelled apart; this is what remains", held: "a rule of counting"}
  ratio_long_term:
    {value: 2.0, unit: mortality_ratio, basis: assumed, lo: 1.0, hi: 4.0,
     reason: "excess mortality of survivors without transplant not published; below that after transplant"}
  ratio_after_hsct:
    value: 7.029
    unit: mortality_ratio
    basis: reported
    evidence: [bmtss07_rel, bmtss07_relapse_share]
    from: bmtss07_rel * (1 - bmtss07_relapse_share)
    note: >-
      two-year survivors, 9.9 times the expected deaths, less the 29 % of relapse, modelled apart
"""


def copied(folder: Path) -> Path:
    """Copy the shipped folder with one therapy of its four, which is enough and loads faster."""
    params = Path(shutil.copytree(shipped("params"), folder / "params"))
    for path in (*params.glob("therapies/*.yaml"), *params.glob("fitted/*.yaml")):
        if path.stem not in ("inotuzumab", "hsct", "response"):
            path.unlink()
    responses = read_yaml(params / "response.yaml").data
    responses["arms"] = {name: arm for name, arm in responses["arms"].items() if arm["therapy"] == "inotuzumab"}
    (params / "response.yaml").write_text(yaml_text(responses | {"odds_ratios": {}}), encoding="utf-8")
    for path in params.glob("population/*.yaml"):
        if path.stem != "adult_relapse":
            path.unlink()
    shutil.rmtree(params / "variants", ignore_errors=True)
    (params / "mortality.yaml").write_text(MORTALITY, encoding="utf-8")  # of a form that cases below break
    text = (params / POPULATION).read_text(encoding="utf-8")
    (params / POPULATION).write_text(
        text.replace("front_line: chemotherapy", "front_line: inotuzumab"), encoding="utf-8"
    )
    return params


def broken(params: Path, name: str, old: str, new: str) -> int:
    """Replace `old`, which must stand in the file once, and return the line it stands on."""
    path = params / name
    text = path.read_text(encoding="utf-8")
    assert text.count(old) == 1, f"{old!r} stands {text.count(old)} times in {name}"
    path.write_text(text.replace(old, new), encoding="utf-8")
    return text[: text.index(old)].count("\n") + 1


def faults_of(params: Path) -> list[Problem]:
    with pytest.raises(InputError) as caught:
        load_parameters(params)
    return list(caught.value.problems)


# file, what is replaced, by what, lines below the replaced text where the fault is, its key, words of the message
BREAKS: dict[str, tuple[str, str, str, int, str, list[str]]] = {
    "missing basis": (
        *(INOTUZUMAB, "unit: months, basis: assumed, lo: 0.69", "unit: months, lo: 0.69", 0),
        *("parameters.cycle_months.basis", ["where the value comes from", *KEYS]),
    ),
    "unknown basis": (
        *(INOTUZUMAB, "months, basis: assumed, lo: 0.69", "months, basis: guessed, lo: 0.69", 0),
        *("parameters.cycle_months.basis", ["got guessed", *KEYS]),
    ),
    "assumed without a reason": (
        *(INOTUZUMAB, ', reason: "a first cycle of 21 days"', "", 0),
        *("parameters.cycle_months.reason", ["is missing", "range"]),
    ),
    "assumed without a range": (
        *(INOTUZUMAB, CYCLE, CYCLE.replace(", hi: 0.92", ""), 0),
        *("parameters.cycle_months.hi", ["must be a number"]),
    ),
    "assumed outside its range": (
        *(INOTUZUMAB, CYCLE, CYCLE.replace("value: 0.69", "value: 0.68"), 0),
        *("parameters.cycle_months.value", ["within its own range", "got 0.68", "0.69 to 0.92"]),
    ),
    "assumed at an end of its range": (
        *("disease.yaml", 'lo: 0.2, hi: 1.0, reason: "from a', 'lo: 0.5, hi: 1.0, reason: "from a', 0),
        *("parameters.months_to_treatment.value", ["must lie inside its own range", "'held'", "between 0.5 and 1"]),
    ),
    "pooled without limits": (
        *("hsct.yaml", f"reported, {RATIO}", f"pooled, {RATIO}, estimates: [{{ratio: gap_bar_hr_rel}}]", 0),
        *("parameters.relapse_hazard_ratio_mrd_positive.estimates", ["must be a list of mappings", "hi, lo, ratio"]),
    ),
    "range beyond what is possible": (
        *("disease.yaml", 'hi: 1.0, reason: "from a failure', 'hi: 1500, reason: "from a failure', 0),
        *("parameters.months_to_treatment.hi", ["must lie within", "got 1500", "0 to 1200 (months)"]),
    ),
    "counts without events": (
        *("hsct.yaml", FATALITY, FATALITY.replace("ino_smpc_sos_hsct_fatality", "gap_bar_hr_rel"), 0),
        *("parameters.sos_fatality.evidence", ["rows with events and a total", "gap_bar_hr_rel"]),
    ),
    "unknown evidence row": (
        *("hsct.yaml", RATIO, "evidence: [gap_bar_hr_rl]", 0),
        *("parameters.relapse_hazard_ratio_mrd_positive.evidence", ["must be an evidence row", "'gap_bar_hr_rel'?"]),
    ),
    "evidence that is no list": (
        *("hsct.yaml", RATIO, "evidence: gap_bar_hr_rel", 0),
        *("parameters.relapse_hazard_ratio_mrd_positive.evidence", ["must be a list", "got gap_bar_hr_rel"]),
    ),
    "reported without evidence": (
        *("hsct.yaml", f", {RATIO}", "", -1),
        *("parameters.relapse_hazard_ratio_mrd_positive.evidence", ["is missing", "reported"]),
    ),
    "value that disagrees with its counts": (
        *(INOTUZUMAB, SOS, SOS.replace("0.0305", "0.0355"), 0),
        *("parameters.sos_on_treatment.value", ["must agree with its evidence", "got 0.0355", "allowed: 0.030"]),
    ),
    "value that disagrees with its formula": (
        *("mortality.yaml", "value: 7.029", "value: 7.29", 0),
        *("parameters.ratio_after_hsct.value", ["must agree", "got 7.29", "7.029"]),
    ),
    "value that is no number": (
        *("mortality.yaml", "value: 7.029", "value: seven", 0),
        *("parameters.ratio_after_hsct.value", ["must be a number", "got seven"]),
    ),
    "wrong unit": (
        *(INOTUZUMAB, CYCLE, CYCLE.replace("unit: months", "unit: days"), 0),
        *("parameters.cycle_months.unit", ["the parameter's unit", "got days", "allowed: months"]),
    ),
    "value above its range": (
        *(INOTUZUMAB, "value: 0.05, unit: probability, basis: assumed, lo: 0.0, hi: 0.2",
          "value: 1.2, unit: probability, basis: assumed, lo: 0.0, hi: 1.0", 0),
        *("parameters.antigen_loss.value", ["within its own range", "got 1.2"]),
    ),
    "missing parameter": (
        *("mortality.yaml", "  ratio_active:\n", "  ratio_idle:\n", -1),
        *("parameters", ["must have 'ratio_active'", "background mortality", "mortality_ratio"]),
    ),
    "unknown key of a parameter": (
        *("mortality.yaml", "from: bmtss07_rel *", "form: bmtss07_rel *", 0),
        *("parameters.ratio_after_hsct.form", ["must be a known key", "'from'?"]),
    ),
    "key of another basis": (
        *("hsct.yaml", FATALITY, f"{FATALITY}, lo: 0.1", 0),
        *("parameters.sos_fatality.lo", ["must be a known key", "value, evidence"]),
    ),
    "fitted value written by hand": (
        *("hsct.yaml", "fit: transplant, note: plateau of r", "value: 0.6, fit: transplant, note: r", 0),
        *("parameters.relapse_cure.value", ["must be a known key"]),
    ),
    "parameter that is no mapping": (
        *("hsct.yaml", "transplant_death_never: {", "transplant_death_never: 0.5\n  never: {", 0),
        *("parameters.transplant_death_never", ["must be a mapping", "got 0.5"]),
    ),
    "missing note": (
        *(POPULATION, ", note: slides}\n  cd22", "}\n  cd22", 0),
        *("parameters.cd19_positive.note", ["is missing"]),
    ),
    "fit that is not there": (
        *(INOTUZUMAB, "fit: relapse, note: plateau", "fit: relaps, note: plateau", 0),
        *("parameters.relapse_cure.fit", ["must name a fit of this file", "got relaps"]),
    ),
    "several rows without a formula": (
        *("mortality.yaml", "    from: bmtss07_rel * (1 - bmtss07_relapse_share)\n", "", -5),
        *("parameters.ratio_after_hsct.from", ["is missing", "several rows", "bmtss07_rel, bmtss07_relapse_share"]),
    ),
    "formula of other rows": (
        *("mortality.yaml", "bmtss07_rel * (1", "gap_bar_hr_rel * (1", 0),
        *("parameters.ratio_after_hsct.from", ["must use the rows that 'evidence' names", "bmtss07_rel, bmtss07"]),
    ),
    "formula that is none": (
        *("mortality.yaml", "bmtss07_rel * (1 - bmtss07_relapse_share)", "bmtss07_rel * (1 - ", 0),
        *("parameters.ratio_after_hsct.from", ["must be a formula", "got bmtss07_rel * (1 -"]),
    ),
    "formula that cannot be evaluated": (
        *("mortality.yaml", "* (1 - bmtss07_relapse_share)", "/ (0 * bmtss07_relapse_share)", 0),
        *("parameters.ratio_after_hsct.from", ["division by zero"]),
    ),
    "formula of a number that is not reported": (
        *("mortality.yaml", "bmtss07_rel * (1 -", "events(bmtss07_rel) * (1 -", 0),
        *("parameters.ratio_after_hsct.from", ["must report events", "got bmtss07_rel"]),
    ),
    "unknown key of a file": (
        *(INOTUZUMAB, "left_out: >", "left_oot: >", 0),
        *("left_oot", ["must be a known key", "'left_out'?"]),
    ),
    "id that is not the file's name": (
        *(INOTUZUMAB, "id: inotuzumab\n", "id: ino\n", 0),
        *("id", ["must be the file's name", "got ino", "allowed: inotuzumab"]),
    ),
    "unknown kind": (
        *(INOTUZUMAB, "kind: drug\n", "kind: antibody\n", 0),
        *("kind", ["must be one of", "got antibody", "drug, car_t"]),
    ),
    "list for a word": (INOTUZUMAB, "kind: drug\n", "kind: [drug]\n", 0, "kind", ["must be one of"]),
    "unknown target": (INOTUZUMAB, "target: cd22", "target: cd20", 0, "target", ["got cd20", "cd19, cd22"]),
    "no courses": (INOTUZUMAB, "max_courses: 1", "max_courses: 0", 0, "max_courses", ["must be a whole number"]),
    "true for a number": (INOTUZUMAB, "max_courses: 1", "max_courses: true", 0, "max_courses", ["whole number from 1"]),
    "label that is no text": (INOTUZUMAB, "label: Inotuzumab", "label: 7", 0, "label", ["must be text", "got 7"]),
    "unknown attribute": (
        *(INOTUZUMAB, "liver_disease: false}", "liver_diseases: false}", 0),
        *("eligibility.liver_diseases", ["must be a known attribute", "'liver_disease'?"]),
    ),
    "eligibility that is no mapping": (
        *(INOTUZUMAB, "eligibility: {cd22_positive: true, liver_disease: false}", "eligibility: [cd22_positive]", 0),
        *("eligibility", ["must be a mapping"]),
    ),
    "key that stands twice": (INOTUZUMAB, "kind: drug\n", "kind: drug\nkind: drug\n", 1, "kind", ["must stand once"]),
    "country without a life table": (
        *(POPULATION, "country: FRA", "country: FRN", 0),
        *("country", ["must have a life table", "got FRN", "FRA female"]),
    ),
    "fitted file without a parameter": (
        *("fitted/inotuzumab.yaml", "parameters:\n  relapse_cure:\n", "parameters:\n  relapse_cur:\n", 0),
        *("parameters.relapse_cure", ["must be in inotuzumab.yaml", "rallsim fit"]),
    ),
    "fitted responses without a parameter": (
        *("fitted/response.yaml", "  therapies.inotuzumab.cr_rate:\n", "  therapies.inotuzumab.cr_rat:\n", 0),
        *("parameters.cr_rate", ["must be in response.yaml", "rallsim fit"]),
    ),
    "fitted value that is missing": (
        *("fitted/inotuzumab.yaml", "    value: 0.107841\n", "", -1),
        *("parameters.relapse_cure.value", ["must be a number", "got nothing"]),
    ),
    "fitted value without evidence": (
        *("fitted/hsct.yaml", SCALE, SCALE.replace("evidence:", "evidences:"), 0),
        *("parameters.transplant_death_scale.evidence", ["is missing", "rallsim fit"]),
    ),
}  # fmt: skip
# Faults that show in another file, or with others, than the one that is changed.
ELSEWHERE = {
    "fitted file without a parameter": INOTUZUMAB,
    "fitted responses without a parameter": INOTUZUMAB,
}
MORE_THAN_ONE = {
    "range beyond what is possible": 1,
    "missing parameter": 2,  # the parameter in its place is unknown
    "parameter that is no mapping": 2,  # the parameter pushed aside is unknown
    "unknown key of a parameter": 2,  # the formula that it hides is missing
    "country without a life table": 2,  # of either sex
}


@pytest.mark.parametrize("kind", BREAKS)
def test_a_fault_is_told_with_file_line_and_key(tmp_path: Path, kind: str) -> None:
    """One thing wrong in one file makes one problem that names file, line, key, what was found and what is allowed."""
    name, old, new, below, key, words = BREAKS[kind]
    params = copied(tmp_path)
    line = broken(params, name, old, new) + below

    problems = faults_of(params)

    assert len(problems) == MORE_THAN_ONE.get(kind, 1), problems
    first = next(problem for problem in problems if problem.key == key)
    assert first.file == str(params / ELSEWHERE.get(kind, name))
    if kind not in ELSEWHERE:
        assert first.line == line
    assert [word for word in words if word not in str(first)] == []


def test_a_probability_above_one_is_impossible_even_within_its_range(tmp_path: Path) -> None:
    """A unit bounds its values: no probability above 1, whatever range the file gives it."""
    params = copied(tmp_path)
    old = "value: 0.05, unit: probability, basis: assumed, lo: 0.0, hi: 0.2"
    line = broken(params, INOTUZUMAB, old, "value: 1.2, unit: probability, basis: assumed, lo: 0.0, hi: 2.0")

    problems = {problem.key: problem for problem in faults_of(params)}

    assert set(problems) == {"parameters.antigen_loss.value", "parameters.antigen_loss.hi"}
    assert str(problems["parameters.antigen_loss.value"]).endswith("must lie within 0 to 1 (probability), got 1.2")
    assert problems["parameters.antigen_loss.value"].line == line


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("hsct.yaml", "must be a file that exists"),
        ("fitted/hsct.yaml", "must have fitted/hsct.yaml: run 'rallsim fit'"),
        ("fitted/response.yaml", "must have fitted/response.yaml: run 'rallsim fit'"),
        ("evidence/assumed.csv", "must be a file that exists"),
    ],
)
def test_a_missing_file_is_one_fault(tmp_path: Path, name: str, said: str) -> None:
    """A file that is missing is told once, not as everything it would have held."""
    params = copied(tmp_path)
    (params / name).unlink()

    problems = faults_of(params)

    assert len(problems) == 1
    assert said in str(problems[0])
    assert Path(name).name in str(problems[0])


@pytest.mark.parametrize("text", ["", "- a list\n", "7\n"])
def test_a_file_that_holds_no_mapping_is_refused(tmp_path: Path, text: str) -> None:
    """A file of parameters is a mapping, and one that is not is named."""
    params = copied(tmp_path)
    (params / "mortality.yaml").write_text(text, encoding="utf-8")

    problems = faults_of(params)

    assert [(one.file, one.message) for one in problems] == [
        (str(params / "mortality.yaml"), "must be a mapping of keys to values")
    ]


def test_faults_of_several_files_come_together(tmp_path: Path) -> None:
    """Three files with a fault each, one of them in a formula, and none hides another."""
    params = copied(tmp_path)
    places = {
        str(params / "mortality.yaml"): broken(params, "mortality.yaml", "bmtss07_rel * (1 -", "bmtss07_rel * (((1 -"),
        str(params / INOTUZUMAB): broken(params, INOTUZUMAB, SOS, SOS.replace("0.0305", "0.5")),
        str(params / POPULATION): broken(params, POPULATION, "country: FRA", "kountry: FRA"),
    }

    problems = faults_of(params)

    assert {one.file: one.line for one in problems if one.key != "country"} == places


def test_without_fits_no_fitted_file_is_read(tmp_path: Path) -> None:
    """The fit itself can start from a folder where nothing has been fitted."""
    params = copied(tmp_path)
    shutil.rmtree(params / "fitted")

    parameters = load_parameters(params, fitted=False)

    assert not any(one.basis == "fitted" for one in parameters.parameters.values())
    assert "hsct.sos_fatality" in parameters.parameters


def test_every_parameter_of_the_model_is_given_and_no_other() -> None:
    """The shipped files hold exactly what the model reads: for every therapy by its kind, for every population."""
    parameters = load_parameters()
    expected = set(GENERAL_FIELDS)
    expected |= {
        f"therapies.{one.id}.{name}" for one in parameters.therapies.values() for name in KIND_FIELDS[one.kind]
    }
    expected |= {f"population.{name}.{field}" for name in parameters.countries for field in POPULATION_FIELDS}

    assert set(parameters.parameters) == expected
    assert len(parameters.therapies) >= 4
    of_others = tuple(f"population.{name}." for name in parameters.countries if name != "adult_relapse")
    assert set(parameters.values("adult_relapse")) == {
        path.replace("population.adult_relapse.", "population.") for path in expected if not path.startswith(of_others)
    }


def test_every_parameter_says_where_it_comes_from() -> None:
    """Each has a note or reason, lies within its unit's bounds and its range, and rests on rows that exist."""
    parameters = load_parameters()

    for path, one in parameters.parameters.items():
        low, high = UNITS[one.unit]
        assert low <= one.value <= high, path
        assert one.note.strip(), path
        assert one.basis in KEYS, path
        assert one.line, path
        assert one.evidence or one.basis == "assumed", path
        assert all(identity in parameters.evidence.rows for identity in one.evidence), path
        if one.basis == "assumed":
            assert one.lo is not None, path
            assert one.hi is not None, path
            assert one.lo <= one.value <= one.hi, path


def test_counts_are_added_up_from_their_rows() -> None:
    """A parameter of counts is the sum of events over the sum of totals, read again from the tables themselves."""
    with (shipped("params") / "evidence" / "estimates_salvage.csv").open(encoding="utf-8", newline="") as file:
        rows = {row["id"]: row for row in csv.DictReader(file)}
    female = load_parameters().parameters["population.adult_relapse.male"]
    events = sum(float(rows[identity]["events"]) for identity in female.evidence)
    total = sum(float(rows[identity]["total"]) for identity in female.evidence)

    assert len(female.evidence) == 2
    assert female.value == pytest.approx(events / total, abs=1e-12)
    assert (female.lo, female.hi) == jeffreys_interval(events, total)


def test_uses_trace_a_row_to_its_parameters() -> None:
    """A row knows the parameters that rest on it, by counts, by formula and by fit."""
    parameters = load_parameters()

    assert "mortality.ratio_after_hsct" in parameters.uses("bmtss07_relapse_share")
    assert "therapies.inotuzumab.cr_rate" in parameters.uses("inovate_final_ino_cr")
    assert parameters.uses("no_such_row") == []


@pytest.mark.parametrize(
    ("path", "value", "said"),
    [
        ("hsct.sos_fatality", 0.0, None),
        ("hsct.sos_fatality", 1.0, None),
        ("hsct.sos_fatality", 1.0001, "must lie within 0 to 1 (probability), got 1.0001"),
        ("therapies.car_t_cd19.vein_to_vein_months", -1.0, "0 to 1200 (months)"),
        ("population.male", 2.0, "0 to 1 (share)"),
        ("hsct.sos_fatalty", 0.1, "must be a known parameter; did you mean 'hsct.sos_fatality'?"),
        ("population.adult_relapse.male", 0.5, "did you mean 'population.male'?"),
    ],
)
def test_a_changed_value_must_be_possible(path: str, value: float, said: str | None) -> None:
    """A scenario may set any parameter to any value its unit allows, both ends included."""
    parameters = load_parameters()

    problem = parameters.fault(path, value)

    if said is None:
        assert problem is None
    else:
        assert said in str(problem)


@pytest.mark.parametrize(("events", "total"), [(3, 20), (17, 20), (7, 30)])
def test_jeffreys_limits_solve_their_own_equation(events: int, total: int) -> None:
    """Beyond each limit lies 2.5 % of the beta distribution, found here by adding up its density."""
    a, b = events + 0.5, total - events + 0.5
    steps = 20_000
    points = [(index + 0.5) / steps for index in range(steps)]
    weights = [p ** (a - 1) * (1 - p) ** (b - 1) for p in points]
    lo, hi = jeffreys_interval(events, total)

    below = sum(weights[: round(lo * steps)]) / sum(weights)
    above = sum(weights[round(hi * steps) :]) / sum(weights)

    assert below == pytest.approx(0.025, abs=3e-4)
    assert above == pytest.approx(0.025, abs=3e-4)
