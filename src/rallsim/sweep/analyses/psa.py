"""Probabilistic sensitivity analysis: all uncertain parameters drawn together, patients simulated in every draw."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING

import pandas as pd

from rallsim.common.figures import figure_of, finish, new_axes, titled
from rallsim.common.precision import Z_95
from rallsim.decision.analysis import Decision, decide_sample
from rallsim.decision.analysis import draw as decision_figures
from rallsim.decision.sample import PsaSample, sample_tables
from rallsim.decision.sample import left_out as sums_of_others
from rallsim.evaluation.sums import Evaluation
from rallsim.inputs.scenario_schema import LIFETIME_MONTHS
from rallsim.sweep.base_case import compare, summarise_both
from rallsim.sweep.first_order_error import in_words
from rallsim.sweep.labels import Labels
from rallsim.sweep.sampling import Sample, running_means, sample_of, variance_table
from rallsim.sweep.shortfall import severity_tables, summarise_severity
from rallsim.sweep.study import Figures, Study
from rallsim.sweep.tables import Tables

if TYPE_CHECKING:
    from matplotlib.figure import Figure

ABOUT = "probabilistic: joint draws of all parameters; acceptability, frontier, expected loss, EVPI"
DECISION = ("answers", "incremental", "pairwise", "summary", "net_benefit", "ce_plane", "ceac", "expected_loss", "evpi")
UNDISCOUNTED = {
    "psa_costs_undisc": "costs_undisc",
    "psa_effects_undisc": "qalys_undisc",
    "psa_life_years_undisc": "lys_undisc",
}


def psa_sample(study: Study, sample: Sample) -> PsaSample:
    """Return costs, QALYs and life years of draws × strategies with the parameters that vary, for decisions."""
    total = sample.total()
    return PsaSample(
        tuple(study.strategies),
        total.mean("costs"),
        total.mean("qalys"),
        total.mean("lys"),
        sample.draws.varying(),
    )


def analyse(study: Study) -> Tables:
    """Draw, evaluate, decide. Tables: the sample's files, those of `decision.analysis` and `base_case`, and errors."""
    sample = sample_of(study)
    found = psa_sample(study, sample)
    without = PsaSample(found.strategies, found.costs, found.effects, found.life_years)
    decision = decide_sample(without, study.wtp, study.scenario.reference)
    total = sample.total()
    undiscounted = {
        name: pd.DataFrame(total.mean(measure), columns=study.strategies) for name, measure in UNDISCOUNTED.items()
    }
    outcomes = list(dict.fromkeys(["nmb", "qalys", "costs", "lys", *study.settings.outcomes, *study.settings.until]))
    left_out = sample.draws.not_varying() | (sums_of_others(found.parameters) if found.parameters is not None else {})
    return {
        **sample_tables(found),
        **undiscounted,
        **decision.tables(),
        **compare(study, sample, outcomes),
        **{name: _with_alive(decision.tables()[name], total, study) for name in ("incremental", "pairwise")},
        "evpi": sample.bias_corrected(decision.evpi),
        **severity_tables(study, found.effects[:, study.reference]),
        "variance": variance_table(sample, outcomes, study.wtp[0], study.strategies, study.reference),
        "running_means": running_means(sample, study.wtp[0], study.strategies, study.reference),
        "parameters_left_out": pd.DataFrame({"parameter": list(left_out), "reason": list(left_out.values())}),
    }


def _with_alive(table: pd.DataFrame, total: Evaluation, study: Study) -> pd.DataFrame:
    """Add to a table with ICERs the share of patients who are alive when costs and QALYs end: 0 for life."""
    if study.economics.horizon_months == LIFETIME_MONTHS:
        return table.assign(Alive=0.0)
    alive = dict(zip(study.strategies, total.mean("events_censored").mean(axis=0), strict=True))
    return table.assign(Alive=table["Strategy"].map(alive))


def draw(tables: Tables, labels: Labels) -> Figures:
    """Draw the figures of a decision, and the running means."""
    questions = {
        "ce_plane.png": f"What does each cost and yield more than {labels.strategy(labels.reference)}?",
        "frontier.png": "Who is on the efficiency frontier, and what does a QALY cost along it?",
        "ceac.png": "How probable is it that a strategy is the most cost-effective?",
        "expected_loss.png": "What is lost on average by choosing a strategy under uncertainty?",
        "evpi.png": "What would it be worth to know everything?",
    }
    figures = decision_figures(_decision(tables, labels), labels.style())
    titles = {name: partial(_titled, figure, labels, questions.get(name, "")) for name, figure in figures.items()}
    return {**titles, "running_means.png": lambda: _running_means(tables["running_means"], labels)}


