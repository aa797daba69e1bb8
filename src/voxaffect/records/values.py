"""Methods that all results share: plain data, JSON and data frames."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

from voxaffect.errors import extra
from voxaffect.records.codec import to_line, to_plain
from voxaffect.records.tables import Table

if TYPE_CHECKING:
    import pandas


class Serializable:
    """Base of a result that has a schema."""

    _schema: ClassVar[type[Any]]

    def to_dict(self) -> dict[str, Any]:
        """Plain data, as every JSON file holds it; numbers have six decimals."""
        return to_plain(self, self._schema)

    def to_json(self) -> str:
        """JSON of the plain data, on one line."""
        return to_line(self.to_dict())


class StreamEvent(Serializable):
    """Base of an event of a stream, which has a shorter form for messages over a network."""

    _event: ClassVar[type[Any]]

    def to_event(self) -> dict[str, Any]:
        """Plain data of a message: with ``type``, and times as ``start`` and ``end``."""
        return to_plain(self, self._event)


def to_frame(table: Table) -> pandas.DataFrame:
    """Table as a data frame of pandas.

    Raises
    ------
    MissingExtraError
        If pandas is not installed.
    """
    with extra("pandas"):
        import pandas

    columns = [*zip(*table.rows, strict=True)] or [()] * len(table.kinds)
    return pandas.DataFrame(
        {
            name: pandas.Series(column, dtype=_DTYPES[kind])
            for (name, kind), column in zip(table.kinds.items(), columns, strict=True)
        }
    )


_DTYPES = {"string": "str", "float64": "float64", "int64": "Int64", "bool": "bool"}


def format_count(count: int, noun: str) -> str:
    """Format a number of things: ``1 recording``, ``1,024 recordings``."""
    return f"{count:,} {noun}{'' if count == 1 else 's'}"
