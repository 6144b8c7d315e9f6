"""Value of information: what it costs to decide under uncertainty, and what knowing some parameters would be worth."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pandas as pd

from rallsim.common.figures import figure_of, panels, titled
from rallsim.common.progress import bar_of
from rallsim.decision import figures as decision_figures
from rallsim.decision.analysis import wtp_grid
from rallsim.decision.figures import MOST_BARS
from rallsim.decision.incremental import incremental_of
from rallsim.decision.partial_information import checked_groups, evppi, not_shown, to_fit
from rallsim.decision.sample import left_out
from rallsim.decision.value_of_information import evpi, patients_to_come
from rallsim.sweep.analyses.psa import bias_corrected, psa_sample
from rallsim.sweep.draws import owner_of
from rallsim.sweep.first_order_error import in_words
from rallsim.sweep.labels import Labels
from rallsim.sweep.sampling import sample_of, variance_table
from rallsim.sweep.study import Figures, Study
from rallsim.sweep.tables import Tables

if TYPE_CHECKING:
    from matplotlib.figure import Figure

ABOUT = "value of information: EVPI, EVPPI of parameters and groups with errors, for a patient and a population"
ALL_OF = "all of "


def analyse(study: Study) -> Tables:
    """Evaluate the same sample as psa and value what knowing parameters would be worth.

    Groups are whose parameters they are (each therapy, transplant, disease, costs, utilities), and those asked for;
    with `--parameter` only these are valued alone. Population values need `--incidence`.

    First-order uncertainty, chance in the patients of each draw, biases the EVPI upwards; `EVPI_Bias_Corrected` is free
    of it, and `variance` has its share of the variance between draws. The regression of the EVPPI takes it out.
    """
    sample = sample_of(study)
    draws = psa_sample(study, sample)
    assert draws.parameters is not None
    names = [str(name) for name in draws.parameters.columns]
    asked = checked_groups(study.settings.groups, names)
    owners: dict[str, list[str]] = {}
    for name in names:
        owners.setdefault(owner_of(name), []).append(name)
    alone = {name: [name] for name in names if not study.settings.ranges or name in study.settings.ranges}
    groups = {**{f"{ALL_OF}{name}": members for name, members in owners.items() if len(members) > 1}, **asked}
    patients = None
    if study.settings.incidence is not None:
        patients = patients_to_come(study.settings.incidence, study.settings.years, study.settings.discount)
    icers = incremental_of(draws)["ICER"].dropna().tolist()
    valued = {**alone, **groups}
    words = f"{len(valued):,} regressions"
    with bar_of(words, to_fit(valued), quiet=not study.runner.show_progress) as advance:
        table = evppi(draws, study.wtp, valued, patients, advance)
    absent = left_out(draws.parameters)  # of psa_parameters.csv, which R reads
    members = [" ".join(name for name in row.split() if name not in absent) for row in table["Members"]]
    table = table.assign(Members=members)
    return {
        "evppi": table.sort_values(["WTP", "EVPPI"], ascending=[True, False], kind="stable"),
        "evpi": sample.bias_corrected(evpi(draws, wtp_grid(study.wtp, icers), patients)),
        "variance": variance_table(sample, ["nmb"], study.wtp[0], study.strategies, study.reference),
    }


def draw(tables: Tables, labels: Labels) -> Figures:
    """Draw the EVPI over willingness to pay, and the parameters and groups worth knowing most."""
    return {
        "evpi.png": lambda: titled(
            figure_of(decision_figures.plot_evpi(tables["evpi"], labels.style(), labels.wtp)),
            labels.title,
            "What would it be worth to know everything?",
        ),
        "evppi.png": lambda: _figure(tables["evppi"], labels),
    }


def summarise(tables: Tables, labels: Labels) -> list[str]:
    """Say what knowing everything, and what knowing the most valuable parameters would be worth."""
    lines = []
    for wtp in labels.wtp:
        rows = tables["evppi"][tables["evppi"]["WTP"] == wtp]
        first = rows.iloc[0]
        everything = tables["evpi"][tables["evpi"]["WTP"] == wtp]
        line = f"EVPI {labels.at_wtp(wtp)}: {labels.money(first['EVPI'])} a patient"
        line += f" ({labels.money(bias_corrected(tables['evpi'], wtp))} corrected for bias)"
        if "Population_EVPI" in everything:
            line += f", {labels.money(float(everything['Population_EVPI'].sum()))} for the population"
        named = _labelled(rows, labels)
        known = named[named["Worth_Knowing"]].head(3)
        lines.append(
            line + ". " + ("Worth knowing most, alone or together:" if len(known) else "Nothing is worth knowing.")
        )
        for row in known.to_dict("records"):
            lines.append(
                f"  {row['Parameters']}: {labels.money(row['EVPPI'])} (standard error "
                f"{labels.money(row['Std_Error'])}), {row['Share']:.0%} of the EVPI"
            )
        lines += [f"  {rest}" for rest in [not_shown(named)] if rest]
    variance = tables["variance"]
    return [*lines, in_words(float(variance["First_Order_Share"].max()), int(variance["Patients"].max()))]


def _labelled(rows: pd.DataFrame, labels: Labels) -> pd.DataFrame:
    return rows.assign(Parameters=[_label(name, labels) for name in rows["Parameters"]])


def _label(name: str, labels: Labels) -> str:
    if name in labels.parameters:
        return labels.parameter(name)
    owner = name.removeprefix(ALL_OF)
    return f"{labels.owners[owner]}: all" if owner in labels.owners else name


def _figure(table: pd.DataFrame, labels: Labels) -> Figure:
    """Bars of the EVPPI, a panel for groups and one for single parameters, at the main threshold."""
    wtp = labels.wtp[0]
    rows = table[table["WTP"] == wtp]
    single = rows["Parameters"].isin(list(labels.parameters))
    shown = [(words, rows[of]) for words, of in (("together", ~single), ("alone", single)) if of.any()]
    bars = sum(min(MOST_BARS, int(part["Worth_Knowing"].sum())) for _, part in shown)
    figure, axes = panels(max(1, len(shown)), width=8.6, height=0.5 + 0.24 * bars)
    for ax, (words, part) in zip(axes, shown, strict=False):
        named = _labelled(part, labels)
        decision_figures.plot_evppi(named, labels.style(), wtp, ax)
        ax.set_title(f"Known {words}. {not_shown(named)}", fontsize=10, loc="left")
    return titled(figure, labels.title, f"What would it be worth to know? {labels.at_wtp(wtp, 'At')}")
