"""What a scenario's costs and QALYs are counted with: defaults, what fills what, and what is refused."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from helpers_model import parameters
from rallsim.common.files import shipped
from rallsim.economics.settings.cost_files import cost_files
from rallsim.economics.settings.perspectives import load_perspective, perspectives
from rallsim.economics.settings.settings import EconomicSettings, economic_settings
from rallsim.errors import InputError
from rallsim.inputs.scenario import Scenario, load_scenario, shipped_scenarios


def counted(*settings: str, **economics: Any) -> EconomicSettings:
    found = economic_settings(load_scenario("first_salvage", settings=settings, economics=economics), parameters())
    assert found is not None
    return found


def told(*settings: str, **economics: Any) -> list[str]:
    with pytest.raises(InputError) as caught:
        counted(*settings, **economics)
    return [str(one) for one in caught.value.problems]


def test_without_a_word_it_is_nice() -> None:
    """Nothing named: British costs, NICE's rates and both of its thresholds."""
    found = counted()
    nice = load_perspective("nice", parameters().evidence)

    assert (found.costs.id, found.perspective and found.perspective.id) == ("uk", "nice")
    assert (found.rates, found.wtp) == (nice.rates(), nice.thresholds())
    assert len(found.wtp) == 2


@pytest.mark.parametrize("country", cost_files())
def test_costs_bring_the_perspective_that_names_them(country: str) -> None:
    """Costs alone: the perspective is the one whose file names these costs, in their currency."""
    found = counted(costs=country)

    assert found.perspective is not None
    assert found.perspective.costs == country
    assert found.perspective.currency == found.costs.currency


@pytest.mark.parametrize("name", perspectives())
def test_every_perspective_can_be_taken(name: str) -> None:
    """Each perspective counts with its own costs, or says which there are; own thresholds lift the currency's bar."""
    costs = load_perspective(name, parameters().evidence).costs
    if costs is None:
        assert f"'{name}' has no costs of its own" in told(perspective=name)[0]
    found = counted(perspective=name, costs=costs or "fr", wtp=[1000.0])

    assert found.perspective is not None
    assert found.perspective.id == name
    assert found.wtp == (1000.0,)


def test_each_key_replaces_its_own_part() -> None:
    """Rates and thresholds of the scenario go before the perspective's; the rest stays."""
    found = counted("economics.discount.costs=0.06", "economics.discount.qalys=0.015", wtp=[10.0, 20.0])

    assert (found.rates.costs.rate, found.rates.qalys.rate, found.wtp) == (0.06, 0.015, (10.0, 20.0))
    assert found.perspective is not None


def test_an_input_can_be_given_another_value() -> None:
    """A price and a utility are set by the names that the table of inputs gives them, and said to be."""
    found = counted("costs.car_t_product=200000", "utilities.remission=0.7")

    assert found.costs.value("car_t_product") == 200_000.0
    assert found.utilities.value("remission") == 0.7
    assert found.as_data()["values"] == {"costs.uk.car_t_product": 200_000.0, "utilities.remission": 0.7}


def test_the_country_may_stand_in_the_name_of_a_price() -> None:
    """`costs.uk.x` and `costs.x` are the same price while the British costs are counted with."""
    assert counted("costs.uk.ward_day=700").values == counted("costs.ward_day=700").values


def test_no_economics_when_none_are_wanted() -> None:
    """`costs: none` leaves them out, without a note."""
    said: list[str] = []
    wanted = load_scenario("first_salvage", economics={"costs": "none"})

    assert economic_settings(wanted, parameters(), said.append) is None
    assert said == []


REFUSED = {
    "unknown costs": (("economics.costs=usa",), "--set economics.costs=usa: economics.costs must be known costs"),
    "unknown perspective": (("economics.perspective=nise",), "did you mean 'nice'?"),
    "a rate in percent": (("economics.discount.costs=3.5", "economics.discount.qalys=0"), "must be at most 1"),
    "one rate of two": (("economics.discount.costs=0.035",), "economics.discount.qalys is missing"),
    "an unknown key": (("economics.cost=uk",), "did you mean 'costs'?"),
    "another currency": (("economics.costs=uk", "economics.perspective=has"), "in the currency of the costs"),
    "an unknown price": (("costs.uk.car_t_prodct=1",), "did you mean 'costs.car_t_product'?"),
    "prices of another file": (("costs.fr.car_t_product=1",), "must be of the scenario's costs"),
    "an impossible price": (("costs.uk.car_t_product=-1",), "0 to 1e+07 (GBP)"),
    "an impossible utility": (("utilities.remission=1.5",), "-1 to 1 (utility)"),
    "no rates": (("economics.perspective=none", "economics.costs=uk"), "nothing says how to discount"),
    "no file": (("economics.costs=mine.yaml", "economics.perspective=nice"), "mine.yaml: must be a file that exists"),
    "whose rates": (("economics.costs=mine.yaml",), "costs of your own do not say whose rates"),
}


