"""An error of the database → why it cannot be used just now, in words; or nothing, where waiting does not help.

Source: sqlite.org/rescode.html; postgresql.org/docs, "PostgreSQL Error Codes".
"""

from __future__ import annotations

import sqlite3
from typing import Final

from sqlalchemy.exc import DBAPIError, InterfaceError, OperationalError

_OF_SQLITE: Final = {  # by the beginning of SQLite's name for the error
    "SQLITE_BUSY": "another program has locked it",
    "SQLITE_LOCKED": "another program has locked it",
    "SQLITE_FULL": "the disk is full",
    "SQLITE_IOERR": "the disk reports an error",
    "SQLITE_READONLY": "it may not be changed, or its disk is read-only",
    "SQLITE_CANTOPEN": "it cannot be opened, or what belongs to it cannot be made",
    "SQLITE_PERM": "it may not be opened",
}

_OF_POSTGRES: Final = {  # by the beginning of the SQLSTATE
    "08": "the connection to the database broke",
    "25006": "the database takes no changes: it is read-only, or not the first of its cluster",
    "25P03": "the database ended a transaction that stood still",
    "40001": "the database asks for another try",
    "40P01": "the database asks for another try",
    "53100": "the disk of the database is full",
    "53300": "the database has too many connections",
    "53": "the database is short of resources",
    "55P03": "another host has locked it",
    "57014": "the database took too long",
    "57P": "the database is shutting down or starting",
    "58": "the disk of the database reports an error",
}


def held_up(error: DBAPIError) -> str | None:
    """Why the database cannot be used just now, in words: a lock, a full or read-only disk, a server that is away.

    None where waiting does not help: a wrong statement, a damaged file.
    """
    if isinstance(error.orig, sqlite3.Error):
        if not isinstance(error, OperationalError | InterfaceError):
            return None
        name = getattr(error.orig, "sqlite_errorname", "")  # not there where Python itself stumbled over what came
        return next((words for prefix, words in _OF_SQLITE.items() if name.startswith(prefix)), None)
    state = getattr(error.orig, "sqlstate", None)
    if state is not None:
        return next((words for prefix, words in _OF_POSTGRES.items() if state.startswith(prefix)), None)
    if not isinstance(error, OperationalError | InterfaceError):
        return None
    return "the database does not answer"  # it could not be reached, or went away: there is no code then
