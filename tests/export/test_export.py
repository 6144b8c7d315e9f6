"""Files handed over: hesim's columns and rules, curves, logs."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from helpers_cli import Rallsim
from helpers_economics import results_of
from helpers_export import PATIENTS, made
from helpers_model import parameters
from rallsim.decision.sample import R_NAME
from rallsim.economics.tables.partitioned_survival import partitioned_survival
from rallsim.errors import InputError
from rallsim.export.extrapolation import background_of_results, continued_curves, years_of
from rallsim.export.folder import export_tables, metadata
from rallsim.export.tables import check_balanced, grid, occupancy, stateprobs
from rallsim.export.workbook import write_workbook
from rallsim.inputs.scenario import load_scenario, shipped_scenarios
from rallsim.model.states import STAGES, Stage
from rallsim.outcomes.summary import patient_table
from rallsim.simulation.simulate import simulate


def test_headers_are_hesims_with_names_beside() -> None:
    """Columns stand as R's hesim gives them, names of strategies and states after them."""
    tables = made()[2]

    assert list(tables["disprog"])[:9] == (
        ["sample", "strategy_id", "patient_id", "grp_id", "from", "to", "final", "time_start", "time_stop"]
    )
    assert list(tables["stateprobs"])[:7] == ["sample", "strategy_id", "patient_id", "grp_id", "state_id", "t", "prob"]
    assert list(tables["survival"])[:7] == ["sample", "strategy_id", "patient_id", "grp_id", "curve", "t", "survival"]
    assert list(tables["ce_costs"])[:6] == ["category", "dr", "sample", "strategy_id", "grp_id", "costs"]
    assert list(tables["ce_qalys"])[:6] == ["dr", "sample", "strategy_id", "grp_id", "qalys", "lys"]
    for name, table in tables.items():  # who entered is the same under every strategy
        assert "strategy" in table or set(table) & {"pathway", "month"} or name == "baseline"


def test_visits_of_a_patient_follow_each_other() -> None:
    """Each visit starts where the last ended, in the stage it led to; one is final, and the last ends with the life."""
    simulation, _, tables = made()
    table = tables["disprog"]
    for number, (strategy, history) in enumerate(simulation.histories.items(), 1):
        mine = table[table["strategy_id"] == number]
        assert set(mine["strategy"]) == {strategy}
        ends = patient_table(history)["os_months"].to_numpy()
        assert mine.groupby("patient_id")["final"].sum().tolist() == [1] * PATIENTS
        assert mine.loc[mine["final"] == 1, "time_stop"].to_numpy() == pytest.approx(ends)
        same = mine["patient_id"].to_numpy()[1:] == mine["patient_id"].to_numpy()[:-1]
        assert (mine["time_start"].to_numpy()[1:][same] == mine["time_stop"].to_numpy()[:-1][same]).all()
        assert (mine["from"].to_numpy()[1:][same] == mine["to"].to_numpy()[:-1][same]).all()


def test_ids_are_names() -> None:
    """Every id stands beside the same name everywhere, as the metadata say."""
    simulation, found, tables = made()
    meaning = metadata(simulation, found, 1.0)
    states = {one["state_id"]: one["state"] for one in meaning["states"]}
    strategies = {one["strategy_id"]: one["strategy"] for one in meaning["strategies"]}
    table = tables["disprog"]

    assert (table["from"].map(states) == table["from_name"]).all()
    assert (table["to"].map(states) == table["to_name"]).all()
    assert (tables["stateprobs"]["state_id"].map(states) == tables["stateprobs"]["state"]).all()
    for one in tables.values():
        if "strategy_id" in one:
            assert (one["strategy_id"].map(strategies) == one["strategy"]).all()
    assert all(R_NAME.fullmatch(name) for name in strategies.values())
    assert meaning["baseline"] == simulation.scenario.reference
    assert meaning["hesim_dr_per_month"]["costs"] * 12.0 == pytest.approx(np.log(1.035))


