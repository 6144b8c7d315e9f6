"""One response model for all arms: known answers, nothing counted twice, known parameters found again, and its file."""

from __future__ import annotations

import math
from itertools import product
from pathlib import Path

import numpy as np
import pytest
from scipy.stats import binom, nchypergeom_fisher

from inputs.test_parameters import broken, copied
from rallsim.common.yaml_file import parse_yaml
from rallsim.errors import InputError
from rallsim.fit.response import Counted, Printed, ResponseProblem, fit_response, given_their_sum
from rallsim.fit.response_run import Fitted, fitted_response, response_text
from rallsim.inputs.parameters import load_parameters

NOBODY = np.zeros(0)
WIDE = 50.0  # prior standard deviation that says nothing


def problem_of(
    design: list[list[float]],
    counted: list[Counted],
    *,
    prior_sd: list[float] | None = None,
    printed: tuple[Printed, ...] = (),
    of_assumed: list[list[float]] | None = None,
    tau_scale: float = 0.5,
) -> ResponseProblem:
    """A problem with one point a cell, everybody treated."""
    size = len(design[0])
    assumed = of_assumed or [[] for _ in design]
    return ResponseProblem(
        names=tuple(f"x{k}" for k in range(size)),
        prior_sd=np.array(prior_sd or [WIDE] * size),
        assumed=tuple(f"a{k}" for k in range(len(assumed[0]))),
        design=np.array(design, float),
        of_assumed=np.array(assumed, float).reshape(len(design), len(assumed[0])),
        weights=np.eye(len(design)),
        counted=tuple(counted),
        printed=printed,
        tau_scale=tau_scale,
    )


def whole(cell: int, events: float, total: float) -> Counted:
    return Counted((cell,), np.array([events]), np.array([total]), given_sum=False)


def table(cells: tuple[int, ...], events: list[float], totals: list[float], given_sum: bool) -> Counted:
    return Counted(cells, np.array(events), np.array(totals), given_sum=given_sum)


def logit(p: float) -> float:
    return math.log(p / (1.0 - p))


# --- distributions -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("p", [(0.3, 0.6), (0.02, 0.5), (0.95, 0.9)])
def test_two_counts_given_their_sum_are_fishers_noncentral_hypergeometric(p: tuple[float, float]) -> None:
    """Probability, mean and variance are those of scipy's distribution, whatever the level of the two probabilities."""
    events, totals = np.array([12.0, 30.0]), np.array([40.0, 90.0])
    odds = p[0] / (1 - p[0]) / (p[1] / (1 - p[1]))
    known = nchypergeom_fisher(130, 40, 42, odds)

    log_share, mean, covariance = given_their_sum(events, totals, np.array(p))

    assert log_share == pytest.approx(known.logpmf(12), rel=1e-8)
    assert mean == pytest.approx([known.mean(), 42 - known.mean()], rel=1e-8)
    assert covariance == pytest.approx(known.var() * np.array([[1.0, -1.0], [-1.0, 1.0]]), rel=1e-6)


def test_three_counts_given_their_sum_by_listing_all() -> None:
    """Every way to have 9 events in three groups, weighed by the binomials."""
    totals, p = np.array([4, 6, 8]), np.array([0.2, 0.5, 0.7])
    ways = [way for way in product(*(range(n + 1) for n in totals)) if sum(way) == 9]
    shares = np.array([binom.pmf(way, totals, p).prod() for way in ways])
    shares /= shares.sum()

    log_share, mean, covariance = given_their_sum(np.array([1.0, 3.0, 5.0]), totals.astype(float), p)

    assert math.exp(log_share) == pytest.approx(shares[ways.index((1, 3, 5))])
    assert mean == pytest.approx(shares @ np.array(ways))
    assert covariance == pytest.approx(np.cov(np.array(ways).T, aweights=shares, ddof=0))


# --- the fit -----------------------------------------------------------------------------------------------------


