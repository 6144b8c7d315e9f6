"""A sheet of two blocks side by side, such as discounted and undiscounted, with a column a strategy in each."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from rallsim.export.sheets import Book, cell

GAP = 2.0  # characters, the width of the column between the blocks


class Blocks:
    """A sheet whose rows hold the same outcome in both blocks, so that they can be read across."""

    def __init__(
        self,
        book: Book,
        name: str,
        title: str,
        under: str,
        heads: tuple[str, str],
        labels: Mapping[str, str],
        *,
        first: tuple[str, float] = ("", 36.0),
        one_page: bool = False,
    ) -> None:
        """Write title and headings; `heads` are the blocks', `first` the first column's, with its width."""
        self.names = list(labels)
        many = len(self.names)
        self.columns = [range(1, 1 + many), range(2 + many, 2 + 2 * many)]
        self.width = 2 + 2 * many
        each = [17.0] * many
        self.sheet = book.sheet(name, widths=[first[1], *each, GAP, *each], one_page=one_page)
        self.sheet.title(title, under)
        top = self.sheet.next
        for columns, head in zip(self.columns, heads, strict=True):
            self.sheet.group(columns[0], columns[-1], head)
        self.sheet.next += 1
        self.head = self.sheet.header([first[0], *labels.values(), "", *labels.values()])
        self.sheet.hold(top)

    def section(self, text: str) -> None:
        """Write a heading over the rows that follow."""
        self.sheet.section(text, self.width)

    def row(self, label: str | float, values: Sequence[Sequence[float | None]], shown: str, first: str = "") -> int:
        """Write a row with the values of both blocks, a value a strategy; return its number."""
        self.sheet.write(0, label, first or ("note" if shown.endswith("_error") else "top"))
        for columns, given in zip(self.columns, values, strict=True):
            for column, value in zip(columns, given, strict=True):
                self.sheet.write(column, value, shown)
        self.sheet.next += 1
        return self.sheet.next - 1

    def formulas(self, label: str, of: Callable[[int, int], tuple[str, float | str]], shown: str) -> int:
        """Write a row of formulas; `of` gives that of a block and a strategy (both from 0) with the value it has."""
        self.sheet.write(0, label, "bold" if shown.endswith("bold") else "top")
        for block, columns in enumerate(self.columns):
            for place, column in enumerate(columns):
                self.sheet.formula(column, *of(block, place), shown)
        self.sheet.next += 1
        return self.sheet.next - 1

    def at(self, row: int, block: int, place: int, *, fixed: bool = False) -> str:
        """Name of the cell of a strategy in a block."""
        return cell(row, self.columns[block][place], fixed=fixed)

    def sums(self, label: str, first: int, values: Sequence[Sequence[float]], shown: str) -> int:
        """Write the sums of the rows from `first` to the last one written, which are these `values`."""
        last = self.sheet.next - 1

        def of(block: int, place: int) -> tuple[str, float]:
            return f"=SUM({self.at(first, block, place)}:{self.at(last, block, place)})", values[block][place]

        return self.formulas(label, of, shown)
