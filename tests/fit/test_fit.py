"""Fits to published summaries: answers worked on paper, what a fit may say, and when a fitted file is stale."""

from __future__ import annotations

import csv
import math
from collections import Counter
from pathlib import Path

import numpy as np
import pytest

from inputs.test_parameters import INOTUZUMAB, broken, copied
from rallsim.common.yaml_file import parse_yaml
from rallsim.errors import InputError, Problem
from rallsim.fit.check import FORMS
from rallsim.fit.run import fitted_texts, stale_fits, write_fits
from rallsim.fit.summaries import KINDS, mix_of, mixture_cure, reference_probability, transplant_outcomes
from rallsim.inputs.evidence import Evidence, Row
from rallsim.inputs.parameter_values import RESPONSE
from rallsim.inputs.parameters import load_parameters

NOTHING = Evidence({}, {}, {}, {}, {})


def evidence_of(**values: float) -> Evidence:
    rows = {
        name: Row(name, "published", "response", "cr_rate", value, None, None, "proportion", "made_up.csv", 2)
        for name, value in values.items()
    }
    return Evidence(rows, {}, {}, {}, {})


def test_a_proportion_without_a_mix_is_the_reference_probability() -> None:
    """When every patient is the reference patient, the parameter is the published proportion."""
    fit = reference_probability("cr_rate", {"target": "trial_cr"}, {}, evidence_of(trial_cr=0.42))

    assert fit.parameters["cr_rate"] == pytest.approx(0.42, abs=1e-10)
    assert fit.evidence == ("trial_cr",)


def test_one_odds_ratio_is_taken_out_of_a_proportion() -> None:
    """Half the patients with odds ratio 1/3: reference probability 1/2 gives (1/2 + 1/4) / 2 = 3/8, and back."""
    spec = {"target": "trial_cr", "mix": [{"odds_ratio": "later_line"}]}

    fit = reference_probability("cr_rate", spec, {"odds_ratio": 1 / 3}, evidence_of(trial_cr=3 / 8, later_line=0.5))

    assert fit.parameters["cr_rate"] == pytest.approx(0.5, abs=1e-9)
    assert fit.targets[0].fitted == pytest.approx(3 / 8, abs=1e-9)
    assert fit.evidence == ("trial_cr", "later_line")


def test_items_of_a_mix_are_independent_and_ratios_of_an_item_exclude_each_other() -> None:
    """Shares multiply over items; within an item they add up, and the rest has ratio 1."""
    spec = {"mix": [{"second": "0.3", "third": "0.2"}, {"low": "0.5"}]}

    mix = mix_of(spec, {"second": 0.5, "third": 0.25, "low": 2.0}, NOTHING)

    expected = [(0.25, 1.0), (0.25, 2.0), (0.15, 0.5), (0.15, 1.0), (0.1, 0.25), (0.1, 0.5)]
    np.testing.assert_allclose(mix, expected, atol=1e-15)
    assert sum(share for share, _ in mix) == pytest.approx(1.0)


def test_a_mix_may_name_a_parameter_of_a_general_file(tmp_path: Path) -> None:
    """SOS after inotuzumab rests on odds ratios of hsct.yaml: when they are 1, it is the published 18 of 79."""
    params = fitted_copy(tmp_path)
    assert sos_after_inotuzumab(params) < 0.1

    hsct = params / "hsct.yaml"
    lines = hsct.read_text(encoding="utf-8").splitlines()
    for index, line in enumerate(lines):
        if line.startswith("  sos_odds_ratio_"):
            lines[index + 1] = "    {value: 1, unit: odds_ratio, basis: assumed, lo: 1, hi: 1, reason: no effect}"
    hsct.write_text("\n".join(lines), encoding="utf-8")

    assert stale_fits(params) == [params / "fitted" / "inotuzumab.yaml"]
    write_fits(params)
    assert sos_after_inotuzumab(params) == pytest.approx(18 / 79, abs=1e-6)


def fitted_copy(folder: Path) -> Path:
    """Copy a small folder of parameters, every fit of it current."""
    params = copied(folder)
    write_fits(params)
    return params


def sos_after_inotuzumab(params: Path) -> float:
    return load_parameters(params).parameters["therapies.inotuzumab.sos_after_hsct"].value


