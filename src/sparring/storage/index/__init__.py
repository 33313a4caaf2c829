"""The index over run folders: a summary of each run, names, and leases. It can be made anew from the folders."""

from sparring.storage.index.entries import Entry
from sparring.storage.index.finding import catalogue, found_run, give_name, owner_of
from sparring.storage.index.leases import Leases
from sparring.storage.index.store import connected, opened_store, sqlite_url

__all__ = [
    "Entry",
    "Leases",
    "catalogue",
    "connected",
    "found_run",
    "give_name",
    "opened_store",
    "owner_of",
    "sqlite_url",
]