def test_everybody_is_in_one_stage_at_every_time() -> None:
    """Shares of a time sum to 1, the dead are those of survival, and occupancy times a small step gives life years."""
    simulation, found, tables = made()
    shares = tables["stateprobs"]
    sums = shares.groupby(["strategy", "t"])["prob"].sum()
    alive = 1.0 - shares[shares["state"] == "dead"].set_index(["strategy", "t"])["prob"]
    curves = tables["survival"][tables["survival"]["curve_name"] == "os"].set_index(["strategy", "t"])["survival"]

    assert sums.to_numpy() == pytest.approx(1.0, abs=1e-12)
    assert alive.loc[curves.index].to_numpy() == pytest.approx(curves.to_numpy(), abs=1e-12)
    fine = stateprobs(simulation.histories, 0.05)
    lived = fine[(fine["state"] != "dead") & (fine["t"] < 120.0)].groupby("strategy")["prob"].sum() * 0.05 / 12.0
    for name, totals in found.totals.items():
        # a left sum is too high by at most half a step for everybody who dies
        assert 0.0 <= lived[name] - totals["lys_undisc"].mean() <= 0.05 / 12.0


def test_occupancy_counts_by_hand() -> None:
    """Each patient is counted in the stage whose visit holds the time, closed on the left."""
    simulation = made()[0]
    history = next(iter(simulation.histories.values()))
    at = np.array([0.0, 3.0, 17.5, 120.0])
    visits = history.intervals()
    found = occupancy(history, at)
    for place, time in enumerate(at):
        for stage, name in enumerate(STAGES[: Stage.DEAD]):
            held = (visits["from"] == name) & (visits["time_start"] <= time)
            last = visits["final"].eq(1) & visits["to"].eq(name) & visits["time_stop"].eq(time)
            inside = held & ((visits["time_stop"] > time) | last)
            assert found[stage, place] * PATIENTS == pytest.approx(int(inside.sum())), (name, time)


def test_the_trace_sums_to_the_means() -> None:
    """Costs, QALYs and life years over stages and cycles are the means of a patient."""
    _, found, tables = made()
    sums = tables["trace"].groupby("strategy")[["costs", "qalys", "lys", "costs_undisc"]].sum()
    for name, totals in found.totals.items():
        for what in sums:
            assert sums.loc[name, what] == pytest.approx(totals[str(what)].mean(), rel=1e-9)


def test_categories_make_the_total_of_the_ce_object() -> None:
    """Costs by category sum to the row `total`, discounted and not, and QALYs are the run's."""
    _, found, tables = made()
    costs = tables["ce_costs"]
    parts = costs[costs["category"] != "total"].groupby(["strategy", "dr"])["costs"].sum()
    total = costs[costs["category"] == "total"].set_index(["strategy", "dr"])["costs"]
    qalys = tables["ce_qalys"].set_index(["strategy", "dr"])["qalys"]

    assert len(total) == 2 * len(found.totals)
    for name, totals in found.totals.items():
        for suffix, rate in (("", 0.035), ("_undisc", 0.0)):
            assert parts[name, rate] == pytest.approx(total[name, rate])
            assert total[name, rate] == pytest.approx(totals[f"costs{suffix}"].mean())
            assert qalys[name, rate] == pytest.approx(totals[f"qalys{suffix}"].mean())


def test_every_patient_has_a_row() -> None:
    """A row a patient and strategy, alive at the horizon or dead of a cause, with the costs of the run."""
    table = made()[2]["patients"]

    assert len(table) == PATIENTS * len(made()[0].histories)
    assert set(table["status"]) == {"alive", "dead"}
    assert ((table["cause"] == "") == (table["status"] == "alive")).all()
    assert table.groupby("strategy")["costs"].mean().to_dict() == pytest.approx(
        {name: totals["costs"].mean() for name, totals in made()[1].totals.items()}
    )


def test_the_log_of_vidigi_has_one_arrival_and_departure() -> None:
    """Each entity arrives once, first, and departs once, last; its stages queue in between."""
    table = made()[2]["vidigi"]

    assert list(table) == ["entity_id", "pathway", "event_type", "event", "time"]
    groups = table.groupby(["pathway", "entity_id"])
    assert len(groups) == PATIENTS * len(made()[0].histories)
    assert (groups["event"].first() == "arrival").all()
    assert (groups["event"].last() == "depart").all()
    assert (groups["time"].diff().dropna() >= 0).all()


