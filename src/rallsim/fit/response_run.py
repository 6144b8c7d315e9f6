"""Run the response model: its values, what it makes of every count, and joint draws."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from rallsim.fit.response import Response, fit_response
from rallsim.fit.response_file import OUTCOMES, Owners, owners_of, read_response
from rallsim.fit.response_layout import Layout, laid_out
from rallsim.fit.yaml_text import evidence_hash, rounded, yaml_text
from rallsim.inputs.parameter_values import RESPONSE
from rallsim.inputs.parameters import ParameterSet
from rallsim.inputs.spreads import Z
from rallsim.inputs.uncertainty import PLACES, bounded
from rallsim.model.random_numbers import parameter_uniforms

SOURCE = f"{RESPONSE}.yaml"
HEADER = f"# Written by `rallsim fit` from {SOURCE} and the evidence; not edited by hand.\n"
METHOD = (
    "posterior mode by Fisher scoring, covariance by its inverse information (Laplace), studies' spread by marginal "
    "likelihood"
)


@dataclass(frozen=True)
class Fitted:
    """The response model fitted: layout, solution and who takes over whose parameters."""

    layout: Layout
    response: Response
    owners: Owners

    def values(self) -> dict[str, float]:
        """Value of each parameter that the model gives, rounded as in the file."""
        return {path: rounded(float(value[0])) for path, value in self.natural(self.response.mode[None]).items()}

    def for_therapy(self, therapy: str) -> dict[str, float]:
        """Values by name that a therapy uses, those of its base included."""
        names = dict.fromkeys(path.rpartition(".")[2] for path in self.layout.paths)
        owned = {name: self.owners.path(therapy, name) for name in names}
        values = self.values()
        return {name: values[path] for name, path in owned.items() if path in values}

    def draws(self, assumed: Mapping[str, np.ndarray], draws: int, seed: int) -> dict[str, np.ndarray]:
        """Joint draws by path, and of studies' odds ratios as `places.<study>.<outcome>`, `new` for another study.

        `assumed` are draws of the odds ratios that the model does not move.
        """
        from scipy.special import ndtri

        names = self.layout.problem.names
        uniforms = parameter_uniforms(seed, draws, [f"response, {name}" for name in names])
        normal = np.column_stack([ndtri(uniforms[f"response, {name}"]) for name in names])
        constant = np.exp(self.layout.assumed)
        columns = [
            np.log(assumed.get(path, np.full(draws, constant[k]))) for k, path in enumerate(self.layout.assumed_paths)
        ]
        taken = np.column_stack(columns) if columns else np.zeros((draws, 0))
        unknowns = self.response.draws(normal, taken)
        studies = names[len(self.layout.paths) :]
        found = {f"{PLACES}{name}": np.exp(unknowns[:, names.index(name)]) for name in studies}
        for outcome in OUTCOMES:
            new = f"{PLACES}new.{outcome}"
            found[new] = np.exp(self.response.tau * ndtri(parameter_uniforms(seed, draws, [new])[new]))
        return self.natural(unknowns) | found

    def natural(self, unknowns: np.ndarray) -> dict[str, np.ndarray]:
        """Probabilities and odds ratios by path, of unknowns in rows."""
        return {path: bounded(unknowns[:, k], _unit(path)) for k, path in enumerate(self.layout.paths)}


def fitted_response(parameters: ParameterSet) -> Fitted:
    """Read `response.yaml` and fit it; raises InputError with all faults of the file."""
    owners = owners_of(parameters)
    spec = read_response(parameters.folder / SOURCE, owners, parameters.evidence)
    layout = laid_out(spec, owners, parameters.evidence)
    return Fitted(layout, fit_response(layout.problem, layout.assumed), owners)


def response_text(fitted: Fitted, parameters: ParameterSet) -> str:
    """Text of `fitted/response.yaml`."""
    layout, response = fitted.layout, fitted.response
    deviation = np.sqrt(np.diag(response.covariance))
    rows = {row for evidence in layout.evidence.values() for row in evidence}
    limits = fitted.natural(response.mode + np.outer([-Z, Z], deviation))
    size = len(layout.paths)
    content: dict[str, Any] = {
        "source": SOURCE,
        "method": METHOD,
        "evidence_sha256": evidence_hash(parameters.evidence, rows, _content(layout)),
        "parameters": {
            path: {
                "value": value,
                "lo": rounded(float(limits[path][0])),
                "hi": rounded(float(limits[path][1])),
                "prior_sd_ratio": rounded(float(deviation[k] / layout.problem.prior_sd[k]), 3),
                "evidence": list(layout.evidence[path]),
            }
            for k, (path, value) in enumerate(fitted.values().items())
        },
        "studies": {
            "sd": rounded(response.tau, 4),
            "odds_ratio": {
                name: rounded(float(np.exp(response.mode[size + k])), 4)
                for k, name in enumerate(layout.problem.names[size:])
            },
        },
        "targets": [
            {
                "what": label,
                "events": int(group.events),
                "total": int(group.total),
                "published": rounded(group.events / group.total, 4),
                "fitted": rounded(float(share), 4),
            }
            for (label, group), share in zip(layout.cells, response.fitted, strict=True)
        ],
    }
    return HEADER + yaml_text(content)


def _content(layout: Layout) -> list[Any]:
    problem = layout.problem
    return [problem.names, problem.prior_sd.tolist(), layout.assumed.tolist(), problem.weights.round(9).tolist()]


def _unit(path: str) -> str:
    return "odds_ratio" if "odds_ratio" in path else "probability"
