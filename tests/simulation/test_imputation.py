"""A file of real patients: read, checked, and its gaps drawn as the population has them given what is known."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

import helpers_model as m
from rallsim.errors import InputError
from rallsim.evaluation.evaluate import evaluate
from rallsim.explain.story import explain
from rallsim.inputs.cohort_file import COLUMNS, Cohort, read_cohort
from rallsim.inputs.scenario import Scenario, load_scenario
from rallsim.model.population import population_records
from rallsim.model.random_numbers import BLOCK, uniforms_of_block
from rallsim.model.states import Event, Stage
from rallsim.output.imputation_table import imputation, patients_at_entry
from rallsim.simulation.engine_inputs import check_scenario, parameters_for
from rallsim.simulation.engines import ENGINES
from rallsim.simulation.imputation import entrants, is_drawn, sources
from rallsim.simulation.simulate import first_difference, simulate

THERAPIES = list(m.parameters().therapies)
FORMS = [(therapy.id, therapy.based_on) for therapy in m.parameters().therapies.values()]
BLOCKS = 20
PATIENTS = """\
id,age,male,line,cr1_months,prior_hsct,blasts,cd19_positive,cd22_positive,liver_disease,hsct_fit,donor,given.inotuzumab
P-01,34,yes,1,9.5,no,0.72,yes,yes,no,yes,,
P-02,61,no,1,26,no,0.40,yes,,yes,no,,
P-03,22,yes,2,5,yes,0.90,yes,yes,no,,yes,1
P-04,47,no,1,,,0.15,yes,yes,,,,
P-05,,yes,3,11,no,,no,yes,no,yes,no,1
"""
QUESTION = """\
title: My patients
question: Which drug first?
population: patients.csv
patients: {patients}
horizon_months: 60
seed: 3
strategies:
  blinatumomab:
    salvage: [{{give: blinatumomab}}, {{give: chemotherapy}}]
  inotuzumab:
    salvage: [{{give: inotuzumab}}, {{give: chemotherapy}}]
    consolidation: [{{hsct: true}}]
