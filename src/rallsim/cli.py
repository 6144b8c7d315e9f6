"""The command line: every module of `commands` that has a PLACE is a command, its function of the same name.

Commands are thin: they read, call, and print. Heavy modules load inside the command that needs them.
"""

from __future__ import annotations

import gc
import sys
from importlib import import_module
from pkgutil import iter_modules

import typer

from rallsim import commands
from rallsim.commands.options import FAILED, WRONG_INPUT
from rallsim.errors import InputError, ModelError

app = typer.Typer(
    name="rallsim",
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode=None,
    help=(
        "Simulate treatment pathways of adults with relapsed or refractory B-cell acute lymphoblastic leukaemia and "
        "compare strategies.\n\n"
        "Start with: rallsim scenarios, then rallsim run first_salvage\n\n"
        "Exit codes: 0 done, 1 the model or a check failed, 2 wrong input. Not medical advice."
    ),
)

_found = [(one.name, import_module(f"{commands.__name__}.{one.name}")) for one in iter_modules(commands.__path__)]
for _name, _module in sorted(_found, key=lambda item: getattr(item[1], "PLACE", 0)):
    if hasattr(_module, "PLACE"):
        app.command()(getattr(_module, _name))


def main() -> None:
    """Run the command line; turn our own errors into messages and exit codes."""
    # Imports and YAML trees make many objects and little garbage: collecting at every 700 takes a tenth of a short run.
    gc.set_threshold(100_000)
    try:
        app()
    except InputError as error:
        print(f"rallsim: {_count(len(error.problems))}", file=sys.stderr)
        for problem in error.problems:
            print(f"  {problem}", file=sys.stderr)
        sys.exit(WRONG_INPUT)
    except ModelError as error:
        print(f"rallsim: a rule of the model does not hold: {error}", file=sys.stderr)
        sys.exit(FAILED)
    except BrokenPipeError:
        sys.stderr.close()
        sys.exit(FAILED)


def _count(problems: int) -> str:
    return "one thing is wrong" if problems == 1 else f"{problems} things are wrong"