def test_two_points_give_plateau_and_scale_exactly() -> None:
    """Plateau 0.2, scale 6, shape 1: S(6) = 0.2 + 0.8 / e and S(12) = 0.2 + 0.8 / e², and the fit finds them again."""
    targets = [{"at_months": t, "survival": 0.2 + 0.8 * math.exp(-t / 6.0)} for t in (6.0, 12.0)]
    spec = {"cure": "plateau", "scale": "months", "shape": "shape", "targets": targets}

    fit = mixture_cure("relapse", spec, {"shape": 1.0}, NOTHING)

    assert fit.parameters["plateau"] == pytest.approx(0.2, abs=1e-6)
    assert fit.parameters["months"] == pytest.approx(6.0, abs=1e-5)


def test_a_mixed_cohort_gives_the_curve_of_the_reference_patient() -> None:
    """Half the patients at hazard ratio 2: the points are of (S + S²) / 2, the parameters those of S."""

    def curve(t: float) -> float:
        return 0.3 + 0.7 * math.exp(-((t / 8.0) ** 1.5))

    targets = [{"at_months": t, "survival": (curve(t) + curve(t) ** 2) / 2} for t in (4.0, 60.0)]
    spec = {"cure": "c", "scale": "s", "shape": "k", "targets": targets, "mix": [{"ratio": "0.5"}]}

    fit = mixture_cure("relapse", spec, {"k": 1.5, "ratio": 2.0}, NOTHING)

    assert fit.parameters["c"] == pytest.approx(0.3, abs=1e-6)
    assert fit.parameters["s"] == pytest.approx(8.0, abs=1e-5)


def test_a_hazard_that_rises_later_is_taken_out_of_the_curve() -> None:
    """A quarter has three times the hazard from month 3 on, so survives as S(3) (S(t) / S(3))³; S is found again."""

    def curve(t: float) -> float:
        return 0.3 + 0.7 * math.exp(-t / 8.0)

    targets = [
        {"at_months": t, "survival": 0.75 * curve(t) + 0.25 * curve(3.0) * (curve(t) / curve(3.0)) ** 3}
        for t in (6.0, 60.0)
    ]
    later = {"hazard_ratio": "ratio", "share": "lost", "months": "wait"}
    spec = {"cure": "c", "scale": "s", "shape": "k", "targets": targets, "later": later}

    fit = mixture_cure("relapse", spec, {"k": 1.0, "ratio": 3.0, "wait": 3.0}, evidence_of(lost=0.25))

    assert fit.parameters["c"] == pytest.approx(0.3, abs=1e-6)
    assert fit.parameters["s"] == pytest.approx(8.0, abs=1e-5)
    assert fit.evidence == ("lost",)


def incidences(t: float, mrd_positive: float, ratio: float) -> tuple[float, float]:
    """Cumulative incidence of relapse and of death by `t` in a made-up cohort, by the exact integrals.

    Relapse-free (0.6 + 0.4 exp(-t / 10)) ** ratio and never-dying 0.7 + 0.3 exp(-t / 5), summed over a fine grid.
    """
    x = np.linspace(0.0, t, 20_001)
    alive = 0.7 + 0.3 * np.exp(-x / 5.0)
    relapse = death = 0.0
    for share, power in ((1.0 - mrd_positive, 1.0), (mrd_positive, ratio)):
        free = (0.6 + 0.4 * np.exp(-x / 10.0)) ** power
        relapse += share * float(np.sum(-np.diff(free) * (alive[1:] + alive[:-1]) / 2))
        death += share * float(np.sum(-np.diff(alive) * (free[1:] + free[:-1]) / 2))
    return relapse, death


def test_outcomes_of_transplant_are_recovered_from_their_incidences() -> None:
    """From incidences made with known parameters, in groups with 20 and 60 % MRD-positive, the fit finds these."""
    targets = []
    for mrd_positive in (0.2, 0.6):
        for t in (12, 24, 60):
            relapse, death = incidences(t, mrd_positive, ratio=3.0)
            targets.append({"event": "relapse", "share": relapse, "at_months": t, "mrd_positive": mrd_positive})
            targets.append({"event": "death", "share": death, "at_months": t, "mrd_positive": mrd_positive})
    names = {key: key for key in ("relapse_cure", "relapse_scale", "death_never", "death_scale")}
    spec = {**names, "hazard_ratio": "hr", "targets": targets, "weights": [1.0] * len(targets)}

    fit = transplant_outcomes("transplant", spec, {"hr": 3.0}, NOTHING)

    assert fit.parameters["relapse_cure"] == pytest.approx(0.6, abs=1e-3)
    assert fit.parameters["relapse_scale"] == pytest.approx(10.0, rel=1e-2)
    assert fit.parameters["death_never"] == pytest.approx(0.7, abs=1e-3)
    assert fit.parameters["death_scale"] == pytest.approx(5.0, rel=1e-2)