"""


def cohort(folder: Path, text: str) -> Cohort:
    path = folder / "patients.csv"
    path.write_text(text, encoding="utf-8")
    return read_cohort(path, THERAPIES)


def question(folder: Path, text: str = PATIENTS, patients: int = 2500, more: str = "") -> Scenario:
    (folder / "patients.csv").write_text(text, encoding="utf-8")
    path = folder / "question.yaml"
    path.write_text(QUESTION.format(patients=patients) + more, encoding="utf-8")
    return load_scenario(path)


def entering(given: Cohort, **population: float) -> np.ndarray:
    """Return twenty thousand patients of a file, from the shipped population with some values changed."""
    values = m.parameters().values("adult_relapse") | {f"population.{name}": one for name, one in population.items()}
    records = population_records(values, 1)
    return np.concatenate(
        [entrants(given, uniforms_of_block(5, 0, block), records, FORMS, block) for block in range(BLOCKS)]
    )


# --- what is drawn -----------------------------------------------------------------------------------------------


def test_what_is_known_stays(tmp_path: Path) -> None:
    """Rows are taken in turn, and every value of the file is that of the patient at entry."""
    given = cohort(tmp_path, PATIENTS)
    who = entering(given)
    assert (who["number"] == np.arange(BLOCKS * BLOCK)).all()
    rows = given.row_of(who["number"])
    for name, column in given.columns.items():
        if name not in ("line", "blasts"):
            known = ~np.isnan(column[rows])
            assert known.any()
            assert (who[name][known] == column[rows][known]).all(), name
    assert (who["lines_given"] == given.columns["line"][rows] - 1).all()
    known = ~np.isnan(given.columns["blasts"][rows])
    assert (who["entry_blasts"][known] == given.columns["blasts"][rows][known]).all()
    assert (who["entry_age"] == who["age"]).all()
    inotuzumab = who[f"given_{THERAPIES.index('inotuzumab')}"]
    assert inotuzumab[:5].tolist() == [0.0, 0.0, 1.0, 0.0, 1.0]


def test_months_since_a_transplant_are_those_of_the_file(tmp_path: Path) -> None:
    """Who was transplanted 4 months ago has been so at relapse too; one of unknown date early in the first remission.

    Blinatumomab's trial asked for 2.76 months since a transplant, which decides who may have it under that label.
    """
    table = "line,cr1_months,prior_hsct,months_since_hsct\n2,9,yes,4\n2,9,,1\n2,9,yes,\n2,9,no,\n"
    given = cohort(tmp_path, table)
    who = entering(given)
    early = 9.0 - m.parameters().parameters["disease.months_to_hsct_in_first_remission"].value
    assert who["months_since_hsct"][:4].tolist() == [4.0, 1.0, early, 1200.0]
    assert who["prior_hsct"][:4].tolist() == [1.0, 1.0, 1.0, 0.0]

    scenario = question(tmp_path, table, patients=400, more="eligibility: {blinatumomab: trial}\n")
    events = simulate(scenario).histories["blinatumomab"].events
    first = events[(events["event"] == Event.TREATMENT_START) & (events["line"] == 2)]
    given_to = set((first["patient"] % 4)[first["therapy"] == THERAPIES.index("blinatumomab")].tolist())
    assert given_to == {0, 2, 3}, "not to the second patient, transplanted a month ago"


def test_a_file_that_says_nothing_is_the_population(tmp_path: Path) -> None:
    """With no value known the patients are, to the last bit, those that the population samples."""
    who = entering(cohort(tmp_path, "id,age\nA,\n"), prior_hsct=0.3, primary_refractory=0.1)
    scenario = m.question(
        {"one": {"salvage": [{"give": "chemotherapy"}]}},
        values={"population.prior_hsct": 0.3, "population.primary_refractory": 0.1},
        patients=BLOCKS * BLOCK,
        seed=5,
    )
    sampled = m.entrants(m.prepared(scenario), scenario)
    for name in sampled.dtype.names or ():
        np.testing.assert_array_equal(who[name], sampled[name], err_msg=name)


@pytest.mark.parametrize(("fit", "under", "over"), [(1, 0.9, 0.3), (0, 0.9, 0.3), (1, 0.9, 0.0)])
def test_age_given_fitness(tmp_path: Path, fit: int, under: float, over: float) -> None:
    """The share under 55 is F a / (F a + (1 - F) b), a and b the chances of the fitness known in either age.

    Ages below 55 keep their own distribution: half of them lie below their median.
    """
    free = entering(cohort(tmp_path, "id,age\nA,\n"))["age"]
    young = float(np.mean(free < 55.0))
    who = entering(cohort(tmp_path, f"hsct_fit\n{fit}\n"), hsct_fit_under_55=under, hsct_fit_55_plus=over)
    a, b = (under, over) if fit else (1.0 - under, 1.0 - over)
    expected = young * a / (young * a + (1.0 - young) * b)
    m.assert_share(who["age"] < 55.0, expected, "under 55")
    m.assert_share(who["age"][who["age"] < 55.0] < np.median(free[free < 55.0]), 0.5, "below the median of the young")
    assert (who["hsct_fit"] == fit).all()


def test_a_first_remission_given_no_transplant(tmp_path: Path) -> None:
    """P(refractory | no transplant) = r / (1 - h), and of those in remission so many had 18 months, by Bayes' rule."""
    r, h, long = 0.2, 0.35, 0.4
    who = entering(cohort(tmp_path, "prior_hsct\n0\n"), primary_refractory=r, prior_hsct=h, cr1_long=long)
    m.assert_share(who["primary_refractory"] > 0, r / (1.0 - h), "primary refractory")
    remission = who["cr1_months"][who["primary_refractory"] == 0]
    # h / (1 - r) of those with a remission had a transplant, all of them with three months of it or more.
    transplanted = h / (1.0 - r) / long ** (3.0 / 18.0)
    m.assert_share(remission >= 18.0, long * (1.0 - transplanted) / (1.0 - h / (1.0 - r)), "18 months or more")
    assert (who["prior_hsct"] == 0).all()


def test_a_first_remission_given_a_transplant(tmp_path: Path) -> None:
    """A transplant implies a remission of three months or more, which goes on as any other: P(18) = L / L ** (3/18)."""
    who = entering(cohort(tmp_path, "prior_hsct\n1\n"), primary_refractory=0.2, cr1_long=0.4)
    assert (who["primary_refractory"] == 0).all()
    assert who["cr1_months"].min() >= 3.0
    m.assert_share(who["cr1_months"] >= 18.0, 0.4 / 0.4 ** (3.0 / 18.0), "18 months or more")