def summarise(tables: Tables, labels: Labels) -> list[str]:
    """Give both answers, say which strategy is preferred, how surely, and how exact that is."""
    lines = summarise_both(tables, labels)
    alive = tables["incremental"]["Alive"].max()
    if alive > 0.0:
        lines.append(f"Not for life: up to {alive:.0%} of patients are alive when costs and QALYs end (--horizon).")
    main = tables["variance"][tables["variance"]["Outcome"] == "nmb"]
    errors = main.set_index("Strategy")["Std_Error"]
    for row in tables["answers"].to_dict("records"):
        lines.append(
            f"{labels.at_wtp(row['WTP'], 'At')} {labels.strategy(row['Best'])} has the highest expected net benefit, "
            f"{labels.money(row['Gain'])} more than {labels.strategy(row['Next'])}; it is the best in "
            f"{row['Probability']:.0%} of draws. EVPI {labels.money(row['EVPI'])} a patient, "
            f"{labels.money(bias_corrected(tables['evpi'], row['WTP']))} corrected for bias."
        )
        rival = next((row[one] for one in ("Best", "Next") if row[one] != labels.reference), "")
        if labels.reference in (row["Best"], row["Next"]) and row["Gain"] < Z_95 * errors[rival]:
            lines.append("  That is within the Monte Carlo error: try more patients, or --until.")
    lines += summarise_severity(tables)
    worst = main.sort_values("Std_Error").iloc[-1]
    lines.append(
        f"{int(worst['Draws']):,} draws × {int(worst['Patients']):,} patients. Standard error of net benefit against "
        f"{labels.strategy(labels.reference)}: at most {labels.money(worst['Std_Error'])} (draws "
        f"{labels.money(worst['Error_Of_Draws'])}, patients {labels.money(worst['Error_Of_Patients'])}). "
        + in_words(float(main["First_Order_Share"].max()), int(worst["Patients"]))
    )
    for outcome, target in labels.settings.get("until", {}).items():
        reached = float(tables["variance"].query("Outcome == @outcome")["Std_Error"].max())
        if reached > target:
            lines.append(f"The stop rule {outcome}_se={target:g} does not hold: {reached:.3g} is as far as this went.")
    return lines


def bias_corrected(curve: pd.DataFrame, wtp: float) -> float:
    """EVPI of a curve at a willingness to pay, free of first-order uncertainty."""
    return float(curve.loc[curve["WTP"] == wtp, "EVPI_Bias_Corrected"].iloc[0])


def _decision(tables: Tables, labels: Labels) -> Decision:
    strategies = tuple(labels.strategies)
    costs, effects = (tables[name][list(strategies)].to_numpy(float) for name in ("psa_costs", "psa_effects"))
    return Decision(
        sample=PsaSample(strategies, costs, effects),
        reference=labels.reference,
        wtp=labels.wtp,
        **{name: tables[name] for name in DECISION},
    )


def _titled(figure: Callable[[], Figure], labels: Labels, question: str) -> Figure:
    return titled(figure(), labels.title, question)


def _running_means(table: pd.DataFrame, labels: Labels) -> Figure:
    from rallsim.decision.style import money_axis

    ax = new_axes(height=4.8)
    style = labels.style()
    for strategy, rows in table.groupby("Strategy", sort=False):
        name = str(strategy)
        ax.plot(rows["Draws"], rows["INMB"], color=style.colour(name), linewidth=1.7, label=style.label(name))
        ax.fill_between(rows["Draws"], rows["Lower"], rows["Upper"], color=style.colour(name), alpha=0.1, linewidth=0)
    ax.axhline(0, color="black", linewidth=0.8)
    ax.set_xlim(0, table["Draws"].max())
    ax.set_xlabel("Draws of the parameters")
    money_axis(ax.yaxis, style, f"Net benefit against {labels.strategy(labels.reference)}", ax.get_ylim())
    finish(ax)
    question = f"Are there enough draws? Mean with 95 % limits of draws and patients, {labels.at_wtp(labels.wtp[0])}"
    return titled(figure_of(ax), labels.title, question)
