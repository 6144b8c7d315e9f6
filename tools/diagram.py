"""Draw the pathway from its own table of transitions into docs/pathway.md: `python tools/diagram.py`."""

from __future__ import annotations

from marks import renew
from rallsim.model.states import EVENTS, STAGES, Stage
from rallsim.model.transitions import ENTRIES, TRANSITIONS


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


def parts() -> dict[str, str]:
    """Return what the tool writes into the page, by the name of its marks."""
    return {"diagram": f"```mermaid\n{mermaid()}```\n", "events": events_inside()}


if __name__ == "__main__":
    renew("pathway.md", **parts())
