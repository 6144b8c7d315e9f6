"""Arithmetic over evidence ids: how a published figure became ours, written down so that it can be checked."""

from __future__ import annotations

import ast
import math
import operator
from collections.abc import Callable, Iterator
from functools import lru_cache

from rallsim.errors import InputError, Problem
from rallsim.inputs.evidence import Evidence

_OPERATORS: dict[type[ast.operator], Callable[[float, float], float]] = {
    ast.Add: operator.add,
    ast.Sub: operator.sub,
    ast.Mult: operator.mul,
    ast.Div: operator.truediv,
    ast.Pow: math.pow,
}
_COLUMNS = ("events", "total", "lo", "hi")
HALF_ADDED = "half_added"
_OF_ONE: dict[str, Callable[[float], float]] = {"exp": math.exp, "log": math.log, "sqrt": math.sqrt}
_OF_SEVERAL: dict[str, Callable[[list[float]], float]] = {"min": min, "max": max}
_ALLOWED = (
    "numbers, evidence ids, + - * / ** ( ), events(id) total(id) lo(id) hi(id) half_added(id), "
    "exp(x) log(x) sqrt(x), min max"
)


def evaluate(text: str, evidence: Evidence) -> float:
    """Return what a formula comes to; an evidence id stands for its row's value.

    Numbers, + - * / **, unary -, parentheses, `events(id)`, `total(id)`, `lo(id)`, `hi(id)`, `half_added(id)`, and exp,
    log (natural), sqrt, min and max. `half_added` is a share with half an event added to either side,
    (events + 1/2) / (total + 1); a drawn share has the halves in its distribution, so nothing is added to it. Refused:
    anything else, an unknown id, a number that the row does not report, a division by zero and whatever else leaves no
    finite number.

    >>> from rallsim.inputs.evidence import load_evidence
    >>> round(evaluate("1 - events(blast_cmr) / total(blast_cmr)", load_evidence()), 4)
    0.2212
    """
    tree = _parsed(text)
    unknown: list[Problem] = []
    for name in _names(tree):
        try:
            evidence.row(name)
        except InputError as error:
            unknown += [
                Problem("must name evidence rows", key=text, found=problem.key, hint=problem.hint)
                for problem in error.problems
            ]
    if unknown:
        raise InputError(unknown)
    try:
        return _value(tree, text, evidence)
    except RecursionError as error:
        raise InputError(Problem("cannot be nested so deeply", key=text)) from error


def names(text: str) -> list[str]:
    """Return the evidence ids of a formula, each once, in order of appearance.

    >>> names("1 - events(blast_cmr) / total(blast_cmr) * hay2019_mrdneg_cr")
    ['blast_cmr', 'hay2019_mrdneg_cr']
    """
    return _names(_parsed(text))


@lru_cache(maxsize=512)
def _parsed(text: str) -> ast.expr:
    try:
        tree = ast.parse(text.strip(), mode="eval").body
        refused = list(_refused(tree))
    except (SyntaxError, ValueError, RecursionError, MemoryError) as error:
        reason = error.msg if isinstance(error, SyntaxError) else str(error)
        raise InputError(Problem(f"must be a formula: {reason}", key=text, allowed=_ALLOWED)) from error
    if refused:
        raise InputError(
            Problem("cannot have this in its formula", key=text, found=ast.unparse(node), allowed=_ALLOWED)
            for node in refused
        )
    return tree


def _refused(node: ast.expr) -> Iterator[ast.expr]:
    """Yield what the grammar does not know, whole: nothing is evaluated before everything is known."""
    match node:
        case ast.BinOp(left, op, right) if type(op) in _OPERATORS:
            yield from _refused(left)
            yield from _refused(right)
        case ast.UnaryOp(ast.USub(), operand):
            yield from _refused(operand)
        case ast.Call(ast.Name(function), [ast.Name()], []) if function in (*_COLUMNS, HALF_ADDED):
            pass
        case ast.Call(ast.Name(function), [argument], []) if function in _OF_ONE:
            yield from _refused(argument)
        case ast.Call(ast.Name(function), [_, _, *_] as arguments, []) if function in _OF_SEVERAL:
            for argument in arguments:
                yield from _refused(argument)
        case ast.Name():
            pass
        case ast.Constant(number) if type(number) in (int, float):
            pass
        case _:
            yield node


def _names(tree: ast.expr) -> list[str]:
    functions = {id(node.func) for node in ast.walk(tree) if isinstance(node, ast.Call)}
    ids = [node for node in ast.walk(tree) if isinstance(node, ast.Name) and id(node) not in functions]
    ids.sort(key=lambda node: (node.lineno, node.col_offset))
    return list(dict.fromkeys(node.id for node in ids))


def _value(node: ast.expr, text: str, evidence: Evidence) -> float:
    def of(part: ast.expr) -> float:
        return _value(part, text, evidence)

    try:
        match node:
            case ast.BinOp(left, op, right):
                result = _OPERATORS[type(op)](of(left), of(right))
            case ast.UnaryOp(_, operand):
                result = -of(operand)
            case ast.Call(ast.Name(function), [ast.Name(row_id)], []) if function in (*_COLUMNS, HALF_ADDED):
                result = _column(row_id, function, text, evidence)
            case ast.Call(ast.Name(function), [argument], []):
                result = _OF_ONE[function](of(argument))
            case ast.Call(ast.Name(function), arguments, []):
                result = _OF_SEVERAL[function]([of(argument) for argument in arguments])
            case ast.Name(row_id):
                result = _column(row_id, "value", text, evidence)
            case ast.Constant(int() | float() as number):
                result = float(number)
    except (ArithmeticError, ValueError) as error:
        raise InputError(Problem(str(error), key=text, found=ast.unparse(node))) from error
    if not math.isfinite(result):
        raise InputError(Problem("must be a finite number", key=text, found=ast.unparse(node)))
    return result


def _column(row_id: str, column: str, text: str, evidence: Evidence) -> float:
    row = evidence.row(row_id)
    numbers: dict[str, float | None] = {name: getattr(row, name) for name in ("value", *_COLUMNS)}
    number = row.half_added if column == HALF_ADDED else numbers[column]
    if number is None:
        reported = ", ".join(name for name, each in numbers.items() if each is not None)
        problem = Problem(f"must report {column}", row.file, row.line, text, row_id, reported or None)
        raise InputError(problem)
    return number
