"""Run every fit that parameter files ask for, and write `params/fitted/`."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any

from rallsim.files import shipped, written_atomically
from rallsim.fit.summaries import KINDS, Fit
from rallsim.parameters import ParameterSet, iterate_fits, load_parameters

HEADER = "# Written by `rallsim fit` from the fits of {source} and the evidence; not edited by hand.\n"


def fitted_texts(folder: Path | None = None) -> dict[Path, str]:
    """Run all fits; return the text of each file of `params/fitted/`."""
    folder = folder or shipped("params")
    parameters = load_parameters(folder, fitted=False)
    texts = {}
    for prefix, file in iterate_fits(parameters):
        source = Path(file.name)
        own = {
            path.removeprefix(prefix + "."): parameter.value
            for path, parameter in parameters.parameters.items()
            if path.startswith(prefix + ".")
        }
        fits = {
            name: KINDS[spec["kind"]](name, spec, own, parameters.evidence) for name, spec in file.data["fits"].items()
        }
        relative = source.relative_to(folder).as_posix()
        texts[folder / "fitted" / source.name] = _text(relative, fits, file.data["fits"], parameters)
    return texts


def write_fits(folder: Path | None = None) -> list[Path]:
    """Run all fits and write their files; return those that changed."""
    changed = []
    for path, text in fitted_texts(folder).items():
        if not path.exists() or path.read_text(encoding="utf-8") != text:
            with written_atomically(path) as temporary:
                temporary.write_text(text, encoding="utf-8")
            changed.append(path)
    return changed


def stale_fits(folder: Path | None = None) -> list[Path]:
    """Return the fitted files that the present evidence and fits would not write."""
    return [
        path
        for path, text in fitted_texts(folder).items()
        if not path.exists() or path.read_text(encoding="utf-8") != text
    ]


def _text(source: str, fits: dict[str, Fit], specs: dict[str, Any], parameters: ParameterSet) -> str:
    from ruamel.yaml import YAML
    from ruamel.yaml.compat import StringIO

    content: dict[str, Any] = {
        "source": source,
        "evidence_sha256": _evidence_hash(fits, specs, parameters),
        "parameters": {
            name: {"value": _rounded(value), "fit": fit_name, "evidence": list(fit.evidence)}
            for fit_name, fit in fits.items()
            for name, value in fit.parameters.items()
        },
        "targets": [
            {
                "fit": fit_name,
                "what": " ".join(target.what.split()),
                "published": _rounded(target.published),
                "fitted": _rounded(target.fitted),
            }
            for fit_name, fit in fits.items()
            for target in fit.targets
        ],
    }
    yaml = YAML()
    yaml.width = 110
    stream = StringIO()
    yaml.dump(content, stream)
    text: str = HEADER.format(source=source) + stream.getvalue()
    return text


def _rounded(value: float) -> float:
    """Round to six significant digits: more than any figure carries, fewer than platforms differ in."""
    return float(f"{value:.6g}")


def _evidence_hash(fits: dict[str, Fit], specs: dict[str, Any], parameters: ParameterSet) -> str:
    rows = {
        identity: [row.value, row.lo, row.hi, row.events, row.total]
        for fit in fits.values()
        for identity in fit.evidence
        for row in [parameters.evidence.row(identity)]
    }
    text = json.dumps([rows, specs], sort_keys=True, default=str)
    return hashlib.sha256(text.encode()).hexdigest()