def test_a_transplant_given_the_first_remission(tmp_path: Path) -> None:
    """A known remission of under three months had no transplant, a longer one with the chance of the population."""
    who = entering(cohort(tmp_path, "cr1_months\n2.5\n10\n0\n"), prior_hsct=0.3, cr1_long=0.4)
    short, long, none = (who["prior_hsct"][row::3] for row in range(3))
    assert short.max() == none.max() == 0.0
    m.assert_share(long > 0, 0.3 / 0.4 ** (3.0 / 18.0), "transplanted")
    assert set(who["primary_refractory"][2::3]) == {1.0}
    assert set(who["primary_refractory"][:2]) == {0.0}


def test_a_sibling_given_a_donor(tmp_path: Path) -> None:
    """P(sibling | donor) = s / (s + (1 - s) o); without a donor there is no sibling donor."""
    who = entering(cohort(tmp_path, "donor\n1\n0\n"), sibling_donor=0.3, other_donor=0.5)
    m.assert_share(who["sibling_donor"][::2] > 0, 0.3 / (0.3 + 0.7 * 0.5), "sibling")
    assert who["sibling_donor"][1::2].max() == 0.0


def test_what_the_population_says_cannot_be_tells_nothing(tmp_path: Path) -> None:
    """A patient without a donor, where everybody has one, keeps the population's law of age given fitness."""
    text = "donor,hsct_fit\n0,0\n"
    who = entering(cohort(tmp_path, text), other_donor=1.0, hsct_fit_under_55=0.9, hsct_fit_55_plus=0.3)
    alone = entering(cohort(tmp_path, "hsct_fit\n0\n"), other_donor=1.0, hsct_fit_under_55=0.9, hsct_fit_55_plus=0.3)
    np.testing.assert_array_equal(who["age"], alone["age"])
    assert (who["donor"] == 0).all()


def test_in_remission_with_residual_disease(tmp_path: Path) -> None:
    """`mrd_positive` enters in remission with the blasts of the file; those of a later relapse are drawn."""
    who = entering(cohort(tmp_path, "mrd_positive,blasts\n1,0.02\n0,0.3\n"))
    assert set(who["blasts"][::2]) == {0.02}
    assert who["entry_blasts"][::2].min() >= 0.05
    assert set(who["blasts"][1::2]) == {0.3}
    assert set(who["mrd_positive"][::2]) == {1.0}


def test_at_first_relapse_the_last_remission_is_the_first(tmp_path: Path) -> None:
    """With line 1 the length of the last remission is that of the first; later the file may say another."""
    who = entering(cohort(tmp_path, "line,remission_months,cr1_months\n1,7,\n2,7,20\n2,,20\n"))
    assert who["cr1_months"][:3].tolist() == [7.0, 20.0, 20.0]
    assert who["remission_months"][:3].tolist() == [7.0, 7.0, 20.0]


def test_a_form_of_a_therapy_counts_for_both(tmp_path: Path) -> None:
    """A course of FLAG-IDA before entry is a course of chemotherapy too, and one of inotuzumab weighs on the liver."""
    who = entering(cohort(tmp_path, "line,given.flag_ida\n3,2\n"))
    assert {int(who[f"given_{THERAPIES.index(name)}"][0]) for name in ("flag_ida", "chemotherapy")} == {2}
    scenario = question(tmp_path, "line,cr1_months,given.inotuzumab\n2,12,1\n", patients=10)
    who = m.entrants(m.prepared(scenario), scenario)
    assert who[f"given_{THERAPIES.index('inotuzumab')}"].tolist() == [1.0] * 10


# --- what the rest of the package makes of it --------------------------------------------------------------------


def test_engines_write_the_same_history_of_a_file_s_patients(tmp_path: Path) -> None:
    """Row for row and to the last bit, in three blocks, with one thread or two."""
    scenario = question(tmp_path)
    batch, agents = (simulate(scenario, m.parameters(), engine=engine) for engine in ENGINES)
    assert first_difference(batch, agents) is None
    assert first_difference(batch, simulate(scenario, m.parameters(), workers=2)) is None


