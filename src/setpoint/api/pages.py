"""Heroku's way through long lists: the part a Range header asks for, and where the next starts."""

from collections.abc import Sequence
from typing import Protocol, TypeVar

from setpoint.formats.heroku import ranges


class Identified(Protocol):
    @property
    def id(self) -> str: ...


T = TypeVar("T", bound=Identified)


def cut(header: str, items: Sequence[T]) -> tuple[tuple[T, ...], str]:
    """(this page, Next-Range or ''). `items` in ascending order, each with an `id`."""
    wanted = ranges.parse(header)
    ordered = items[::-1] if wanted.descending else items
    page = ranges.page(wanted, [item.id for item in ordered])
    return tuple(ordered[page.start : page.stop]), page.next