def test_the_shipped_fitted_files_are_current() -> None:
    """Nobody changed evidence or fits without `rallsim fit`, nor a fitted file by hand."""
    assert stale_fits() == []
    assert len(fitted_texts()) >= 5


def test_a_fit_is_written_once(tmp_path: Path) -> None:
    """Fitting writes what is missing, then finds nothing to do, and leaves what it finds current untouched."""
    params = fitted_copy(tmp_path)
    path = params / "fitted" / "inotuzumab.yaml"
    before = path.read_bytes()
    path.unlink()

    assert write_fits(params) == [path]
    assert path.read_bytes() == before
    assert write_fits(params) == []


def test_a_changed_evidence_row_makes_its_fits_stale_and_no_others(tmp_path: Path) -> None:
    """Another number in a row is noticed in the file fitted to it, and fitting again moves the parameter."""
    params = fitted_copy(tmp_path)
    table = params / "evidence" / "estimates_salvage.csv"
    with table.open(encoding="utf-8", newline="") as file:
        rows = list(csv.reader(file))
    row = next(row for row in rows if row[0] == "inovate_final_ino_cr")
    row[rows[0].index("value")] = "0.6402"
    row[rows[0].index("events")] = "105"
    with table.open("w", encoding="utf-8", newline="") as file:
        csv.writer(file).writerows(rows)
    before = load_parameters(params).parameters["therapies.inotuzumab.cr_rate"].value

    assert stale_fits(params) == [params / "fitted" / "response.yaml"]
    write_fits(params)
    assert load_parameters(params).parameters["therapies.inotuzumab.cr_rate"].value < before
    assert stale_fits(params) == []


def test_a_fitted_file_changed_by_hand_is_stale(tmp_path: Path) -> None:
    """A value that no fit gives does not pass for one."""
    params = fitted_copy(tmp_path)
    broken(params, "fitted/inotuzumab.yaml", "value: 0.107841", "value: 0.8")

    assert stale_fits(params) == [params / "fitted" / "inotuzumab.yaml"]


def faults_of(params: Path) -> list[Problem]:
    with pytest.raises(InputError) as caught:
        fitted_texts(params)
    return list(caught.value.problems)


# file, what is replaced, by what, key and words of the one problem this makes
BREAKS: dict[str, tuple[str, str, str, str, list[str]]] = {
    "unknown kind": (
        *(INOTUZUMAB, "kind: mixture_cure", "kind: mixture_cures"),
        *("fits.relapse.kind", ["must be a known kind of fit", "'mixture_cure'?"]),
    ),
    "unknown key": (
        *(INOTUZUMAB, "    why: shares of the 62", "    wy: shares of the 62"),
        *("fits.sos_after_hsct.wy", ["must be a known key", "'why'?"]),
    ),
    "parameter that is not in the file": (
        *(INOTUZUMAB, "shape: relapse_shape", "shape: relapse_shap"),
        *("fits.relapse.shape", ["must be a parameter of this file", "got relapse_shap;", "'relapse_shape'?"]),
    ),
    "parameter of a mix that is not in the file": (
        *(INOTUZUMAB, "- {hsct.sos_odds_ratio_bilirubin:", "- {sos_on_tretment:"),
        *("fits.sos_after_hsct.mix.1.sos_on_tretment", ["'sos_on_treatment'?"]),
    ),
    "parameter of a general file that does not exist": (
        *(INOTUZUMAB, "- {hsct.sos_odds_ratio_bilirubin:", "- {hsct.sos_odds_ratio_bilirubn:"),
        *("fits.sos_after_hsct.mix.1.hsct.sos_odds_ratio_bilirubn", ["'hsct.sos_odds_ratio_bilirubin'?"]),
    ),
    "unknown evidence row": (
        *(INOTUZUMAB, "target: events(ino_smpc_sos_hsct)", "target: events(ino_smpc_sos_hst)"),
        *("fits.sos_after_hsct.target", ["must name evidence rows", "'ino_smpc_sos_hsct'?"]),
    ),
    "unknown evidence row in a target": (
        *(INOTUZUMAB, "survival: lo(gap_frey_longterm)", "survival: lo(gap_fry_longterm)"),
        *("fits.relapse.targets.1.survival", ["must name evidence rows", "'gap_frey_longterm'?"]),
    ),
    "target without a time": (
        *(INOTUZUMAB, '{survival: "0.5", at_months: inovate218_ino_dor}', '{survival: "0.5"}'),
        *("fits.relapse.targets.0.at_months", ["is missing"]),
    ),
    "target out of reach": (
        *(INOTUZUMAB, "target: events(ino_smpc_sos_hsct) / total(ino_smpc_sos_hsct)", 'target: "1.5"'),
        *("fits.sos_after_hsct", ["cannot be fitted"]),
    ),
    "missing key": (INOTUZUMAB, "    shape: relapse_shape\n", "", "fits.relapse.shape", ["is missing"]),
    "time that is no number": (
        *("hsct.yaml", "share: inovate_ino_hsct_rel12\n        at_months: 12",
          "share: inovate_ino_hsct_rel12\n        at_months: soon"),
        *("fits.transplant.targets.0.at_months", ["must be a number", "got soon"]),
    ),
    "unknown event": (
        *("hsct.yaml", "death\n        share: inovate_soc_hsct_nrm12", "dead\n        share: inovate_soc_hsct_nrm12"),
        *("fits.transplant.targets.6.event", ["must be a known event", "relapse, death"]),
    ),
    "too few weights": (
        *("hsct.yaml", "weights: [77, 77,", "weights: [77,"),
        *("fits.transplant.weights", ["10 numbers"]),
    ),
}  # fmt: skip


