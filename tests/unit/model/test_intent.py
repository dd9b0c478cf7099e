"""The intent document as it is stored."""

import msgspec
import msgspec.inspect

from setpoint.model.app import AppIntent


def test_no_part_of_an_intent_is_read_without_what_a_newer_version_added():
    """Whoever wrote the document back would lose it. Holds for structs added later, too."""
    document = msgspec.inspect.type_info(AppIntent)
    lenient = [t.cls.__name__ for t in structs_in(document) if not t.forbid_unknown_fields]
    assert lenient == []


def structs_in(type_):
    if isinstance(type_, msgspec.inspect.StructType):
        yield type_
        for field in type_.fields:
            yield from structs_in(field.type)
    for name in ("types", "item_types"):
        for part in getattr(type_, name, ()):
            yield from structs_in(part)
    for name in ("key_type", "value_type", "item_type"):
        part = getattr(type_, name, None)
        if part is not None:
            yield from structs_in(part)