def test_the_spreadsheet_has_the_same_curves() -> None:
    """A column a strategy and curve holds the numbers of survival.csv."""
    tables = made()[2]
    wide, curves = tables["partitioned_survival"], tables["survival"]
    for (name, curve), rows in curves.groupby(["strategy", "curve_name"]):
        assert wide[f"{name}_{curve}"].tolist() == rows["survival"].tolist()
    assert (wide["no_bridging_efs"] <= wide["no_bridging_os"]).all()


def test_what_is_not_balanced_is_refused() -> None:
    """A row missing, a row twice, an empty cell: each is refused before it is written."""
    table = made()[2]["stateprobs"]
    keys = ["strategy_id", "state_id", "t"]
    check_balanced("fine", table, keys)
    for wrong in (table.drop(index=5), pd.concat([table, table.iloc[:1]])):
        with pytest.raises(InputError, match="must have one row for each combination"):
            check_balanced("stateprobs.csv", wrong, keys)
    with pytest.raises(InputError, match="must not have empty cells"):
        check_balanced("stateprobs.csv", table.assign(prob=table["prob"].where(table["t"] > 0)), keys)
    with pytest.raises(InputError, match="more than 0 months"):
        grid(12.0, 0.0)


@pytest.mark.slow
@pytest.mark.parametrize("name", [name for name, _ in shipped_scenarios()])
def test_every_shipped_scenario_can_be_handed_over(name: str, tmp_path: Path) -> None:
    """Tables are balanced, structures comparable and the workbook written for every scenario."""
    simulation = simulate(load_scenario(name, patients=60), parameters())
    found = results_of(simulation)
    tables = export_tables(simulation, found)
    write_workbook(found, tables, tmp_path / "made.xlsx")

    assert len(partitioned_survival(found, simulation.histories)) == 3 * len(simulation.histories)
    curves = continued_curves(simulation.histories, 24.0, background_of_results(found))
    assert len(years_of(curves)) == 2 * len(simulation.histories)
    assert len(tables["patients"]) == 60 * len(simulation.histories)
    assert (tmp_path / "made.xlsx").stat().st_size > 10_000


def test_export_writes_the_folder_and_says_what_structures_differ_by(rallsim: Rallsim, tmp_path: Path) -> None:
    """`export --excel` writes every table, the workbook and the metadata, and prints both structures."""
    code, out, err = rallsim("export", "first_salvage", "--patients", "60", "--out", "handed", "--excel")
    names = {path.name for path in (tmp_path / "handed").iterdir()}

    assert (code, err) == (0, "")
    assert "partitioned survival" in out
    assert {
        "first_salvage.xlsx",
        "economics",
        "manifest.json",
        "structure.csv",
        "extrapolation.csv",
        "extrapolation.png",
    } <= names
    assert {f"{name}.csv" for name in made()[2]} <= names
    document = json.loads(rallsim("export", "first_salvage", "--patients", "60", "--out", "other", "--json")[1])
    assert {row["outcome"] for row in document["structure"]} == {"lys", "qalys", "costs"}
    kept = json.loads((tmp_path / "handed" / "manifest.json").read_text(encoding="utf-8"))["export"]
    assert kept["time_unit"] == "months since entry"
    assert "ref" in kept["direction"]


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("--step", "0"), "must be more than 0 months"),
        (("--follow-up", "500", "--horizon", "120"), "must be a month within"),
        (("--costs", "none"), "cannot count costs and QALYs"),
    ],
)
def test_wrong_exports_end_with_two(rallsim: Rallsim, tmp_path: Path, arguments: tuple[str, ...], words: str) -> None:
    """Wrong input is told before anything is written."""
    code, out, err = rallsim("export", "first_salvage", "--patients", "60", *arguments)

    assert (code, out) == (2, "")
    assert words in err
    assert list(tmp_path.iterdir()) == []
