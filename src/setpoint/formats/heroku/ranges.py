"""Heroku's Range header on lists: `<field> <first>..<last>; order=desc,max=10`. Never refused.

Real clients send it empty, with a stray `;`, and on requests that list nothing, so whatever is
not understood counts as not said.
"""

import re
from dataclasses import dataclass

MAX_DEFAULT = 200
MAX_MAX = 1000
START_RE = re.compile(r"\s*\w+\s+(\]?)([^;\s.]*)\.\.")
OPTION_RE = re.compile(r"\b(order|max)=(\w+)")


@dataclass(frozen=True)
class Range:
    """`after`: leave out everything up to and with this id; '' starts at the front."""

    after: str = ""
    descending: bool = False
    max: int = MAX_DEFAULT


@dataclass(frozen=True)
class Page:
    """Positions `start`..`stop` of the whole list. `next`: the Next-Range header, '' at the end."""

    start: int
    stop: int
    next: str = ""


def parse(header: str) -> Range:
    start = START_RE.match(header)
    options = dict(OPTION_RE.findall(header))
    wanted = options.get("max", "")
    return Range(
        after=start[2] if start is not None and start[1] else "",
        descending=options.get("order") == "desc",
        max=min(max(int(wanted), 1), MAX_MAX) if wanted.isdecimal() else MAX_DEFAULT,
    )


def page(range_: Range, ids: list[str]) -> Page:
    """Which part of a list, already in the order asked for, to answer with."""
    start = ids.index(range_.after) + 1 if range_.after in ids else 0
    stop = min(start + range_.max, len(ids))
    if stop >= len(ids) or stop == start:
        return Page(start, stop)
    order = "order=desc," if range_.descending else ""
    return Page(start, stop, f"id ]{ids[stop - 1]}..; {order}max={range_.max}")
