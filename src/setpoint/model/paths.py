"""An intent document as dotted leaves, and back: what provenance and conflicts are told in.

Every field of every nested struct and every key of a dict is a leaf of its own: `config.FOO`,
`formation.web.min`. What was never said (None, False, '', ()) is no leaf,
and a sequence is one: its order is the decision. The unit's id is no leaf:
it cannot change.
"""

from collections.abc import Collection, Iterable, Mapping
from typing import cast

import msgspec
from msgspec.structs import asdict, astuple

from setpoint.model.app import AppIntent, SecretRef
from setpoint.model.change import Touch
from setpoint.model.ids import AppId

Leaves = Mapping[str, object]

FLAT = ("access.", "config.")
"""Fields whose keys are leaves as they stand; an email has dots of its own."""
SENT = ("drains.", "webhooks.")
SEALED = (".url", ".secret", ".authorization")
"""of those: addresses may hold a password, too"""


_FIELDS = AppIntent.__struct_fields__


def flatten(intent: AppIntent) -> dict[str, object]:
    """Leaves by path. Secrets stay references; `shown` turns them into something to print."""
    return _flattened(intent, [name for name in _FIELDS if name != "id"])


def compared(
    before: AppIntent, after: AppIntent, restated: Collection[str] = ()
) -> tuple[Touch, ...]:
    """What differs between two documents. Only what does is taken apart: a write touches one or two
    leaves, and a document may have five hundred config vars."""
    heads = {path.partition(".")[0] for path in restated}
    old: dict[str, object] = {}
    new: dict[str, object] = {}
    values = zip(_FIELDS, astuple(before), astuple(after), strict=True)
    for name, was, is_ in values:
        if name in heads:
            _collect(old, name, was)
            _collect(new, name, is_)
        elif was is not is_ and was != is_:
            _collect_apart(old, new, name, was, is_)
    return touches(old, new, restated)


def unflatten(id: AppId, leaves: Leaves) -> AppIntent:
    """The document with exactly these leaves. `unflatten(i.id, flatten(i)) == i`."""
    document: dict[str, object] = {"id": id}
    for path, leaf in leaves.items():
        *parents, last = _parts(path)
        node = document
        for parent in parents:
            node = cast("dict[str, object]", node.setdefault(parent, {}))
        node[last] = msgspec.to_builtins(leaf)
    return msgspec.convert(document, AppIntent)


def touches(before: Leaves, after: Leaves, restated: Iterable[str] = ()) -> tuple[Touch, ...]:
    """What differs, by path. `restated`: leaves said anew, touched even where they are equal."""
    said_again = {path for path in restated if path in after}
    return tuple(
        Touch(path, shown(before.get(path)), shown(after.get(path)))
        for path in sorted({*before, *after})
        if before.get(path) != after.get(path) or path in said_again
    )


def explained(touched: Iterable[Touch], whys: Mapping[str, str]) -> tuple[Touch, ...]:
    """With what was said beside each value."""
    return tuple(
        msgspec.structs.replace(t, why=whys[t.path]) if t.path in whys else t for t in touched
    )


def meant(leaves: Iterable[str], said: str) -> tuple[str, ...]:
    """Which paths a person means: `web.max`, `GREETING` or `web` are told from their context."""
    known = tuple(leaves)
    if said in known:
        return (said,)
    return tuple(p for p in known if f".{said}." in f".{p}.")


def secret_at(intent: AppIntent, path: str) -> SecretRef | None:
    """The reference that stands at a path, if it is one."""
    found: object = intent
    for part in _parts(path):
        if isinstance(found, dict):
            found = cast("dict[str, object]", found).get(part)
        else:
            found = getattr(found, part, None)
    return found if isinstance(found, SecretRef) else None


def merge(onto: Leaves, after: Leaves, touched: Iterable[Touch]) -> dict[str, object]:
    """`onto` with the touched paths as they are in `after`."""
    merged = dict(onto)
    for touch in touched:
        if touch.path in after:
            merged[touch.path] = after[touch.path]
        else:
            merged.pop(touch.path, None)
    return merged


def shown(leaf: object) -> object:
    """A leaf as it may be printed and journalled: never a secret's value, nor its id."""
    return f"secret v{leaf.version}" if isinstance(leaf, SecretRef) else leaf


def conflict_scope(path: str) -> str:
    """Paths in one scope are one decision: merged from two people they would be neither's.

    A digest with another's version label, or another's min above one's own max, was never meant.
    """
    if path.startswith("source.") or path == "rollback_to":
        return "source"
    if path.startswith(("upkeep.", "pipeline.", "certificates.", "setup.")):
        return path.partition(".")[0]
    if path.startswith("formation.") and path.endswith((".min", ".max")):
        return path.rpartition(".")[0] + ".bounds"
    return path


def is_source(path: str) -> bool:
    return path.startswith("source.")


def is_shape(path: str) -> bool:
    """Does a release copy this leaf?"""
    return path.startswith(("source.", "config.")) or path == "rollback_to"


def owner(path: str) -> str:
    """The struct that a leaf is a field of, with the dot: it has all its fields, or is not there.
    '' for what stands alone, as a config var does."""
    if path.startswith(("source.", "pipeline.", "setup.")):
        return path.partition(".")[0] + "."
    *parents, _ = _parts(path)
    return ".".join(parents) + "." if len(parents) == 2 else ""


def is_secret(path: str) -> bool:
    """May a reference to a sealed value stand there?"""
    if path.startswith(SENT):
        return path.endswith(SEALED)
    if path.startswith("certificates."):
        return path.endswith(".pem")
    return path.startswith("config.") or path == "invoke_key"


def _parts(path: str) -> list[str]:
    return path.split(".", 1 if path.startswith(FLAT) else -1)


def _flattened(intent: AppIntent, fields: Iterable[str]) -> dict[str, object]:
    leaves: dict[str, object] = {}
    for name in fields:
        _collect(leaves, name, getattr(intent, name))
    return leaves


def _collect_apart(
    old: dict[str, object], new: dict[str, object], path: str, was: object, is_: object
) -> None:
    """The leaves of two values that differ, without those of parts that do not."""
    before, after = _children(was), _children(is_)
    if before is None or after is None:
        _collect(old, path, was)
        _collect(new, path, is_)
        return
    for name in {**before, **after}:
        child = f"{path}.{name}"
        if name not in after:
            _collect(old, child, before[name])
        elif name not in before:
            _collect(new, child, after[name])
        elif before[name] != after[name]:
            _collect_apart(old, new, child, before[name], after[name])


def _children(value: object) -> dict[str, object] | None:
    """What has paths of its own."""
    if isinstance(value, dict):
        return cast("dict[str, object]", value)
    if isinstance(value, msgspec.Struct) and not isinstance(value, SecretRef):
        return asdict(value)
    return None


def _collect(leaves: dict[str, object], path: str, value: object) -> None:
    """Fills `leaves`; a generator would read better, and double the cost of every write."""
    if isinstance(value, SecretRef):
        leaves[path] = value
    elif isinstance(value, msgspec.Struct):
        for name in value.__struct_fields__:
            _collect(leaves, f"{path}.{name}", getattr(value, name))
    elif isinstance(value, dict):
        for name, child in cast("dict[str, object]", value).items():
            _collect(leaves, f"{path}.{name}", child)
    elif value is not None and value is not False and value not in ("", ()):
        leaves[path] = value