@pytest.mark.parametrize("kind", BREAKS)
def test_a_fit_that_cannot_be_is_told_with_file_line_and_key(tmp_path: Path, kind: str) -> None:
    """A typo in a fit is a problem in the parameter file, not a crash in the middle of fitting."""
    name, old, new, key, words = BREAKS[kind]
    params = copied(tmp_path)
    broken(params, name, old, new)

    (problem,) = faults_of(params)

    assert (problem.file, problem.key) == (str(params / name), key)
    assert problem.line
    lines = (params / name).read_text(encoding="utf-8").splitlines()
    assert any(str(part) in lines[problem.line - 1] for part in (*key.split(".")[-2:], "event", "survival"))
    assert [word for word in words if word not in str(problem)] == []


def test_every_fit_makes_what_asks_for_it(tmp_path: Path) -> None:
    """A parameter that names a fit which makes others is told at its own line."""
    params = copied(tmp_path)
    line = broken(params, INOTUZUMAB, "fit: relapse, note: scale", "fit: sos_after_hsct, note: scale")

    problems = {problem.key: problem for problem in faults_of(params)}

    assert set(problems) == {"parameters.relapse_scale.fit", "fits.relapse.scale"}
    assert problems["parameters.relapse_scale.fit"].line == line


def test_faults_of_several_fits_come_together(tmp_path: Path) -> None:
    """Typos in two files are told at once."""
    params = copied(tmp_path)
    for name, old, new, *_ in (BREAKS["unknown kind"], BREAKS["too few weights"]):
        broken(params, name, old, new)

    assert {Path(problem.file or "").name for problem in faults_of(params)} == {"inotuzumab.yaml", "hsct.yaml"}


def test_every_kind_of_fit_has_its_keys_checked() -> None:
    """No kind runs whose keys nobody checks, and none is allowed that cannot run."""
    assert set(FORMS) == set(KINDS)


def test_fitted_parameters_meet_their_targets_within_what_trials_can_tell() -> None:
    """A fit with no more targets than parameters meets them exactly; one with more, within eight points."""
    missed = []
    texts = {path: text for path, text in fitted_texts().items() if path.stem != RESPONSE}  # see test_response
    for path, text in texts.items():
        data = parse_yaml(text, str(path)).data
        assert data["targets"]
        made = Counter(parameter["fit"] for parameter in data["parameters"].values())
        asked = Counter(target["fit"] for target in data["targets"])
        for target in data["targets"]:
            limit = 0.08 if asked[target["fit"]] > made[target["fit"]] else 1e-3
            missed += [target] if abs(target["published"] - target["fitted"]) > limit else []

    assert missed == []