def test_each_draw_fills_the_gaps_of_a_file_anew(tmp_path: Path) -> None:
    """With a drawn population the sums of a draw are, bit by bit, those of a run with its values alone."""
    scenario = question(tmp_path)
    draws = {"population.hsct_fit_under_55": np.array([0.0, 1.0]), "population.hsct_fit_55_plus": np.array([0.0, 1.0])}
    many = evaluate(scenario, m.parameters(), None, draws)
    for draw in range(2):
        alone = load_scenario(scenario.path, settings=[f"{path}={column[draw]}" for path, column in draws.items()])
        one = evaluate(alone, m.parameters(), None)
        np.testing.assert_array_equal(many.sums[draw], one.sums[0])
    place = many.strategies.index("inotuzumab")
    assert many.mean("hsct")[0, place] < many.mean("hsct")[1, place]


@pytest.mark.parametrize(("given", "lines"), [("inotuzumab", 1), ("chemotherapy", 1), (None, 1)])
def test_therapies_before_entry_count_for_sos(given: str | None, lines: int) -> None:
    """The risk of SOS at a transplant is that of the therapies given before entry, from the first stage on."""
    scenario = m.question({"one": {"salvage": [{"give": "chemotherapy"}]}})
    before = {given: 1.0} if given else {}
    patient = m.Patient(m.prepared(scenario), Stage.RELAPSED, {}, given=before, lines_given=lines)
    expected = m.parameters().parameters[f"therapies.{given}.sos_after_hsct"].value if given else 0.0
    assert patient.record["sos_after_hsct"] == expected


def test_sources_and_means_of_what_was_drawn(tmp_path: Path) -> None:
    """Each attribute of each row is given, implied or drawn; means are those of the patients simulated."""
    scenario = question(tmp_path, "age,cr1_months,liver_disease\n30,6,1\n,,0\n50,12,\n", patients=3000)
    done = simulate(scenario, m.parameters())
    assert done.cohort is not None
    by_name = {one.attribute: one for one in sources(done.cohort)}
    assert set(by_name) == set(COLUMNS)
    assert all(one.given + one.implied + one.drawn == 3 for one in by_name.values())
    assert by_name["age"][1:] == (2, 0, 1)
    assert by_name["primary_refractory"][1:] == (0, 2, 1)
    assert by_name["kmt2a"][1:] == (0, 0, 3)
    assert is_drawn(done.cohort).sum() == sum(one.drawn for one in by_name.values())
    table = imputation(done.cohort, done.baseline).set_index("attribute")
    assert table.loc["age", "mean_known"] == 40.0
    who = patients_at_entry(done.cohort, done.baseline)
    assert table.loc["age", "mean_drawn"] == pytest.approx(who["age"][1::3].mean())
    m.assert_share(who["liver_disease"][2::3].to_numpy() > 0, 0.2419, "liver disease, drawn")
    assert who["drawn"].iloc[1].split()[0] == "age"
    assert who["id"].tolist()[:4] == ["2", "3", "4", "2"]


def test_a_story_says_whose_it_is(tmp_path: Path) -> None:
    """A patient's story names the row of the file, what was given before, and what was drawn."""
    told = explain(question(tmp_path), 7, m.parameters()).baseline_summary
    assert "Given before: inotuzumab." in told
    assert "This is P-03 of patients.csv; not in the file, so drawn: hsct fit, " in told
    assert explain(question(tmp_path), 2, m.parameters()).baseline_summary.startswith("Patient 2, a man of 22, ")


def test_a_population_of_one_s_own_is_used_and_named(tmp_path: Path) -> None:
    """A scenario's own population file is laid beside the shipped ones; one with a shipped name is refused."""
    own = "id: {name}\nbased_on: adult_relapse\ncountry: FRA\nfront_line: chemotherapy\nparameters:\n"
    own += "  male: {{value: 1.0, unit: share, basis: assumed, lo: 1, hi: 1, reason: a clinic for men}}\n"
    path = tmp_path / "question.yaml"
    path.write_text(QUESTION.format(patients=50).replace("patients.csv", "clinic.yaml"), encoding="utf-8")
    (tmp_path / "clinic.yaml").write_text(own.format(name="clinic"), encoding="utf-8")
    scenario = load_scenario(path)
    parameters = parameters_for(scenario, m.parameters())
    assert parameters.values(scenario.population_id)["population.male"] == 1.0
    assert parameters_for(scenario, parameters) is parameters
    assert simulate(scenario).histories["inotuzumab"].patients == 50
    (tmp_path / "tower.yaml").write_text(own.format(name="tower"), encoding="utf-8")
    path.write_text(QUESTION.format(patients=50).replace("patients.csv", "tower.yaml"), encoding="utf-8")
    with pytest.raises(InputError, match="cannot be the id of a shipped population"):
        parameters_for(load_scenario(path), m.parameters())


