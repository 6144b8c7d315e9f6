"""One parameter as a file gives it: a number, its unit, and where it comes from, or what is wrong with that."""

from __future__ import annotations

import math
from collections.abc import Hashable, Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple

from rallsim.common.yaml_file import Place, YamlFile
from rallsim.errors import InputError, Problem, nearest
from rallsim.inputs.evidence import Evidence, Row
from rallsim.inputs.formula import evaluate, names
from rallsim.inputs.pooled import pool
from rallsim.model.parameter_fields import UNITS, Field

ANY_BASIS = ("unit", "basis", "note", "held")
KEYS = {
    "reported": ("value", "evidence", "from", "patients"),
    "pooled": ("value", "evidence", "estimates"),
    "counts": ("value", "evidence"),
    "fitted": ("fit",),
    "calibrated": ("fit",),
    "assumed": ("value", "lo", "hi", "reason", "evidence"),
}
RESPONSE = "response"  # the fit that several therapies share: params/response.yaml
ROUNDING = 5e-4  # a value in a file may be rounded to three decimals


@dataclass(frozen=True)
class Parameter:
    """A number with its unit, where it comes from, and the range it may lie in; `held` says why it is not drawn."""

    path: str
    value: float
    unit: str
    basis: str
    evidence: tuple[str, ...]
    note: str
    lo: float | None
    hi: float | None
    file: str
    line: int | None
    held: str = ""


@dataclass(frozen=True)
class ParameterFile:
    """A parameter file being checked: what stands in it, and the list that takes its faults."""

    yaml: YamlFile
    faults: list[Problem] = field(repr=False)

    @property
    def stem(self) -> str:
        """The file's name without its ending: the id of a therapy or population."""
        return Path(self.yaml.name).stem

    def at(self, *place: Hashable) -> Any:
        """Return what stands at `place`, None where nothing does."""
        value = self.yaml.data
        for key in place:
            if isinstance(value, list) and isinstance(key, int):
                value = value[key]
            else:
                value = value.get(key) if isinstance(value, dict) else None
        return value

    def mapping(self, *place: Hashable) -> dict[Any, Any]:
        """Return the mapping at `place`; something else there is a fault, nothing there an empty one."""
        value = self.at(*place)
        if value is not None and not isinstance(value, dict):
            self.fault(place, "must be a mapping of keys to values", found=value)
        return value if isinstance(value, dict) else {}

    def fault(
        self, place: Place, message: str, *, found: object = None, allowed: str | None = None, hint: str | None = None
    ) -> None:
        """Note a fault at `place`; `found` is shown as text."""
        key = ".".join(str(part) for part in place) or None
        shown = None if found is None else str(found)
        self.faults.append(Problem(message, self.yaml.name, self.yaml.line(*place), key, shown, allowed, hint))

    def faults_of_formula(self, place: Place, text: str, error: InputError) -> None:
        """Note at `place` why the formula that stands there has no value."""
        for problem in error.problems:
            found = problem.found or text
            self.fault(place, problem.message, found=found, allowed=problem.allowed, hint=problem.hint)

    def one_of(self, key: str, allowed: Iterable[str]) -> str | None:
        """Return the word at `key`, or note that it is none of `allowed` and return None."""
        words = tuple(allowed)
        found = self.at(key)
        if found in words:
            return str(found)
        self.fault((key,), "must be one of", found=found, allowed=", ".join(words))
        return None

    def only_keys(self, allowed: Iterable[str], *place: Hashable) -> None:
        """Note every key of the mapping at `place` that is not `allowed`."""
        words = tuple(allowed)
        for key in self.at(*place) or {}:
            if key not in words:
                hint = nearest(str(key), words)
                self.fault((*place, key), "must be a known key", allowed=", ".join(words), hint=hint)


class Origin(NamedTuple):
    """A value as its basis gives it: the evidence rows behind it, and the range it may lie in."""

    value: float
    evidence: tuple[str, ...]
    lo: float | None = None
    hi: float | None = None