def test_one_arm_alone_is_its_proportion() -> None:
    """The log odds are those of the count, their variance 1 / (n p (1 - p))."""
    found = fit_response(problem_of([[1.0]], [whole(0, 30, 120)]), NOBODY)
    assert found.mode[0] == pytest.approx(logit(0.25), abs=1e-3)
    assert found.covariance[0, 0] == pytest.approx(1.0 / (120 * 0.25 * 0.75), rel=1e-3)


def test_a_table_in_full_gives_the_odds_ratio_of_its_counts() -> None:
    """Two groups with 20 of 50 and 40 of 60: log odds of the first, and the ratio of the odds, 3."""
    found = fit_response(problem_of([[1.0, 0.0], [1.0, 1.0]], [table((0, 1), [20, 40], [50, 60], False)]), NOBODY)
    assert found.mode == pytest.approx([logit(0.4), math.log(3.0)], abs=1e-3)
    assert found.fitted == pytest.approx([0.4, 2.0 / 3.0], abs=1e-3)


def test_a_table_given_its_total_says_nothing_about_the_level() -> None:
    """However high response is in a table, the level is that of the arm's count, and no surer for it."""
    shares = np.array([[0.5, 0.5]])
    problems = [
        ResponseProblem(
            names=("level", "ratio"),
            prior_sd=np.array([WIDE, 1.0]),
            assumed=(),
            design=np.array([[1.0, 0.0], [1.0, 1.0]]),
            of_assumed=np.zeros((2, 0)),
            weights=np.vstack([shares, np.eye(2)]),  # the whole arm, then its two halves
            counted=(whole(0, 60, 200), *more),
            printed=(),
            tau_scale=0.5,
        )
        for more in ((), (table((1, 2), [20, 40], [100, 100], True),), (table((1, 2), [50, 80], [100, 100], True),))
    ]
    alone, same, higher = (fit_response(problem, NOBODY) for problem in problems)
    information = []
    for found in (alone, same, higher):
        share = found.fitted[1:]
        slope = np.array([0.5 * (share * (1 - share)).sum(), 0.5 * share[1] * (1 - share[1])])
        information.append(1.0 / (slope @ found.covariance @ slope))
        assert found.fitted[0] == pytest.approx(0.3, abs=2e-3)
    assert information == pytest.approx([200 / (0.3 * 0.7)] * 3, rel=0.02)
    assert same.covariance[1, 1] < 0.5 * alone.covariance[1, 1], "but the odds ratio is known now"


def test_a_printed_odds_ratio_counts_by_its_interval() -> None:
    """Prior and print are normal: their precisions add up."""
    problem = problem_of([[1.0, 1.0]], [whole(0, 1, 2)], prior_sd=[WIDE, 1.0], printed=(Printed(1, 1.2, 0.5),))
    found = fit_response(problem, NOBODY)
    assert found.mode[1] == pytest.approx(1.2 * 4.0 / 5.0, abs=1e-2)


def test_arms_of_one_trial_are_compared_within_it() -> None:
    """Two trials of one drug against chemotherapy, one at better odds in both arms: the contrast is the common one."""
    design = [[1, 0, 1, 0], [0, 1, 1, 0], [1, 0, 0, 1], [0, 1, 0, 1]]
    counts = [whole(0, 200, 1000), whole(1, 429, 1000), whole(2, 500, 1000), whole(3, 750, 1000)]  # odds ratio 3 twice
    found = fit_response(problem_of(design, counts, prior_sd=[WIDE, WIDE, math.nan, math.nan], tau_scale=2.0), NOBODY)
    difference = np.array([-1.0, 1.0, 0.0, 0.0])
    assert difference @ found.mode == pytest.approx(math.log(3.0), abs=0.01)
    assert math.sqrt(difference @ found.covariance @ difference) < 0.1
    assert math.sqrt(found.covariance[0, 0]) > 0.4, "the level of a typical place is known to the trials' spread only"


