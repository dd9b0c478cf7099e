"""Heroku's way through long lists: the part a Range header asks for, and where the next starts."""

from typing import Protocol, cast

from setpoint.formats.heroku import ranges


class Identified(Protocol):
    @property
    def id(self) -> str: ...


def cut(header: str, items: tuple[object, ...]) -> tuple[tuple[object, ...], str]:
    """(this page, Next-Range or ''). `items` in ascending order, each with an `id`."""
    wanted = ranges.parse(header)
    ordered = cast("tuple[Identified, ...]", items[::-1] if wanted.descending else items)
    page = ranges.page(wanted, [item.id for item in ordered])
    return ordered[page.start : page.stop], page.next
