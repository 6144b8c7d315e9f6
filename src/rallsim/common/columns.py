"""The fields of a record, from the class that describes it: one list for numpy, for compiled code and for types."""

from __future__ import annotations

from typing import Annotated, Any, TypeAlias, get_type_hints

Int32: TypeAlias = Annotated[int, "i4"]
Int8: TypeAlias = Annotated[int, "i1"]
UInt8: TypeAlias = Annotated[int, "u1"]
_FORMATS = {float: "f8", int: "i8"}


def columns_of(record: type) -> list[tuple[Any, ...]]:
    """Return the annotated fields of a class as numpy names them.

    Numbers take eight bytes unless the annotation gives another format.

    >>> class Point:
    ...     x: float
    ...     number: Annotated[int, "u1"]
    >>> columns_of(Point)
    [('x', 'f8'), ('number', 'u1')]
    """
    kinds = get_type_hints(record, include_extras=True)
    return [(name, *(getattr(kind, "__metadata__", None) or (_FORMATS[kind],))) for name, kind in kinds.items()]