@pytest.mark.parametrize("case", REFUSED)
def test_what_is_wrong_is_told(case: str) -> None:
    """Each fault in its place and in plain words."""
    settings, words = REFUSED[case]

    assert any(words in one for one in told(*settings)), told(*settings)


def test_faults_of_a_file_have_lines(tmp_path: Path) -> None:
    """Faults of the block come together, each with file, line and key."""
    text = dict(shipped_scenarios())["first_salvage"].read_text(encoding="utf-8")
    path = tmp_path / "mine.yaml"
    path.write_text(
        "economics:\n  costs: uk\n  wtp: [-1]\n  discount: {costs: 2, qalys: 0.03}\n  perspectiv: nice\n" + text,
        encoding="utf-8",
    )
    with pytest.raises(InputError) as caught:
        load_scenario(path)

    found = {(one.line, one.key) for one in caught.value.problems}
    assert found == {(3, "economics.wtp.0"), (4, "economics.discount.costs"), (5, "economics.perspectiv")}


def own_costs(folder: Path, scenario: dict[str, Any]) -> Scenario:
    """A scenario in a folder of its own."""
    path = folder / "mine.yaml"
    path.write_text(json.dumps(scenario), encoding="utf-8")
    return load_scenario(path)


SCENARIO: dict[str, Any] = {
    "title": "Mine",
    "question": "What does it cost here?",
    "population": "adult_relapse",
    "patients": 20,
    "horizon_months": 60,
    "seed": 1,
    "strategies": {"one": {"salvage": [{"give": "chemotherapy"}]}},
}


def test_costs_of_ones_own_stand_beside_the_scenario(tmp_path: Path) -> None:
    """A file of costs is named by its path from the scenario's file, and needs a perspective or rates."""
    text = (shipped("params") / "costs" / "uk.yaml").read_text(encoding="utf-8").replace("id: uk", "id: hospital")
    (tmp_path / "hospital.yaml").write_text(text.replace("value: 21660", "value: 10000"), encoding="utf-8")
    chosen = {"costs": "hospital.yaml", "discount": {"costs": 0.03, "qalys": 0.03}}

    with pytest.raises(InputError, match=r"hospital\.yaml.*must agree"):  # the price still names its evidence
        economic_settings(own_costs(tmp_path, {**SCENARIO, "economics": chosen}), parameters())
    (tmp_path / "hospital.yaml").write_text(text, encoding="utf-8")
    found = economic_settings(own_costs(tmp_path, {**SCENARIO, "economics": chosen}), parameters())
    assert found is not None
    assert (found.costs.id, found.perspective, found.rates.qalys.rate) == ("hospital", None, 0.03)
    assert tmp_path / "hospital.yaml" in found.files


def test_a_therapy_without_costs_leaves_economics_out_or_is_refused(tmp_path: Path) -> None:
    """Where nobody asked for economics a gap in the costs is a note, where somebody did it is refused."""
    text = (shipped("params") / "costs" / "uk.yaml").read_text(encoding="utf-8").replace("id: uk", "id: poor")
    poor = text.replace("  supportive_care: {}", "")
    (tmp_path / "poor.yaml").write_text(poor, encoding="utf-8")
    strategies = {"one": {"salvage": [{"give": "supportive_care"}]}}
    asked = {**SCENARIO, "strategies": strategies, "economics": {"costs": "poor.yaml", "perspective": "nice"}}

    with pytest.raises(InputError, match=r"must have these therapies.*supportive_care"):
        economic_settings(own_costs(tmp_path, asked), parameters())


def test_a_gap_nobody_asked_about_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    """The note names the therapy without costs; there are no numbers instead of wrong ones."""
    from dataclasses import replace

    from rallsim.economics.settings import settings

    honest = settings.load_costs
    monkeypatch.setattr(settings, "load_costs", lambda *given: replace(honest(*given), therapies=frozenset({"none"})))
    said: list[str] = []

    assert economic_settings(load_scenario("first_salvage"), parameters(), said.append) is None
    assert "blinatumomab, chemotherapy, inotuzumab" in said[0]