def test_studies_spread_as_far_as_their_counts_say() -> None:
    """Six studies with the same share have next to no spread; with odds from 1/4 to 4, that of their logarithms."""
    design = [[1.0, *row] for row in np.eye(6)]
    prior_sd = [WIDE, *[math.nan] * 6]
    alike = fit_response(problem_of(design, [whole(k, 100, 200) for k in range(6)], prior_sd=prior_sd), NOBODY)
    log_odds = np.array([-1.39, -0.8, -0.2, 0.2, 0.8, 1.39])
    apart = [whole(k, round(2000 / (1 + math.exp(-x))), 2000) for k, x in enumerate(log_odds)]
    spread = fit_response(problem_of(design, apart, prior_sd=prior_sd, tau_scale=2.0), NOBODY)
    assert alike.tau < 0.1
    assert spread.tau == pytest.approx(log_odds.std(ddof=1), rel=0.25)


def test_known_parameters_are_found_again() -> None:
    """95 % limits hold the truth in at least 90 % of 60 made-up sets of trials (expected 57, standard deviation 1.7).

    Five studies of chemotherapy, two of them against a drug, each with a level of its own (sd 0.3), each split by a
    covariate given its total.
    """
    rng = np.random.default_rng(5)
    truth = {"chemotherapy": -0.5, "drug": 0.8, "ratio": 0.7}
    arms = [(study, "chemotherapy") for study in range(5)] + [(study, "drug") for study in range(2)]
    inside = dict.fromkeys(truth, 0)
    for _ in range(60):
        levels = rng.normal(0.0, 0.3, 5)
        design, weights, counted = [], [], []
        for number, (study, therapy) in enumerate(arms):
            for covariate in (0.0, 1.0):
                design.append([therapy == "chemotherapy", therapy == "drug", covariate, *(np.arange(5) == study)])
            rows = np.zeros((3, 2 * len(arms)))
            rows[0, 2 * number : 2 * number + 2] = 0.5
            rows[1, 2 * number], rows[2, 2 * number + 1] = 1.0, 1.0
            weights.append(rows)
            eta = truth[therapy] + levels[study] + truth["ratio"] * np.array([0.0, 1.0])
            events = rng.binomial(100, 1 / (1 + np.exp(-eta))).astype(float)
            counted.append(whole(3 * number, float(events.sum()), 200))
            counted.append(table((3 * number + 1, 3 * number + 2), events.tolist(), [100, 100], True))
        problem = ResponseProblem(
            names=("chemotherapy", "drug", "ratio", *(f"s{k}" for k in range(5))),
            prior_sd=np.array([2.0, 2.0, 1.0, *[math.nan] * 5]),
            assumed=(),
            design=np.array(design, float),
            of_assumed=np.zeros((len(design), 0)),
            weights=np.vstack(weights),
            counted=tuple(counted),
            printed=(),
            tau_scale=0.5,
        )
        found = fit_response(problem, NOBODY)
        for k, name in enumerate(truth):
            distance = abs(found.mode[k] - truth[name]) / math.sqrt(found.covariance[k, k])
            inside[name] += distance < 1.96
    assert min(inside.values()) >= 54, inside


def test_draws_follow_what_is_assumed() -> None:
    """Draws have the mode's covariance; with another assumed odds ratio they centre on the mode of a fit with it."""
    shares = {"of_assumed": [[0.0], [1.0]], "prior_sd": [WIDE]}
    problem = problem_of([[1.0], [1.0]], [table((0, 1), [30, 45], [100, 100], False)], **shares)  # type: ignore[arg-type]
    found = fit_response(problem, np.array([0.4]))
    normal = np.random.default_rng(1).normal(size=(4000, 1))
    drawn = found.draws(normal, np.full((4000, 1), 0.4))
    moved = found.draws(np.zeros((1, 1)), np.array([[0.5]]))
    assert drawn.std() == pytest.approx(math.sqrt(found.covariance[0, 0]), rel=0.05)
    assert moved[0, 0] == pytest.approx(fit_response(problem, np.array([0.5])).mode[0], abs=2e-3)


# --- the shipped file --------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def shipped_fit() -> Fitted:
    return fitted_response(load_parameters(fitted=False))


