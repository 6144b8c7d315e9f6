"""Where the courses of a patient part, and why: a rule that chose otherwise, or a draw that met another chance."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from rallsim.explain.courses import Course, first_difference
from rallsim.explain.lines import Teller
from rallsim.explain.reasons import Choice, Draw
from rallsim.explain.words import ORDINALS, at_sentence_start, in_sentence, listed
from rallsim.inputs.parameters import Therapy
from rallsim.model.random_numbers import InCourse

SUBJECTS = ("salvage", "bridging", "mrd", "consolidation", "reinfusion")
WITHOUT = {  # what it is called when a list of rules chose nothing
    "salvage": "no further line",
    "bridging": "nothing beforehand",
    "mrd": "no treatment of MRD",
    "consolidation": "no transplant",
    "reinfusion": "no second infusion",
}


@dataclass(frozen=True)
class Branch:
    """Strategies that go the same way where paths part."""

    strategies: tuple[str, ...]
    event: str
    why: dict[str, str]  # by strategy


@dataclass(frozen=True)
class Parting:
    """Where paths part: when, into which branches, and the draws that came out differently."""

    month: float
    branches: tuple[Branch, ...]
    luck: tuple[str, ...]


class Comparison:
    """Compares courses; those with the same history stand together in a group."""

    def __init__(self, groups: list[list[Course]], teller: Teller, therapies: Mapping[str, Therapy]) -> None:
        self._groups = groups
        self._teller = teller
        self._therapies = therapies

    def partings(self) -> list[Parting]:
        """Return where paths part, the first first; a choice that shows more than once is told once."""
        told: set[tuple[str, str]] = set()
        found = []
        for parting in sorted(self._partings(self._groups), key=lambda parting: parting.month):
            why = {reason for branch in parting.branches for reason in branch.why.items() if reason[1]}
            if not why or why - told:
                found.append(parting)
            told |= why
        return found

    def luck(self) -> list[str]:
        """Return a sentence for each draw that came out differently under different strategies."""
        return self._contrasts([(group, list(group[0].draws)) for group in self._groups])

    def _partings(self, groups: list[list[Course]]) -> Iterator[Parting]:
        if len(groups) < 2:
            return
        at = first_difference([group[0] for group in groups])
        branches: dict[tuple[Any, ...], list[list[Course]]] = {}
        for group in groups:
            branches.setdefault(group[0].events[at].item(), []).append(group)
        parts = list(branches.values())
        yield self._parting(at, parts)
        for part in parts:
            yield from self._partings(part)

    def _parting(self, at: int, parts: list[list[list[Course]]]) -> Parting:
        chosen = {course.strategy: course.standing(at) for part in parts for group in part for course in group}
        differ = [
            subject
            for subject in SUBJECTS
            if len({one[subject].given if subject in one else "" for one in chosen.values()}) > 1
        ]
        branches = []
        for part in parts:
            names = [course.strategy for group in part for course in group]
            why = {name: self._why(differ, chosen[name]) for name in names}
            branches.append(Branch(tuple(names), self._teller.event(part[0][0].events, at), why))
        contrasts = []
        if not differ:
            draws = [
                ([course for group in part for course in group], [d for d in part[0][0].draws if d.event >= at])
                for part in parts
            ]
            contrasts = self._contrasts(draws)[:1]
        month = min(float(part[0][0].events["time"][at]) for part in parts)
        return Parting(month, tuple(branches), tuple(contrasts))

    def _why(self, subjects: Sequence[str], chosen: Mapping[str, Choice]) -> str:
        # A transplant has not been thought of yet while MRD is treated first.
        reasons = [self._reason(one, chosen.get(one)) for one in subjects if one in chosen or one != "consolidation"]
        return "; ".join(reasons)

    def _reason(self, subject: str, choice: Choice | None) -> str:
        if choice is None or not (choice.why or choice.passed_over):
            return f"{WITHOUT[subject]}, the strategy has no rule for it"
        therapies = self._therapies
        given = in_sentence(therapies[choice.given].label) if choice.given in therapies else choice.given
        if subject == "bridging" and given:
            given = f"{given} beforehand"
        why = "; ".join([*([choice.why] if choice.why else []), *choice.passed_over])
        joint = " by" if choice.given and choice.rule else ":"
        return f"{given or WITHOUT[subject]}{joint} {why}"

    # --- luck ------------------------------------------------------------------------------------------------------

    def _contrasts(self, asked: Sequence[tuple[list[Course], list[Draw]]]) -> list[str]:
        """Say of each draw that it was under some chances and over others."""
        found: dict[tuple[int, InCourse, str], list[tuple[list[Course], Draw]]] = {}
        for courses, draws in asked:
            for draw in draws:
                key = (draw.course, InCourse[draw.decision.upper()], draw.about)
                # A stage may be left and entered again; the last time is when the matter was settled.
                own = [one for one in found.get(key, []) if one[0] is not courses]
                found[key] = [*own, (courses, draw)]
        said = []
        for key in sorted(found):
            happened = {draw.happened for _, draw in found[key]}
            if len(happened) > 1:
                said.append(self._contrast(found[key]))
            elif happened == {True} and len(found[key]) < len(asked) and found[key][0][1].alone:
                said += [self._alone(found[key])]
        return said

    def _alone(self, asked: Sequence[tuple[list[Course], Draw]]) -> str:
        chances = self._chances(asked, by_therapy=False)
        return f"{_what(asked[0][1])} is below the chance {chances}; the others do not come to it."

    def _contrast(self, asked: Sequence[tuple[list[Course], Draw]]) -> str:
        under, over = ([(c, d) for c, d in asked if d.happened is side] for side in (True, False))
        by_therapy = not {d.therapy for _, d in under} & {d.therapy for _, d in over}
        below, above = (self._chances(side, by_therapy=by_therapy) for side in (under, over))
        return f"{_what(asked[0][1])} is below the chance {below} and above that {above}."

    def _chances(self, side: Sequence[tuple[list[Course], Draw]], *, by_therapy: bool) -> str:
        who: dict[str, list[str]] = {}
        for courses, draw in side:
            chance = f"{draw.chance:.2f} {draw.note}".strip()
            therapy = in_sentence(self._therapies[draw.therapy].label)
            names = [therapy] if by_therapy else [f"«{course.label}»" for course in courses]
            who.setdefault(chance, []).extend(names)
        joint = "with" if by_therapy else "in"
        return listed([f"{joint} {listed(list(dict.fromkeys(names)))} ({chance})" for chance, names in who.items()])


def _what(draw: Draw) -> str:
    return f"{at_sentence_start(draw.about)} ({ORDINALS[draw.course + 1]} course): the draw, {draw.draw:.2f},"
