from __future__ import annotations

import json
import shutil
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from helpers_cli import Rallsim
from rallsim.decision.analysis import decide_sample, draw
from rallsim.decision.figures import plot_ceac, plot_evpi, plot_evppi, plot_frontier, plot_plane
from rallsim.decision.sample import PsaSample, sample_tables
from rallsim.decision.sample_files import read_sample
from rallsim.decision.style import Style

REFERENCE = Path(__file__).parents[1] / "reference" / "decision"
TABLES = {
    *("answers", "incremental", "pairwise", "summary", "net_benefit", "ce_plane", "ceac"),
    *("expected_loss", "evpi", "evppi"),
}
FIGURES = {"ce_plane", "frontier", "ceac", "expected_loss", "evpi", "evppi"}


def contents(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.iterdir() if path.suffix != ".png"}


def small(folder: Path) -> Path:
    """Write a sample without parameters."""
    generator = np.random.default_rng(4)
    folder.mkdir()
    sample = PsaSample(("usual", "new"), generator.normal(9e4, 9e3, (50, 2)), generator.normal(2, 0.2, (50, 2)))
    for name, table in sample_tables(sample).items():
        table.to_csv(folder / f"{name}.csv", index=False)
    return folder


def test_tables_figures_and_manifest_are_saved(rallsim: Rallsim) -> None:
    """The folder holds a CSV a table, the figures and how they were made; nothing else is left."""
    ended = rallsim(
        "decide", str(REFERENCE), "--currency", "£", "--wtp", "50000", "--group", "hsct=*hsct*", "--incidence", "200"
    )

    assert (ended.code, ended.err) == (0, "")
    folder = Path("results/decide/decision")
    files = {path.name for path in folder.iterdir()}
    assert files == {f"{name}.csv" for name in TABLES} | {f"{name}.png" for name in FIGURES} | {"manifest.json"}
    assert [path.name for path in folder.parent.iterdir()] == ["decision"]
    made = json.loads((folder / "manifest.json").read_text(encoding="utf-8"))
    assert made["settings"]["wtp"] == [50000]
    assert made["settings"]["groups"] == {"hsct": ["*hsct*"]}
    assert made["settings"]["population"]["patients"] == pytest.approx(1692.27, abs=0.01)
    assert set(made["inputs"]) == {
        *("psa_costs.csv", "psa_effects.csv", "psa_life_years.csv"),
        *("psa_parameters.csv", "psa_long.csv"),
    }
    assert "Population_EVPPI" in pd.read_csv(folder / "evppi.csv")
    icers = pd.read_csv(folder / "incremental.csv")["ICER"].dropna()
    expected = pd.read_csv(REFERENCE / "expected_icers_dampack.csv")["ICER"].dropna()
    np.testing.assert_allclose(icers, expected, rtol=1e-9)


def test_the_answer_is_printed(rallsim: Rallsim) -> None:
    """Frontier, best strategy and its probability, and EVPI are there to read."""
    ended = rallsim("decide", str(REFERENCE), "--currency", "£", "--wtp", "30000")

    for words in ("£46,020", "extended dominance by blinatumomab_hsct + car_t_hsct", "79 % of draws", "£835 ± 99"):
        assert words in ended.out


def test_json_is_one_document(rallsim: Rallsim) -> None:
    """With --json the tables are printed as numbers, and nothing beside."""
    ended = rallsim("decide", str(REFERENCE), "--json", "--reference", "blinatumomab_only")

    document = json.loads(ended.out)
    assert document["sample"]["reference"] == "blinatumomab_only"
    assert [row["Best"] for row in document["answers"]] == ["chemotherapy", "blinatumomab_only", "blinatumomab_hsct"]
    assert document["incremental"][0]["ICER"] is None
    assert len(document["pairwise"]) == 5


def test_the_same_again_changes_no_byte_and_other_settings_move_aside(rallsim: Rallsim, tmp_path: Path) -> None:
    """Nothing is overwritten: results of other settings are moved to the next free number."""
    sample = str(small(tmp_path / "psa"))
    rallsim("decide", sample)
    folder = Path("results/decide/psa")
    before = contents(folder)

    rallsim("decide", sample)
    assert contents(folder) == before
    ended = rallsim("decide", sample, "--wtp", "20000")

    assert "moved to results/decide/psa.1/" in ended.out
    assert contents(Path("results/decide/psa.1")) == before


def test_without_parameters_there_is_no_evppi(rallsim: Rallsim, tmp_path: Path) -> None:
    """A sample of costs and effects alone gives everything else."""
    ended = rallsim("decide", str(small(tmp_path / "psa")))

    assert ended.code == 0
    assert {path.stem for path in Path("results/decide/psa").glob("*.csv")} == TABLES - {"evppi"}


