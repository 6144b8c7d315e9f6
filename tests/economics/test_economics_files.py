"""Faults of cost, utility and perspective files: all at once, each with its place."""

from __future__ import annotations

from pathlib import Path

import pytest

from rallsim.common.files import shipped
from rallsim.economics.settings.cost_files import cost_files, load_costs, parts_of
from rallsim.economics.settings.perspectives import load_perspective, perspectives
from rallsim.economics.settings.triggers import with_forms
from rallsim.economics.settings.utility_files import load_utilities
from rallsim.errors import InputError
from rallsim.inputs.parameters import ParameterSet, load_parameters


@pytest.fixture(scope="module")
def known() -> ParameterSet:
    return load_parameters(fitted=False)


def spoilt(tmp_path: Path, name: str, *changes: tuple[str, str]) -> Path:
    """Copy a shipped file with some text replaced."""
    text = (shipped("params") / name).read_text(encoding="utf-8")
    for old, new in changes:
        assert old in text, old
        text = text.replace(old, new, 1)
    (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
    (tmp_path / name).write_text(text, encoding="utf-8")
    return tmp_path


COST_FAULTS = [
    (("currency: GBP", "currency: shillings"), "currency must be one of"),
    (("price_year: 2023\nprice_index", "price_year: soon\nprice_index"), "price_year must be a year"),
    (("unit: GBP\n    price_year: 2019", "unit: GBP"), "price_year is missing: money needs the year"),
    (("price_year: 2012", "price_year: 1999"), "icu_day.price_year must have a price index"),
    (("value: 2017\n", "value: 2107\n"), "blinatumomab_vial.value must agree with its evidence"),
    (("value: 2017\n    unit: GBP", "value: 2017\n    unit: EUR"), "must be the currency of cost_blin_vial_uk"),
    (("value: 650\n", "value: 651\n"), "must agree with assumed_ward_day_uk"),
    (("list_price: true", "list_price: perhaps"), "list_price must be true or false"),
    (("category: icu\n", "category: luxury\n"), "category must be one of"),
    (("price: transplant\n", "price: transplnat\n"), "must name a parameter that is money"),
    (("quantity: transplant_days", "quantity: transplant"), "must name parameters that are no money"),
    (("event: hsct}\n    price", "event: hstc}\n    price"), "event must be one of"),
    (("until: [icu_discharge, stage_end]", "until: [icu_dicharge]"), "until must be one of"),
    (("until: [icu_discharge, stage_end]", "detail: grade_2"), "must have 'lasting', 'until' or both"),
    (("    per: day\n", ""), "per must stand with 'while' and 'after'"),
    (("  supportive_care: {}", "  supportive_car: {}"), "supportive_car must be a known therapy"),
    (("cycle: {max: 1}}", "cycle: {max: 0}}"), "must be a whole number from 1 on"),
    (("lasting: chronic_gvhd_months", "lasting: ward_day"), "must name a parameter in months or days"),
    (("since: hsct, from: 24", "since: hsct, from: 24, to: 12"), "must have 'from' before 'to'"),
    (("stages: [infused]", "stages: [infused, nowhere]"), "must be a list of these words"),
    (("source: >\n    World", "sauce: >\n    World"), "must be a known key"),
    (("    like: car_t_cd19\n", "    like: tisagenlecleucel\n"), "must name a therapy with costs of its own"),
]


@pytest.mark.parametrize(("change", "message"), COST_FAULTS, ids=[message for _, message in COST_FAULTS])
def test_faults_of_cost_files(tmp_path: Path, known: ParameterSet, change: tuple[str, str], message: str) -> None:
    """Each fault names its key."""
    with pytest.raises(InputError) as caught:
        load_costs("uk", known, spoilt(tmp_path, "costs/uk.yaml", change))
    assert message in str(caught.value)
    assert "uk.yaml:" in str(caught.value)


def test_all_faults_at_once(tmp_path: Path, known: ParameterSet) -> None:
    """A file with several faults reports all of them."""
    with pytest.raises(InputError) as caught:
        load_costs(
            "uk", known, spoilt(tmp_path, "costs/uk.yaml", COST_FAULTS[0][0], COST_FAULTS[4][0], COST_FAULTS[8][0])
        )
    assert len(caught.value.problems) >= 3


def test_a_form_takes_the_costs_of_another_but_its_own(known: ParameterSet) -> None:
    """Tisagenlecleucel has its own price and otherwise each item of the CD19 CAR-T, counted once."""
    costs = load_costs("uk", known)
    of = {
        name: {item.name.partition(".")[2]: item for item in costs.items if item.name.startswith(f"{name}.")}
        for name in ("car_t_cd19", "tisagenlecleucel")
    }
    own, base = of["tisagenlecleucel"], of["car_t_cd19"]

    assert set(own) == set(base)
    assert (own["product"].price, base["product"].price) == ("tisagenlecleucel_product", "car_t_product")
    assert {name: item.price for name, item in own.items() if name != "product"} == {
        name: item.price for name, item in base.items() if name != "product"
    }
    assert all(item.trigger.therapies == ("tisagenlecleucel",) for item in own.values())
    assert all("tisagenlecleucel" not in (item.trigger.therapies or ()) for item in base.values())


def test_a_new_therapy_brings_its_costs_in_a_file_of_its_own(tmp_path: Path, known: ParameterSet) -> None:
    """A file in the folder of a country adds prices and items, and edits none; what stands twice is refused."""
    folder = spoilt(tmp_path, "costs/uk.yaml", ("  hsct_in_relapse: {}\n", ""))
    assert "hsct_in_relapse" not in load_costs("uk", known, folder).therapies
    part = folder / "costs" / "uk" / "hsct_in_relapse.yaml"
    part.parent.mkdir()
    part.write_text(
        "parameters:\n  search: {value: 5, unit: GBP, price_year: 2020, basis: assumed, lo: 1, hi: 9, reason: round}\n"
        "therapies:\n  hsct_in_relapse:\n    search: {category: hsct, at: {event: hsct}, price: search}\n",
        encoding="utf-8",
    )
    costs = load_costs("uk", known, folder)
    added = [item for item in costs.items if item.name == "hsct_in_relapse.search"]
    assert [(item.price, item.trigger.therapies) for item in added] == [("search", ("hsct_in_relapse",))]
    assert cost_part_names(folder) == ["hsct_in_relapse.yaml"]

    part.write_text("currency: GBP\ntherapies:\n  inotuzumab: {}\n", encoding="utf-8")
    with pytest.raises(InputError) as caught:
        load_costs("uk", known, folder)
    told = [str(problem) for problem in caught.value.problems]
    assert any("hsct_in_relapse.yaml:1: currency must be a known key" in one for one in told)
    assert any("therapies.inotuzumab must stand once, and stands in" in one for one in told)


def cost_part_names(folder: Path) -> list[str]:
    return [path.name for path in parts_of(folder / "costs" / "uk.yaml")]


def test_nothing_is_paid_by_the_stay_and_by_the_day(tmp_path: Path, known: ParameterSet) -> None:
    """Days that the price of a stay covers cannot have a price of their own in the same stage and therapy."""
    change = ("quantity: car_t_ward_days, price: included", "quantity: car_t_ward_days, price: ward_day")
    with pytest.raises(InputError, match=r"must be 'included', for the price of 'car_t_cd19\.service' covers ward_day"):
        load_costs("uk", known, spoilt(tmp_path, "costs/uk.yaml", change))


def test_a_parameter_that_nothing_uses(tmp_path: Path, known: ParameterSet) -> None:
    """An orphan is a fault: it may be an item that somebody forgot."""
    change = ("  defibrotide: {category: toxicity, at: {event: sos}, price: defibrotide_course}\n", "")
    with pytest.raises(InputError, match="defibrotide_course must be used by an item"):
        load_costs("uk", known, spoilt(tmp_path, "costs/uk.yaml", change))


UTILITY_FAULTS = [
    (("since: hsct, from: 1, to: 6", "since: hsct, from: 2, to: 6"), "must give each moment one utility"),
    (("since: hsct, from: 12}", "since: hsct, from: 12, to: 60}"), "must have a utility from month 60 on"),
    (("since: hsct, to: 1}", "since: stage, to: 1}"), "must use one clock"),
    (("  palliative: [{utility: active_disease}]\n", ""), "stages.palliative must be a list of utilities"),
    (
        ("relapsed: [{utility: active_disease}]", "relapsed: [{utility: gvhd}]"),
        "must name a parameter that is a utility",
    ),
    (("therapy: [blinatumomab, inotuzumab]", "therapy: [blinatumumab]"), "must be a known therapy"),
    (("disutility: sos\n", "disutility: remission\n"), "must name a parameter that is a disutility"),
    (("age: norm_age\n", "age: norm_aeg\n"), "norm.age must name a parameter"),
    (("  reference_age:\n    value: 45", "  reference_age:\n    value: 450"), "must lie within its own range"),
]


@pytest.mark.parametrize(("change", "message"), UTILITY_FAULTS, ids=[message for _, message in UTILITY_FAULTS])
def test_faults_of_utilities(tmp_path: Path, known: ParameterSet, change: tuple[str, str], message: str) -> None:
    """Each moment of each stage has one utility, and everything named exists."""
    with pytest.raises(InputError) as caught:
        load_utilities(known, spoilt(tmp_path, "utilities.yaml", change))
    assert message in str(caught.value)


PERSPECTIVE_FAULTS = [
    (("date: 2026-03-01", "date: lately"), "must be a date"),
    (("discount_costs:", "discount_cost:"), "must have 'discount_costs'"),
    (("unit: GBP", "unit: EUR"), "must be the currency of wtp_nice_new"),
    (("step: 1000", "step: 0"), "must have positive whole numbers"),
    (("id: nice", "id: nasty"), "must be the file's name"),
]


@pytest.mark.parametrize(("change", "message"), PERSPECTIVE_FAULTS, ids=[message for _, message in PERSPECTIVE_FAULTS])
def test_faults_of_perspectives(tmp_path: Path, known: ParameterSet, change: tuple[str, str], message: str) -> None:
    """A perspective has rates, a currency, a source and a date."""
    with pytest.raises(InputError) as caught:
        load_perspective("nice", known.evidence, spoilt(tmp_path, "perspectives/nice.yaml", change))
    assert message in str(caught.value)


def test_a_missing_file_is_an_input_error(tmp_path: Path, known: ParameterSet) -> None:
    """No file, no traceback."""
    for load in (
        lambda: load_costs("atlantis", known, tmp_path),
        lambda: load_utilities(known, tmp_path),
        lambda: load_perspective("atlantis", known.evidence, tmp_path),
    ):
        with pytest.raises(InputError, match="must be a file that exists"):
            load()


def test_the_shipped_perspectives(known: ParameterSet) -> None:
    """Rates and thresholds are those of the bodies; the costs that go with one exist and are in its currency."""
    found = {name: load_perspective(name, known.evidence) for name in perspectives()}

    assert set(found) == {"nice", "has", "zin", "icer_us", "cadth", "ireland"}
    assert (found["nice"].rates().costs.rate, found["nice"].thresholds()) == (0.035, (25000.0, 35000.0))
    assert (found["zin"].rates().costs.rate, found["zin"].rates().qalys.rate) == (0.03, 0.015)
    assert found["has"].thresholds() == ()
    weights = [found["nice"].severity_weight(20.0, left) for left in (9.0, 8.0, 2.0, 1.0)]
    assert weights == [1.0, 1.2, 1.7, 1.7]
    assert [found["nice"].severity_weight(10.0, left) for left in (1.6, 1.5, 0.5)] == [1.0, 1.2, 1.7]
    assert found["zin"].severity_weight(20.0, 0.0) == 1.0
    assert found["has"].rates().costs.later_from == 360.0
    countries = {name: load_costs(name, known) for name in cost_files()}
    assert set(countries) == {"uk", "fr"}
    for one in found.values():
        assert one.grid[0] == 0.0
        if one.costs:
            assert one.currency == countries[one.costs].currency


def test_every_therapy_has_costs_in_every_country(known: ParameterSet) -> None:
    """Each shipped therapy, or the one it is a form of, has a block of costs, an empty one where it costs nothing."""
    assert len(known.therapies) > 3
    for country in cost_files():
        assert sorted(set(known.therapies) - load_costs(country, known).therapies) == []


def test_forms_of_a_therapy_share_its_costs() -> None:
    """A form without a block of its own costs what it is a form of."""
    therapies = {"chemotherapy": None, "flag_ida": "chemotherapy", "hyper_cvad": "chemotherapy"}

    assert with_forms(["chemotherapy"], therapies, apart=["chemotherapy", "flag_ida"]) == ("chemotherapy", "hyper_cvad")