def read_parameter(
    file: ParameterFile,
    path: str,
    spec: Field,
    evidence: Evidence,
    fitted: ParameterFile | None,
    response: ParameterFile | None,
) -> Parameter | None:
    """Read the parameter called by the last word of `path`; None when it is faulty, or fitted and not to be looked up.

    `fitted` is the file that `rallsim fit` wrote for this one, `response` the one for all therapies' responses.
    """
    name = path.rpartition(".")[2]
    place = ("parameters", name)
    before = len(file.faults)
    entry = file.at(*place)
    if not isinstance(entry, dict):
        file.fault(
            place, "must be a mapping", found=entry, allowed=f"keys {', '.join(ANY_BASIS)} and those of the basis"
        )
        return None
    basis = entry.get("basis")
    if basis not in tuple(KEYS):
        file.fault((*place, "basis"), "must say where the value comes from", found=basis, allowed=", ".join(KEYS))
        return None
    file.only_keys((*ANY_BASIS, *KEYS[basis]), *place)
    if entry.get("unit") != spec.unit:
        file.fault((*place, "unit"), "must be the parameter's unit", found=entry.get("unit"), allowed=spec.unit)
    if not entry.get("note") and basis != "assumed":
        file.fault((*place, "note"), "is missing: say what the number is and why this one")
    if "fit" not in KEYS[basis]:
        origin = _given(file, place, basis, evidence)
    elif entry.get("fit") == RESPONSE:
        origin = _looked_up(file, name, response, path, evidence)
    else:
        origin = _fitted(file, name, fitted, evidence)
    if origin is None or len(file.faults) > before:
        return None
    low, high = UNITS[spec.unit]
    for key, number in (("value", origin.value), ("lo", origin.lo), ("hi", origin.hi)):
        if number is not None and not low <= number <= high:
            file.fault(
                (*place, key), "must lie within", found=f"{number:g}", allowed=f"{low:g} to {high:g} ({spec.unit})"
            )
    note = str(entry.get("note") or entry.get("reason"))
    line = file.yaml.line(*place)
    held = str(entry.get("held") or "")
    return Parameter(
        path, origin.value, spec.unit, basis, origin.evidence, note, origin.lo, origin.hi, file.yaml.name, line, held
    )


def no_effect(path: str, unit: str, neutral: float, file: ParameterFile) -> Parameter:
    """Return a parameter that its file leaves out: the value that changes nothing."""
    note = "left out of the file: no such effect is modelled"
    return Parameter(
        path, neutral, unit, "assumed", (), note, neutral, neutral, file.yaml.name, file.yaml.line("parameters")
    )


def jeffreys_interval(events: float, total: float) -> tuple[float, float]:
    """95 % interval of a proportion under Jeffreys' prior: quantiles of Beta(events + 1/2, total - events + 1/2).

    >>> [round(limit, 3) for limit in jeffreys_interval(5, 17)]
    [0.122, 0.53]
    """
    from scipy.special import betaincinv

    a, b = events + 0.5, total - events + 0.5
    return float(betaincinv(a, b, 0.025)), float(betaincinv(a, b, 0.975))


def _given(file: ParameterFile, place: Place, basis: str, evidence: Evidence) -> Origin | None:
    """Read a value that stands in the file itself."""
    value = number_at(file, (*place, "value"))
    rows = _rows(file, (*place, "evidence"), evidence)
    if basis == "assumed":
        lo, hi = number_at(file, (*place, "lo")), number_at(file, (*place, "hi"))
        if not file.at(*place, "reason"):
            file.fault((*place, "reason"), "is missing: an assumed value needs a reason and a range (lo, hi)")
        if value is None or lo is None or hi is None or rows is None:
            return None
        if not lo <= value <= hi:
            file.fault(
                (*place, "value"), "must lie within its own range", found=f"{value:g}", allowed=f"{lo:g} to {hi:g}"
            )
        elif value in (lo, hi) and lo < hi and not file.at(*place, "held"):
            message = "must lie inside its own range, or say in 'held' why it is not drawn"
            file.fault((*place, "value"), message, found=f"{value:g}", allowed=f"between {lo:g} and {hi:g}")
        return Origin(value, tuple(row.id for row in rows), lo, hi)
    if rows == []:
        file.fault((*place, "evidence"), f"is missing: a value that is {basis} names its evidence rows")
    if value is None or not rows:
        return None
    read = {"counts": _counted, "pooled": _pooled}.get(basis, _reported)
    origin = read(file, place, rows, evidence)
    if origin and abs(origin.value - value) > max(ROUNDING, 2e-3 * abs(origin.value)):
        file.fault((*place, "value"), "must agree with its evidence", found=f"{value:g}", allowed=f"{origin.value:.6g}")
    return origin


