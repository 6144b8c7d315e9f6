"""The pathway drawn from its own table of transitions, as text that Mermaid turns into a picture."""

from __future__ import annotations

import re
from pathlib import Path

from rallsim.model.states import EVENTS, STAGES, Stage
from rallsim.model.transitions import ENTRIES, TRANSITIONS

MARKED_PIECES = 5  # before, mark, what is between, mark, after


def mermaid() -> str:
    """Return a state diagram of all stages and of the events that lead from one to another.

    Death, which can come in every stage, and events inside a stage are left to `events_inside`.

    >>> print(mermaid().splitlines()[0])
    stateDiagram-v2
    """
    events: dict[tuple[int, int], list[str]] = {}
    for event, pairs in TRANSITIONS.items():
        for before, after in pairs:
            if after not in (before, Stage.DEAD):
                events.setdefault((before, after), []).append(EVENTS[event].replace("_", " "))
    lines = ["stateDiagram-v2"]
    lines += [f"    [*] --> {STAGES[stage]}" for stage in ENTRIES]
    lines += [f"    {STAGES[a]} --> {STAGES[b]}: {', '.join(names)}" for (a, b), names in sorted(events.items())]
    return "\n".join(lines) + "\n"


def events_inside() -> str:
    """Return a table, as Markdown, of the events that can happen inside each stage without ending it."""
    lines = ["| stage | events inside it |", "|---|---|"]
    for stage, name in enumerate(STAGES):
        inside = [EVENTS[event] for event, pairs in TRANSITIONS.items() if (stage, stage) in pairs]
        if stage != Stage.DEAD:
            lines.append(f"| `{name}` | {', '.join(f'`{event}`' for event in inside)} |")
    return "\n".join(lines) + "\n"


def drawn_into(text: str) -> str:
    """Return a document with the diagram and the table of events between its marks renewed."""
    for name, part in (("diagram", f"```mermaid\n{mermaid()}```\n"), ("events", events_inside())):
        pieces = re.split(rf"(<!-- {name}:[^\n]*-->\n|<!-- end of {name} -->)", text)
        if len(pieces) != MARKED_PIECES:
            raise ValueError(f"the marks of '{name}' are missing or stand more than once")
        text = "".join([*pieces[:2], part, *pieces[3:]])
    return text


if __name__ == "__main__":
    page = Path(__file__).parents[3] / "docs" / "pathway.md"
    page.write_text(drawn_into(page.read_text(encoding="utf-8")), encoding="utf-8")