def test_every_count_is_met_within_what_its_size_can_tell(shipped_fit: Fitted) -> None:
    """Each published share lies within three standard errors of the fitted one: none of 40 is further off than that."""
    for (label, group), share in zip(shipped_fit.layout.cells, shipped_fit.response.fitted, strict=True):
        error = math.sqrt(share * (1.0 - share) / group.total)
        assert abs(group.events / group.total - share) < 3.0 * error, label


def test_forms_of_a_therapy_take_its_odds_ratios(shipped_fit: Fitted) -> None:
    """ELIANA's patients respond by their burden as MSKCC's do, at a level of their own; so are the files written."""
    own, base = shipped_fit.for_therapy("tisagenlecleucel"), shipped_fit.for_therapy("car_t_cd19")
    assert own["cr_odds_ratio_low_burden"] == base["cr_odds_ratio_low_burden"] > 1.0
    assert own["cr_rate"] != base["cr_rate"]
    loaded = load_parameters().parameters
    for path, value in shipped_fit.values().items():
        assert loaded[path].value == value
        assert loaded[path].basis == "fitted"


def test_assumed_odds_ratios_stay_and_move_the_level_with_them(shipped_fit: Fitted) -> None:
    """TOWER's remissions are met whatever a later line is assumed to cost: a smaller odds ratio, a higher reference."""
    path = "therapies.blinatumomab.cr_odds_ratio_second_salvage"
    assert path in shipped_fit.layout.assumed_paths
    low, high = (
        shipped_fit.draws({path: np.array([value])}, 1, 1)["therapies.blinatumomab.cr_rate"][0] for value in (0.4, 1.0)
    )
    assert low > high + 0.02


def test_the_text_tells_studies_and_counts(shipped_fit: Fitted) -> None:
    """The file holds the spread of studies, each study's odds ratio, and each count beside what the fit makes of it."""
    data = parse_yaml(response_text(shipped_fit, load_parameters(fitted=False)), "response.yaml").data
    assert 0.1 < data["studies"]["sd"] < 1.0
    assert {"tower.cr", "inovate.mrd"} <= set(data["studies"]["odds_ratio"])
    assert len(data["targets"]) == len(shipped_fit.layout.cells)
    assert all(entry["lo"] < entry["value"] < entry["hi"] for entry in data["parameters"].values())


# what is replaced in the small folder's response.yaml, by what, and words of the fault
BREAKS = {
    "unknown therapy": ("therapy: inotuzumab\n    outcome: cr", "therapy: inotuzumb\n    outcome: cr", "inotuzumab'?"),
    "unknown outcome": ("outcome: mrd", "outcome: mrt", "got mrt"),
    "unknown covariate": ("ph_positive: total", "ph_positiv: total", "'ph_positive'?"),
    "unknown row": (
        "events: events(inovate_final_ino_cr)\n",
        "events: events(inovate_final_in_cr)\n",
        "must name evidence rows",
    ),
    "more events than patients": ("total: total(inovate_ino_mrd_eot)", "total: '3'", "between 0 and the total"),
    "misspelt key": ("why: all 164", "wy: all 164", "'why'?"),
    "prior without a size": ("sd: 2.0", "sd: 0.0", "must be above 0"),
    "mix that is no list": ("mix:\n    - low_burden", "mix:\n      low_burden", "must be a list of mappings"),
    "no arm left for a parameter": ("outcome: mrd", "outcome: cr", "mrd_negative_given_cr, which asks for it"),
}


@pytest.mark.parametrize("kind", BREAKS)
def test_a_fault_of_the_file_is_told(tmp_path: Path, kind: str) -> None:
    """A typo in the response model is a problem with file and line, before anything is fitted."""
    old, new, words = BREAKS[kind]
    params = copied(tmp_path)
    broken(params, "response.yaml", old, new)

    with pytest.raises(InputError) as caught:
        fitted_response(load_parameters(params, fitted=False))

    told = [str(problem) for problem in caught.value.problems if words in str(problem)]
    assert told, [str(problem) for problem in caught.value.problems]
    assert "response.yaml" in told[0]
