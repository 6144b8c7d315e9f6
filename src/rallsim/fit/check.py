"""What a fit in a parameter file may say, checked before any is run."""

from __future__ import annotations

from collections.abc import Collection, Hashable, Iterator
from dataclasses import dataclass

from rallsim.common.yaml_file import Place
from rallsim.errors import InputError, nearest
from rallsim.inputs.evidence import Evidence
from rallsim.inputs.formula import evaluate
from rallsim.inputs.parameter_values import ParameterFile

_NUMBER = (int, float)


@dataclass(frozen=True)
class CheckedForm:
    """The keys of one kind of fit.

    `makes` and `rests_on` name parameters: those fitted and those given. `formulas` hold one formula each. Every item
    of the list `targets` holds formulas, `numbers` and one of the `events`. A kind that `makes` nothing makes the
    parameter that the fit is called by.
    """

    makes: tuple[str, ...] = ()
    rests_on: tuple[str, ...] = ()
    formulas: tuple[str, ...] = ()
    targets: tuple[str, ...] = ()
    numbers: tuple[str, ...] = ()
    events: tuple[str, ...] = ()
    weights: bool = False
    mix: bool = True
    later: bool = False  # a hazard ratio that holds from a time on, in a share of all

    @property
    def required(self) -> tuple[str, ...]:
        """Keys that must stand in a fit."""
        keys = (*self.makes, *self.rests_on, *self.formulas)
        return (*keys, *(["targets"] if self.targets else []), *(["weights"] if self.weights else []))


LATER_KEYS = ("hazard_ratio", "share", "months")

FORMS = {
    "reference_probability": CheckedForm(formulas=("target",)),
    "mixture_cure": CheckedForm(
        makes=("cure", "scale"), rests_on=("shape",), targets=("survival", "at_months"), later=True
    ),
    "transplant_outcomes": CheckedForm(
        makes=("relapse_cure", "relapse_scale", "death_never", "death_scale"),
        rests_on=("hazard_ratio",),
        targets=("share", "mrd_positive"),
        numbers=("at_months",),
        events=("relapse", "death"),
        weights=True,
        mix=False,
    ),
}


def check_fits(file: ParameterFile, given: Collection[str], evidence: Evidence) -> None:
    """Note every fault of a file's fits.

    `given` are the parameters whose values are known before any fit: by name those of the file, by full path the
    general ones.
    """
    for name in file.mapping("fits"):
        place = ("fits", name)
        if not file.mapping(*place):
            file.fault(place, "must not be empty")
            continue
        kind = file.at(*place, "kind")
        form = FORMS.get(kind) if isinstance(kind, str) else None
        if form is None:
            hint = nearest(str(kind), list(FORMS))
            file.fault((*place, "kind"), "must be a known kind of fit", found=kind, allowed=", ".join(FORMS), hint=hint)
            continue
        _check_keys(file, place, form)
        _check_names(file, str(name), form, given)
        for where in _formulas(file, place, form):
            _check_formula(file, where, evidence)


def _check_keys(file: ParameterFile, place: Place, form: CheckedForm) -> None:
    file.only_keys(
        ("kind", *form.required, *(["mix"] if form.mix else []), *(["later"] if form.later else []), "why"), *place
    )
    if form.later and file.mapping(*place, "later"):
        file.only_keys(LATER_KEYS, *place, "later")
        for key in LATER_KEYS:
            if file.at(*place, "later", key) is None:
                file.fault((*place, "later", key), "is missing")
    for key in form.required:
        if file.at(*place, key) is None:
            file.fault((*place, key), "is missing")
    for key, kind, words in (
        ("targets", dict, "a mapping"),
        ("mix", dict, "a mapping"),
        ("weights", _NUMBER, "a number"),
    ):
        items = file.at(*place, key)
        if items is not None and not isinstance(items, list):
            file.fault((*place, key), "must be a list", found=items)
        for index, item in enumerate(items if isinstance(items, list) else []):
            if not isinstance(item, kind):
                file.fault((*place, key, index), f"must be {words}", found=item)
    targets, weights = file.at(*place, "targets"), file.at(*place, "weights")
    if isinstance(targets, list) and isinstance(weights, list) and len(targets) != len(weights):
        file.fault((*place, "weights"), "must be one number a target", found=weights, allowed=f"{len(targets)} numbers")


def _check_names(file: ParameterFile, name: str, form: CheckedForm, given: Collection[str]) -> None:
    """See that the fit makes what asks for it, and rests on parameters whose values are given."""
    place = ("fits", name)
    asking = {one for one, entry in file.mapping("parameters").items() if isinstance(entry, dict)}
    asking = {one for one in asking if file.at("parameters", one, "fit") == name}
    made = {key: file.at(*place, key) for key in form.makes} if form.makes else {None: name}
    for key, parameter in made.items():
        if parameter is not None and parameter not in asking:
            where: Place = place if key is None else (*place, key)
            allowed = ", ".join(sorted(asking)) or f"a parameter with 'fit: {name}'"
            file.fault(where, "must be a parameter that asks for this fit", found=parameter, allowed=allowed)
    for parameter in sorted(asking - {one for one in made.values() if isinstance(one, str)}):
        file.fault(("parameters", parameter, "fit"), f"must be made by the fit '{name}'")
    rests_on: list[tuple[Place, object]] = [((*place, key), file.at(*place, key)) for key in form.rests_on]
    rests_on += [
        ((*place, "later", key), file.at(*place, "later", key)) for key in LATER_KEYS if form.later and key != "share"
    ]
    for index, item in _mappings(file, *place, "mix"):
        rests_on += [((*place, "mix", index, parameter), parameter) for parameter in item]
    for where, parameter in rests_on:
        if parameter is not None and parameter not in given:
            hint = nearest(str(parameter), list(given))
            message = "must be a parameter of this file with a given value, or the full path of a general one"
            file.fault(where, message, found=parameter, hint=hint)


def _formulas(file: ParameterFile, place: Place, form: CheckedForm) -> Iterator[Place]:
    """Yield the place of every formula of a fit, and note what stands in the way of finding one."""
    for key in form.formulas:
        if file.at(*place, key) is not None:
            yield (*place, key)
    if form.later and file.at(*place, "later", "share") is not None:
        yield (*place, "later", "share")
    for index, item in _mappings(file, *place, "mix"):
        for parameter in item:
            yield (*place, "mix", index, parameter)
    keys = (*form.targets, *form.numbers, *(["event"] if form.events else []))
    for index, item in _mappings(file, *place, "targets"):
        target = (*place, "targets", index)
        file.only_keys(keys, *target)
        for key in keys:
            if item.get(key) is None:
                file.fault((*target, key), "is missing")
        if form.events and item.get("event") not in (None, *form.events):
            file.fault((*target, "event"), "must be a known event", found=item["event"], allowed=", ".join(form.events))
        for key in form.numbers:
            if item.get(key) is not None and not isinstance(item[key], _NUMBER):
                file.fault((*target, key), "must be a number", found=item[key])
        for key in form.targets:
            if item.get(key) is not None:
                yield (*target, key)


def _check_formula(file: ParameterFile, place: Place, evidence: Evidence) -> None:
    text = str(file.at(*place))
    try:
        evaluate(text, evidence)
    except InputError as error:
        file.faults_of_formula(place, text, error)


def _mappings(file: ParameterFile, *place: Hashable) -> Iterator[tuple[int, dict[str, object]]]:
    """Yield number and content of every mapping in the list at `place`."""
    items = file.at(*place)
    for index, item in enumerate(items if isinstance(items, list) else []):
        if isinstance(item, dict):
            yield index, item