# --- what is refused ---------------------------------------------------------------------------------------------


def test_all_faults_of_a_file_come_at_once_with_their_lines(tmp_path: Path) -> None:
    """Unknown columns, impossible and contradictory values, wrong numbers of cells: each with line and column."""
    text = """\
id,age,male,linee,cr1_months,prior_hsct,blasts,donor,sibling_donor,given.inotuzumb
P-01,134,yes,1,9.5,no,72,no,yes,
P-02,61,maybe,1,0,yes,0.40,,,

P-03,61,no
"""
    with pytest.raises(InputError) as raised:
        cohort(tmp_path, text)
    found = [(one.line, one.key, one.message) for one in raised.value.problems]
    assert found == [
        (1, "linee", "must be a known column"),
        (1, "given.inotuzumb", "must be a known column"),
        (2, "age", "must lie within"),
        (2, "blasts", "must lie within"),
        (2, None, "cannot have sibling_donor without donor"),
        (3, "male", "must be yes or no"),
        (3, None, "cannot have prior_hsct without a first remission"),
        (5, None, "must have as many cells as the first line"),
    ]
    assert raised.value.problems[0].hint == "line"
    assert raised.value.problems[1].hint == "given.inotuzumab"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "must hold patients"),
        ("age\n", "must hold patients"),
        ("age,age\n40,41\n", "must be one column"),
        ("primary_refractory,cr1_months\n1,5\n", "cannot be primary_refractory with"),
        ("prior_hsct,months_since_hsct\nno,5\n", "must be empty without a transplant"),
        ("line,cr1_months,months_since_hsct\n1,5,8\n", "must be at most cr1_months in line 1"),
        ("primary_refractory,cr1_months\n0,0\n", "must have cr1_months above 0"),
        ("mrd_positive,blasts\n1,0.4\n", "in remission"),
        ("line,cr1_months,remission_months\n1,5,6\n", "must have remission_months equal"),
        ("line\n0\n", "must lie within"),
        ("line\n1.5\n", "must lie within"),
        ("age\nnan\n", "must lie within"),
        ("b_cell_recovery\n1\n", "must be a known column"),
    ],
)
def test_what_cannot_be_is_refused(tmp_path: Path, text: str, message: str) -> None:
    """A file that holds nobody, or patients that cannot be, is wrong input and says so."""
    with pytest.raises(InputError, match=message):
        cohort(tmp_path, text)


def test_files_that_cannot_be_read_are_refused(tmp_path: Path) -> None:
    """A file that is not there, or is no text, is wrong input."""
    with pytest.raises(InputError, match="cannot be read"):
        read_cohort(tmp_path / "none.csv", THERAPIES)
    (tmp_path / "picture.csv").write_bytes(b"\xff\xd8\x00")
    with pytest.raises(InputError, match="must be CSV text"):
        read_cohort(tmp_path / "picture.csv", THERAPIES)


def test_spreadsheets_of_other_countries(tmp_path: Path) -> None:
    """Semicolons between cells, decimal commas, a byte order mark and Windows line ends are read."""
    (tmp_path / "patients.csv").write_bytes("\ufeffid;age;blasts;male\r\nA;40,5;0,3;Yes\r\n;;;\r\n".encode())
    given = read_cohort(tmp_path / "patients.csv", THERAPIES)
    assert given.rows == 1
    assert {name: float(column[0]) for name, column in given.columns.items()} == {
        "age": 40.5,
        "blasts": 0.3,
        "male": 1.0,
    }


def test_a_changed_file_is_read_again(tmp_path: Path) -> None:
    """A check looks at the file as it is now."""
    scenario = question(tmp_path)
    check_scenario(scenario, m.parameters())
    (tmp_path / "patients.csv").write_text("age\n200\n", encoding="utf-8")
    with pytest.raises(InputError, match="must lie within"):
        check_scenario(scenario, m.parameters())
