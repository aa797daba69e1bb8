"""Feature caches, looked into from outside."""

import sqlite3
from pathlib import Path


def count_rows(database: Path) -> int:
    """Rows of a cache that another process may be writing."""
    if not database.is_file():
        return 0
    connection = sqlite3.connect(database)
    try:
        return int(connection.execute("SELECT count(*) FROM vectors").fetchone()[0])
    except sqlite3.OperationalError:
        return 0  # before its table is made
    finally:
        connection.close()
