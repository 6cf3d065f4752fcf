"""Statements that are made once, compiled once, and handed to SQLite's driver as they are.

SQLAlchemy compiles each statement once too, but what it does around every execution (events, contexts, cursors, a
greenlet to wait in) costs several times what SQLite needs: measured, it was a fifth of a conductor's CPU a call and
half of a recorder's. What SQLAlchemy still gives is the SQL and the conversion of values, so that a statement means
the same here, through SQLAlchemy itself (a statement put together on the spot), and on PostgreSQL.
"""

import sqlite3
from collections import namedtuple
from collections.abc import Callable, Mapping, Sequence
from typing import Any
from weakref import WeakKeyDictionary

from sqlalchemy import Dialect, Executable, Select
from sqlalchemy.sql.compiler import SQLCompiler
from sqlalchemy.sql.elements import ClauseElement

Convert = Callable[[Any], Any]

_made: WeakKeyDictionary[ClauseElement, "dict[tuple[str, ...], Prepared | None]"] = WeakKeyDictionary()


def _row_of(names: list[str]) -> Any:
    made: Any = namedtuple("Row", names, rename=True)  # type: ignore[misc]
    return made


class Prepared:
    """One statement for one set of names of values."""

    def __init__(self, compiled: SQLCompiler, places: Sequence[str]) -> None:
        self.sql = str(compiled)
        self._fixed = {name: value for name, value in compiled.params.items() if not compiled.binds[name].required}
        dialect = compiled.dialect
        self._places = [
            (name, compiled.binds[name].type.dialect_impl(dialect).bind_processor(dialect)) for name in places
        ]
        self._row: Any = None
        self._columns: list[Convert | None] = []
        if isinstance(compiled.statement, Select):
            columns = compiled.statement.selected_columns
            self._row = _row_of([str(column.key) for column in columns])
            self._columns = [column.type.dialect_impl(dialect).result_processor(dialect, None) for column in columns]
        self._converts = any(self._columns)

    def bound(self, values: Mapping[str, Any]) -> list[Any]:
        """Its values in their places. Raises KeyError: one is missing."""
        bound = []
        for name, convert in self._places:
            value = values[name] if name in values else self._fixed[name]
            bound.append(value if convert is None else convert(value))
        return bound

    def row(self, raw: tuple[Any, ...]) -> Any:
        """A row as SQLAlchemy would give it: a tuple with names."""
        if self._converts:
            raw = tuple(
                value if convert is None else convert(value) for convert, value in zip(self._columns, raw, strict=True)
            )
        return self._row(*raw)


def prepared(statement: Executable, names: tuple[str, ...], dialect: Dialect) -> Prepared | None:
    """The statement for values of those names; None: only SQLAlchemy can run it. Raises SQLAlchemyError."""
    if not isinstance(statement, ClauseElement):
        return None
    kept = _made.setdefault(statement, {})
    if names not in kept:
        compiled = statement.compile(dialect=dialect, column_keys=list(names) or None)
        kept[names] = _of(compiled, names) if isinstance(compiled, SQLCompiler) else None
    return kept[names]


def _of(compiled: SQLCompiler, names: tuple[str, ...]) -> Prepared | None:
    """None: what is put in when it is run (a list of IN), or rows that a change returns, SQLAlchemy must see to.

    So must it to a value that has no place: it knows whether that is an error.
    """
    if not set(names) <= compiled.binds.keys():
        return None
    if compiled.positiontup is None or compiled.post_compile_params or compiled.returning:
        return None
    return Prepared(compiled, compiled.positiontup)


def raw(connection: Any) -> sqlite3.Connection | None:
    """SQLite's own connection below one of SQLAlchemy's, inside its transaction; None: there is none like that."""
    driver = connection.sync_connection.connection.driver_connection
    found = getattr(driver, "_connection", None)
    return found if isinstance(found, sqlite3.Connection) and found.in_transaction else None