def _pooled(file: ParameterFile, place: Place, rows: Sequence[Row], evidence: Evidence) -> Origin | None:
    """Combine a ratio's estimates with the prior of such ratios."""
    ids = tuple(row.id for row in rows)
    try:
        pooled = pool(file.at(*place, "estimates"), file.at(*place, "unit"), evidence)
    except InputError as error:
        file.faults_of_formula((*place, "estimates"), "", error)
        return None
    if set(pooled.evidence) != set(ids):
        used = ", ".join(pooled.evidence)
        file.fault((*place, "estimates"), "must use the rows that 'evidence' names", found=used, allowed=", ".join(ids))
    return Origin(pooled.value, ids, pooled.lo, pooled.hi)


def _counted(file: ParameterFile, place: Place, rows: Sequence[Row], evidence: Evidence) -> Origin | None:
    """Add up events and totals: a proportion with its interval."""
    without = [row.id for row in rows if row.events is None or not row.total]
    if without:
        file.fault((*place, "evidence"), "must be rows with events and a total", found=", ".join(without))
        return None
    events, total = sum(row.events or 0.0 for row in rows), sum(row.total or 0.0 for row in rows)
    return Origin(events / total, tuple(row.id for row in rows), *jeffreys_interval(events, total))


def _reported(file: ParameterFile, place: Place, rows: Sequence[Row], evidence: Evidence) -> Origin | None:
    """Take the value of the only row with its limits, or evaluate the formula of `from`."""
    ids = tuple(row.id for row in rows)
    formula = file.at(*place, "from")
    if formula is None and len(ids) > 1:
        file.fault((*place, "from"), "is missing: say how the value follows from several rows", found=", ".join(ids))
        return None
    text = ids[0] if formula is None else str(formula)
    key = (*place, "evidence" if formula is None else "from")
    try:
        if set(names(text)) != set(ids):
            file.fault(key, "must use the rows that 'evidence' names", found=text, allowed=", ".join(ids))
            return None
        value = evaluate(text, evidence)
    except InputError as error:
        file.faults_of_formula(key, text, error)
        return None
    is_the_row = text == ids[0]
    return Origin(value, ids, rows[0].lo if is_the_row else None, rows[0].hi if is_the_row else None)


def _fitted(file: ParameterFile, name: str, fitted: ParameterFile | None, evidence: Evidence) -> Origin | None:
    """Look up the value that a fit of this file gave; None as well when fits are left out."""
    fit = file.at("parameters", name, "fit")
    if not isinstance(fit, str) or fit not in (file.at("fits") or {}):
        file.fault(("parameters", name, "fit"), "must name a fit of this file", found=fit)
        return None
    return _looked_up(file, name, fitted, name, evidence)


def _looked_up(
    file: ParameterFile, name: str, fitted: ParameterFile | None, key: str, evidence: Evidence
) -> Origin | None:
    """Look up the value that stands under `key` in a fitted file."""
    if fitted is None:
        return None
    place = ("parameters", key)
    if fitted.at(*place) is None:
        message = f"must be in {Path(fitted.yaml.name).name}: run 'rallsim fit'"
        file.fault(("parameters", name), message)
        return None
    value, rows = number_at(fitted, (*place, "value")), _rows(fitted, (*place, "evidence"), evidence)
    if rows == []:
        fitted.fault((*place, "evidence"), "is missing: run 'rallsim fit'")
    return None if value is None or not rows else Origin(value, tuple(row.id for row in rows))


def number_at(file: ParameterFile, place: Place) -> float | None:
    """Return the number at `place`; something else there is a fault, and None."""
    value = file.at(*place)
    if isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value):
        return float(value)
    file.fault(place, "must be a number", found="nothing" if value is None else value)
    return None


def _rows(file: ParameterFile, place: Place, evidence: Evidence) -> list[Row] | None:
    """Return the evidence rows named at `place`, none where nothing stands; None when that is faulty."""
    ids = file.at(*place)
    if ids is None:
        return []
    if not isinstance(ids, list):
        file.fault(place, "must be a list of evidence ids", found=ids)
        return None
    ids = [str(identity) for identity in ids]
    unknown = [identity for identity in ids if identity not in evidence.rows]
    for identity in unknown:
        file.fault(place, "must be an evidence row", found=identity, hint=nearest(identity, list(evidence.rows)))
    return None if unknown else [evidence.rows[identity] for identity in ids]
