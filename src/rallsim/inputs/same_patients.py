"""Draws of published numbers, those of the same patients together, as `params/uncertainty.yaml` lists them.

- `survival`: landmarks of one curve in the order of time. The share alive at the first is drawn, then, of those alive
  at each, the share alive at the next: binomials, by Jeffreys' prior. Rows in a list of their own print one landmark.
- `incidences`: landmarks of causes that exclude each other. Of those free of all causes at each landmark the shares of
  the causes until the next are drawn together: a multinomial (Dirichlet with ½ for each cause and for none).
  `alive_after` names a cause that is not death and the rows with the share alive at each landmark.
- `parts`: shares that exclude each other, of all patients or of the patients `of` whom another row counts.
- `sum`: a count that is the sum of others.

All other rows are drawn alone (`spreads.spread_of_row`).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

import numpy as np

from rallsim.errors import InputError, Problem
from rallsim.inputs.evidence import Evidence, Row
from rallsim.inputs.spreads import RULES, beta, effective_size, jeffreys, rules, size_of, spread_of_row
from rallsim.model.random_numbers import parameter_uniforms

Draws = dict[str, np.ndarray]


def rows_drawn_together() -> list[list[str]]:
    """Ids of the evidence rows of each group of `same_patients`."""
    return [list(_ids(group)) for group in rules()["same_patients"]]


def draws_of_rows(rows: Iterable[str], evidence: Evidence, draws: int, seed: int) -> Draws:
    """Return draws of the values of evidence rows, by row; rows that are no estimates are not among them."""
    wanted = set(rows)
    groups, together = _groups_of(wanted)
    unknown = sorted(together - set(evidence.rows))
    if unknown:
        raise InputError(Problem("must be an evidence row", file=RULES, key="same_patients", found=unknown[0]))
    spreads = {name: spread_of_row(evidence.row(name)) for name in sorted(wanted - together)}
    alone = {name: spread for name, spread in spreads.items() if spread is not None}
    uniforms = parameter_uniforms(seed, draws, [*alone, *sorted(together)])
    found = {name: spread.quantile(uniforms[name]) for name, spread in alone.items()}
    for group in groups:
        _draw_group(group, evidence, uniforms, found)
    return found


def _groups_of(wanted: set[str]) -> tuple[list[Mapping[str, Any]], set[str]]:
    """Groups with a row that is wanted, or with one of another such group; and all their rows."""
    together: set[str] = set()
    while True:
        groups = [group for group in rules()["same_patients"] if (wanted | together) & set(_ids(group))]
        found = {name for group in groups for name in _ids(group)}
        if found == together:
            return groups, together
        together = found


def _draw_group(group: Mapping[str, Any], evidence: Evidence, uniforms: Draws, found: Draws) -> None:
    if "survival" in group:
        _survival(group["survival"], evidence, uniforms, found)
    elif "incidences" in group:
        _incidences(group, evidence, uniforms, found)
    elif "parts" in group:
        _parts(group, evidence, uniforms, found)
    else:
        _sum(group, evidence, uniforms, found)


def _survival(landmarks: Sequence[str | list[str]], evidence: Evidence, uniforms: Draws, found: Draws) -> None:
    before, alive = 1.0, np.ones(1)
    for landmark in landmarks:
        names = [landmark] if isinstance(landmark, str) else landmark
        for name in names:
            row = evidence.row(name)
            share = min(1.0, _value(row) / before)
            found[name] = alive * jeffreys(share, before * effective_size(row)).quantile(uniforms[names[0]])
        before, alive = _value(evidence.row(names[0])), found[names[0]]


def _incidences(group: Mapping[str, Any], evidence: Evidence, uniforms: Draws, found: Draws) -> None:
    causes: dict[str, list[str]] = group["incidences"]
    after = group.get("alive_after", {})
    so_far, drawn_so_far = dict.fromkeys(causes, 0.0), {cause: np.zeros(1) for cause in causes}
    for number, landmark in enumerate(zip(*causes.values(), strict=True)):
        rows = {cause: evidence.row(name) for cause, name in zip(causes, landmark, strict=True)}
        free, drawn_free = 1.0 - sum(so_far.values()), 1.0 - sum(drawn_so_far.values(), np.zeros(1))
        size = free * float(np.mean([effective_size(row) for row in rows.values()]))
        shares = {row.id: (_value(row) - so_far[cause]) / free for cause, row in rows.items()}
        for cause, share in zip(causes, _dirichlet(shares, size, uniforms).values(), strict=True):
            drawn_so_far[cause] = drawn_so_far[cause] + drawn_free * share
            so_far[cause] = _value(rows[cause])
            found[rows[cause].id] = drawn_so_far[cause]
        for cause, names in after.items():
            if number < len(names):
                row = evidence.row(names[number])
                left, drawn_left = 1.0 - sum(so_far.values()), 1.0 - sum(drawn_so_far.values(), np.zeros(1))
                alive = min(1.0, max(0.0, _value(row) - left) / so_far[cause])
                lasting = jeffreys(alive, so_far[cause] * effective_size(row)).quantile(uniforms[row.id])
                found[row.id] = drawn_left + drawn_so_far[cause] * lasting


def _parts(group: Mapping[str, Any], evidence: Evidence, uniforms: Draws, found: Draws) -> None:
    rows = [evidence.row(name) for name in group["parts"]]
    whole, drawn_whole = 1.0, np.ones(1)
    if "of" in group:
        row = evidence.row(group["of"])
        whole = _value(row)
        if row.id not in found:
            found[row.id] = jeffreys(whole, size_of(row)).quantile(uniforms[row.id])
        drawn_whole = found[row.id]
    shares = {row.id: min(1.0, _value(row) / whole) for row in rows}
    size = whole * size_of(rows[0])
    found |= {name: drawn_whole * share for name, share in _dirichlet(shares, size, uniforms).items()}


def _sum(group: Mapping[str, Any], evidence: Evidence, uniforms: Draws, found: Draws) -> None:
    events = np.zeros(1)
    for name in group["of"]:
        row = evidence.row(name)
        if name not in found:
            found[name] = jeffreys(_value(row), size_of(row)).quantile(uniforms[name])
        events = events + found[name] * size_of(row)
    found[group["sum"]] = events / size_of(evidence.row(group["sum"]))


def _dirichlet(shares: Mapping[str, float], size: float, uniforms: Draws) -> Draws:
    """Shares of exclusive kinds among `size` patients, the rest being another kind: betas of what is left."""
    rest = max(0.0, 1.0 - sum(shares.values())) * size + 0.5
    weights = [share * size + 0.5 for share in shares.values()]
    drawn, left = {}, np.ones(1)
    for number, name in enumerate(shares):
        part = beta(weights[number], sum(weights[number + 1 :]) + rest).quantile(uniforms[name])
        drawn[name] = left * part
        left = left * (1.0 - part)
    return drawn


def _value(row: Row) -> float:
    """Share that a row prints, from its counts where they stand."""
    if row.events is not None and row.total:
        return row.events / row.total
    if row.value is None:
        raise InputError(Problem("must have a value to be drawn", row.file, row.line, row.id))
    return row.value


def _ids(group: Any) -> Iterator[str]:
    """Every evidence id of a group."""
    if isinstance(group, str):
        yield group
    else:
        for item in group.values() if isinstance(group, dict) else group:
            yield from _ids(item)
