"""The store on SQLite: one writer thread with group commit, readers of their own, one folder.

One module per noun, each of plain functions over a connection; `store.py` puts them behind the
port. Nothing here decides what ought to be.
"""

from setpoint.store.sqlite.opening import open_in_memory, open_store
from setpoint.store.sqlite.store import SqliteStore

__all__ = ["SqliteStore", "open_in_memory", "open_store"]
