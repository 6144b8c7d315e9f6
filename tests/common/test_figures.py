from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest

from rallsim.common.figures import month_ticks, plot_survival
from rallsim.errors import InputError

LABELS = {
    "chemotherapy": "Chemotherapy, then transplant for whoever responds",
    "blinatumomab_first": "Blinatumomab first; CAR-T at relapse after transplant",
    "bridge_all": "Bridge everyone with inotuzumab to CD19 CAR-T, then transplant if MRD-positive " * 2,
}


def exponential_curves(horizon: float, patients: int, strategies: tuple[str, ...] = tuple(LABELS)) -> pd.DataFrame:
    t = np.arange(horizon + 1)
    parts = []
    for place, strategy in enumerate(strategies, start=1):
        left = np.exp(-t / (8.0 * place))
        columns = {"t": t, "survival": left, "std_error": np.sqrt(left * (1 - left) / patients)}
        parts.append(
            pd.DataFrame(columns).assign(
                strategy=strategy, endpoint="os", at_risk=np.round(left * patients).astype(int)
            )
        )
    return pd.concat(parts, ignore_index=True)


def drawn_boxes(ax: Any) -> tuple[Any, dict[str, list[Any]]]:
    """Draw the figure; return its frame and the boxes of its texts, in pixels."""
    figure = ax.figure
    figure.canvas.draw()
    boxes: dict[str, list[Any]] = {
        "table": [text.get_window_extent() for text in ax.texts],
        "legend": [text.get_window_extent() for text in ax.get_legend().get_texts()],
        "axis": [ax.xaxis.label.get_window_extent(), ax.yaxis.label.get_window_extent()],
        "ticks": [label.get_window_extent() for label in [*ax.get_xticklabels(), *ax.get_yticklabels()]],
    }
    return figure.bbox, boxes


@pytest.mark.parametrize(("horizon", "patients"), [(60.0, 400), (600.0, 100_000), (12.0, 9)])
def test_nothing_is_clipped_or_overlaps(horizon: float, patients: int) -> None:
    """With long names and large numbers every text lies inside the figure and none on another."""
    frame, boxes = drawn_boxes(plot_survival(exponential_curves(horizon, patients), LABELS))
    every = [box for group in boxes.values() for box in group]
    assert len(every) > 20
    for number, box in enumerate(every):
        assert frame.x0 <= box.x0 <= box.x1 <= frame.x1
        assert frame.y0 <= box.y0 <= box.y1 <= frame.y1
        assert not any(box.overlaps(other) for other in every[:number])


def test_numbers_at_risk_stand_under_their_ticks() -> None:
    """Each strategy has a row in the legend's order, each number the count at its tick's month."""
    curves = exponential_curves(60.0, 400)
    ax = plot_survival(curves, LABELS)
    by_place = {(text.xy[0], round(text.xyann[1])): text.get_text() for text in ax.texts if text.xyann[0] == 0}
    rows = sorted({down for _, down in by_place}, reverse=True)
    assert len(rows) == len(LABELS)
    for strategy, down in zip(LABELS, rows, strict=True):
        held = curves[curves["strategy"] == strategy].set_index("t")["at_risk"]
        for tick in ax.get_xticks():
            assert by_place[tick, down] == str(held[tick])
    assert {text.get_ha() for text in ax.texts if text.xyann[0] == 0} == {"center"}


def test_table_can_be_left_out() -> None:
    """Without `at_risk` nothing is written under the axes."""
    assert not plot_survival(exponential_curves(60.0, 400), at_risk=False).texts


def test_a_tick_the_curves_do_not_hold_has_no_number() -> None:
    """Curves in steps of four months have numbers at 0, 12, 24, 36, 48 and 60 of the ticks every six."""
    curves = exponential_curves(60.0, 400, ("chemotherapy",))
    ax = plot_survival(curves[curves["t"] % 4 == 0])
    assert [text.xy[0] for text in ax.texts if text.xyann[0] == 0] == [0, 12, 24, 36, 48, 60]


def test_lines_are_steps_in_per_cent_with_colours_of_their_own() -> None:
    """Each strategy is one step line of its values, no two look the same, and y runs from 0 to 100 %."""
    strategies = tuple(f"strategy_{number}" for number in range(12))
    curves = exponential_curves(60.0, 400, strategies)
    ax = plot_survival(curves, at_risk=False)
    lines = ax.get_lines()
    assert [line.get_label() for line in lines] == list(strategies)
    assert {line.get_drawstyle() for line in lines} == {"steps-post"}
    assert len({(line.get_color(), line.get_linestyle()) for line in lines}) == 12
    first = curves[curves["strategy"] == strategies[0]]
    np.testing.assert_array_equal(lines[0].get_ydata(), first["survival"])
    ax.figure.canvas.draw()
    assert [label.get_text() for label in ax.get_yticklabels()] == ["0%", "20%", "40%", "60%", "80%", "100%"]


@pytest.mark.parametrize(("patients", "bands"), [(100, 3), (1_000_000, 0)])
def test_bands_are_drawn_only_where_they_are_seen(patients: int, bands: int) -> None:
    """A hundred patients give three bands of confidence; a million give none wider than the line."""
    assert len(plot_survival(exponential_curves(60.0, patients)).collections) == bands


def test_given_axes_are_drawn_on() -> None:
    """An `ax` that is given is used and returned."""
    from matplotlib.figure import Figure

    ax = Figure(layout="constrained").add_subplot()
    assert plot_survival(exponential_curves(60.0, 400), ax=ax, at_risk=False) is ax
    assert len(ax.get_lines()) == 3


def test_an_unknown_endpoint_is_refused() -> None:
    """An endpoint the table does not hold is refused with those it does."""
    with pytest.raises(InputError, match=r"allowed: os.*got pfs"):
        plot_survival(exponential_curves(60.0, 400), endpoint="pfs")


@pytest.mark.parametrize(("horizon", "step"), [(9, 1), (24, 3), (36, 6), (60, 6), (120, 12), (600, 60), (1300, 120)])
def test_ticks_are_round_months(horizon: float, step: int) -> None:
    """Ticks are whole steps of months or years, from 0 to no further than the horizon."""
    assert month_ticks(horizon) == list(range(0, horizon + 1, step))
