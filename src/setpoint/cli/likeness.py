"""Is what was read what was written, and what was answered?"""

from collections.abc import Mapping, Sequence
from typing import Any, cast

APART = frozenset({"updated_at", "created_at", "status", "state", "release", "slug", "attach_url"})
"""What goes on by itself between an answer and the next."""
ONCE = frozenset({"access_token"})
"""A secret is told when it is made, and never again."""


class Failed(Exception):
    """It is not as it should be; the text says how."""


def check(written: object, answered: object, read: object) -> None:
    """Of one thing, of a map, or of things in a list: `written` then has them, too. Raises
    Failed."""
    if isinstance(answered, list) and isinstance(read, list):
        for item in cast("list[Mapping[str, Any]]", answered):
            _found(item, cast("list[Mapping[str, Any]]", read))
        _each(written, cast("list[Mapping[str, Any]]", answered))
    elif isinstance(answered, dict) and isinstance(read, list):
        one = cast("Mapping[str, Any]", answered)
        _found(one, cast("list[Mapping[str, Any]]", read))
        _holds(cast("Mapping[str, Any]", written or {}), one)
    elif isinstance(answered, dict) and isinstance(read, dict):
        _same(cast("Mapping[str, Any]", answered), cast("Mapping[str, Any]", read))
        if isinstance(written, dict):
            _holds(cast("Mapping[str, Any]", written), cast("Mapping[str, Any]", read))
    elif answered != read:
        raise Failed("it is read as another than it was answered")


def _found(item: Mapping[str, Any], items: Sequence[Mapping[str, Any]]) -> None:
    """The one with its id, or one that is the same."""
    if "id" not in item and item in items:
        return
    found = next((i for i in items if "id" in i and i["id"] == item.get("id")), None)
    if found is None:
        raise Failed("what was answered is not in the list")
    _same(item, found)


def _each(written: object, answered: Sequence[Mapping[str, Any]]) -> None:
    """Updates are answered in their order."""
    updates = cast("Mapping[str, Any]", written).get("updates") if isinstance(written, dict) else ()
    for update, item in zip(cast("Sequence[Mapping[str, Any]]", updates), answered, strict=True):
        _holds(update, item)


def _same(answered: Mapping[str, Any], found: Mapping[str, Any]) -> None:
    for name, value in answered.items():
        if name not in APART | ONCE and found.get(name) != value:
            raise Failed(f"{name} is read as another than it was answered")


def _holds(written: Mapping[str, Any], found: Mapping[str, Any]) -> None:
    """Everything that was written, where it is told at all: a thing may be told whole that was
    named by its id or its name."""
    for name, value in written.items():
        if name in found and not _is(value, found[name]):
            raise Failed(f"{name} is read as another than it was written")


def _is(written: object, found: object) -> bool:
    if written is None or written == found:
        return True
    if isinstance(written, list | tuple) and isinstance(found, list):
        ones, others = cast("list[object]", written), cast("list[object]", found)
        return len(ones) == len(others) and all(map(_is, ones, others))
    if isinstance(found, dict):
        told = cast("Mapping[str, Any]", found)
        if isinstance(written, dict):
            return all(_is(v, told.get(k)) for k, v in cast("Mapping[str, Any]", written).items())
        return written in told.values()
    return str(written).lower() == str(found).lower()
