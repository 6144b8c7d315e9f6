"""Where the courses of a patient diverge, and why: a rule that chose otherwise, or a draw against another chance."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from rallsim.explain.courses import Course, common_rows
from rallsim.explain.lines import EventWriter
from rallsim.explain.reasons import Draw, RuleChoice
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
    """Strategies that go the same way where courses diverge."""

    strategies: tuple[str, ...]
    event: str
    why: dict[str, str]  # by strategy


@dataclass(frozen=True)
class Divergence:
    """Where courses diverge: when, into which branches, and the draws that came out differently, in sentences."""

    month: float
    branches: tuple[Branch, ...]
    draws: tuple[str, ...]


class Comparison:
    """Compares courses; those with the same history stand together in a group."""

    def __init__(self, groups: list[list[Course]], writer: EventWriter, therapies: Mapping[str, Therapy]) -> None:
        self._groups = groups
        self._writer = writer
        self._therapies = therapies

    def divergences(self) -> list[Divergence]:
        """Return where courses diverge, in order of time; a choice that shows more than once is given once."""
        given: set[tuple[str, str]] = set()
        divergences = []
        for divergence in sorted(self._divergences(self._groups), key=lambda divergence: divergence.month):
            why = {reason for branch in divergence.branches for reason in branch.why.items() if reason[1]}
            if not why or why - given:
                divergences.append(divergence)
            given |= why
        return divergences

    def deciding_draws(self) -> list[str]:
        """Return a sentence for each draw that came out differently under different strategies."""
        return self._contrasts([(group, list(group[0].draws)) for group in self._groups])

    def _divergences(self, groups: list[list[Course]]) -> Iterator[Divergence]:
        if len(groups) < 2:
            return
        at = common_rows([group[0] for group in groups])
        branches: dict[tuple[Any, ...], list[list[Course]]] = {}
        for group in groups:
            branches.setdefault(group[0].events[at].item(), []).append(group)
        parts = list(branches.values())
        yield self._divergence(at, parts)
        for part in parts:
            yield from self._divergences(part)

    def _divergence(self, at: int, parts: list[list[list[Course]]]) -> Divergence:
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
            branches.append(Branch(tuple(names), self._writer.event(part[0][0].events, at), why))
        contrasts = []
        if not differ:
            draws = [
                ([course for group in part for course in group], [d for d in part[0][0].draws if d.event >= at])
                for part in parts
            ]
            contrasts = self._contrasts(draws)[:1]
        month = min(float(part[0][0].events["time"][at]) for part in parts)
        return Divergence(month, tuple(branches), tuple(contrasts))

    def _why(self, subjects: Sequence[str], chosen: Mapping[str, RuleChoice]) -> str:
        # A transplant has not been thought of yet while MRD is treated first.
        reasons = [self._reason(one, chosen.get(one)) for one in subjects if one in chosen or one != "consolidation"]
        return "; ".join(reasons)

    def _reason(self, subject: str, choice: RuleChoice | None) -> str:
        if choice is None or not (choice.why or choice.passed_over):
            return f"{WITHOUT[subject]}, the strategy has no rule for it"
        therapies = self._therapies
        given = in_sentence(therapies[choice.given].label) if choice.given in therapies else choice.given
        if subject == "bridging" and given:
            given = f"{given} beforehand"
        why = "; ".join([*([choice.why] if choice.why else []), *choice.passed_over])
        joint = " by" if choice.given and choice.rule else ":"
        return f"{given or WITHOUT[subject]}{joint} {why}"

    # --- draws -----------------------------------------------------------------------------------------------------

    def _contrasts(self, asked: Sequence[tuple[list[Course], list[Draw]]]) -> list[str]:
        """Say of each draw that it was under some chances and over others."""
        compared: dict[tuple[int, InCourse, str], list[tuple[list[Course], Draw]]] = {}
        for courses, draws in asked:
            for draw in draws:
                key = (draw.course, InCourse[draw.decision.upper()], draw.about)
                # A stage may be left and entered again; the last time is when the matter was settled.
                others = [pair for pair in compared.get(key, []) if pair[0] is not courses]
                compared[key] = [*others, (courses, draw)]
        sentences = []
        for key in sorted(compared):
            pairs = compared[key]
            happened = {draw.happened for _, draw in pairs}
            if len(happened) > 1:
                sentences.append(self._contrast(pairs))
            elif happened == {True} and len(pairs) < len(asked) and pairs[0][1].alone:
                sentences.append(self._alone(pairs))
        return sentences

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
