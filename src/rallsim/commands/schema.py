"""`rallsim schema`: the JSON Schema of scenario files."""

from __future__ import annotations

PLACE = 90  # among the commands that `--help` lists


def schema() -> None:
    """Print the JSON Schema of scenario files, for editors to complete and check them."""
    from rallsim.inputs.scenario import schema_text

    print(schema_text(), end="")