def test_all_faults_of_files_and_options_come_together(rallsim: Rallsim, tmp_path: Path) -> None:
    """Exit code 2; every fault has its line, and nothing is written."""
    sample = small(tmp_path / "psa")
    ended = rallsim(
        "decide",
        *(str(sample), "--reference", "usaul", "--wtp", "-5", "--wtp-max", "0", "--group", "hsct", "--years", "5"),
        *("--out", str(tmp_path)),
    )

    assert ended.code == 2
    for words in (
        "7 things are wrong",
        "--group must be NAME=PARAMETER,PARAMETER, got 'hsct'",
        "--incidence is missing",
        "cannot hold results: the sample is in it",
        "cannot be the current folder",
        "wtp must lie within 0 to 1e+50, got -5",
        "wtp-max must be above 0",
        "--reference must be a known strategy (allowed: usual, new), got 'usaul'; did you mean 'usual'?",
    ):
        assert words in ended.err
    assert sorted(path.name for path in tmp_path.iterdir()) == ["psa"]


def test_groups_need_parameters_that_exist(rallsim: Rallsim, tmp_path: Path) -> None:
    """Unknown parameters of a group, and groups without parameters to choose from, are refused."""
    unknown = rallsim("decide", str(REFERENCE), "--group", "one=cost_hcst")
    without = rallsim("decide", str(small(tmp_path / "psa")), "--group", "one=cost_hsct")

    assert unknown.code == without.code == 2
    assert "did you mean 'cost_hsct'" in unknown.err
    assert "must come with a sample of parameters" in without.err


def test_broken_files_end_with_code_2(rallsim: Rallsim, tmp_path: Path) -> None:
    """A broken sample is told with file and line."""
    shutil.copytree(REFERENCE, tmp_path / "psa")
    path = tmp_path / "psa" / "psa_costs.csv"
    path.write_text(path.read_text(encoding="utf-8").replace("81866.133009", "many"), encoding="utf-8")

    ended = rallsim("decide", "psa")

    assert ended.code == 2
    assert "psa_costs.csv:3: chemotherapy must be a finite number, got 'many'" in ended.err
    assert not Path("results").exists()


@pytest.mark.parametrize("currency", ["", "£", "EUR"])
def test_every_figure_is_drawn_within_its_edges(currency: str) -> None:
    """Titles, labels and legends of every figure lie inside the picture."""
    sample = read_sample(REFERENCE).sample
    decision = decide_sample(sample, [3e4, 5e4, 1e5], patients=1692.0)

    drawn = draw(decision, Style(sample.strategies, currency=currency))

    assert {Path(name).stem for name in drawn} == FIGURES
    for name, make in drawn.items():
        figure = make()
        figure.canvas.draw()
        box, frame = figure.get_tightbbox(), figure.bbox_inches
        assert box.x0 >= -0.01, name
        assert box.y0 >= -0.01, name
        assert box.x1 <= frame.width + 0.01, name
        assert box.y1 <= frame.height + 0.01, name


def test_the_frontier_of_the_ceac_is_broken_where_strategies_change() -> None:
    """The grey frontier has a piece a strategy: no line leads from one strategy's probability to another's."""
    sample = read_sample(REFERENCE).sample
    decision = decide_sample(sample, [5e4])

    ax = plot_ceac(decision.ceac, Style(sample.strategies))

    grey = [line for line in ax.lines if line.get_linewidth() == 7]
    assert len(grey) == 4
    assert sum(len(line.get_xdata()) for line in grey) == decision.ceac["WTP"].nunique()


def test_figures_of_nothing_uncertain() -> None:
    """Draws that are all the same give figures too: no width, no loss, no value of information."""
    same = PsaSample(
        ("usual", "new"), np.full((5, 2), 3.0), np.full((5, 2), 1.0), parameters=pd.DataFrame({"x": np.ones(5)})
    )
    decision = decide_sample(same, [10.0], patients=5)
    style = Style(same.strategies, labels={"new": "A new drug"})

    for make in draw(decision, style).values():
        make().canvas.draw()
    assert plot_evpi(decision.evpi, style).get_ylabel() == "EVPI per patient"
    assert plot_evppi(decision.evppi, style, 10.0).get_xlim()[0] == 0


def test_colours_stay_with_strategies() -> None:
    """A strategy has one colour in the plane and on the frontier, whatever the reference is."""
    sample = read_sample(REFERENCE).sample
    decision = decide_sample(sample, [5e4], reference="car_t_hsct")
    style = Style(sample.strategies)

    plane, frontier = plot_plane(decision.ce_plane, style), plot_frontier(decision.incremental, style)

    for ax in (plane, frontier):
        handles, labels = ax.get_legend_handles_labels()
        of = dict(zip((label.split(" ")[0] for label in labels), handles, strict=True))
        assert of["chemotherapy"].get_color() == style.colour("chemotherapy")
    assert len({style.colour(name) for name in sample.strategies}) == 6
