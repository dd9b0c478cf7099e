"""A project's app.json -> how an app of it begins: config vars, scale, buildpacks, scripts. Pure.

Read when an app that has never been released is deployed to. What Heroku's schema has besides says
nothing here.
"""

import json
import re
from collections.abc import Mapping
from typing import Any, cast

import msgspec

from setpoint.formats.app_json import BYTES_MAX, COMMAND_BYTES_MAX, FILE
from setpoint.model.errors import Invalid
from setpoint.model.text import printable

SECRET = "secret"
DESCRIPTION_CHARS_MAX = 200
ENTRIES_MAX = 200
SIZES = {"free": "eco", "hobby": "basic"}
"""What Heroku called them once."""
_KEY_RE = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")


class Var(msgspec.Struct, frozen=True):
    """`value` None: there is none to begin with. `secret`: one is to be made up."""

    value: str | None = None
    required: bool = True
    secret: bool = False
    description: str = ""


class Quantity(msgspec.Struct, frozen=True):
    quantity: int
    size: str | None = None


class AppSetup(msgspec.Struct, frozen=True):
    """`addons`: what nobody can give it here."""

    env: dict[str, Var] = {}
    formation: dict[str, Quantity] = {}
    buildpacks: tuple[str, ...] = ()
    addons: tuple[str, ...] = ()
    postdeploy: str = ""
    predestroy: str = ""


def parse(data: bytes, environment: str = "") -> AppSetup:
    """`environment`: of `environments`, whose keys stand for those beside it. Raises Invalid, with
    the place in the file; values are never told."""
    said = _document(data)
    environments = _object("environments", said.get("environments"))
    said = {**said, **_object(f"environments.{environment}", environments.get(environment))}
    scripts = _object("scripts", said.get("scripts"))
    return AppSetup(
        env=_env(said.get("env")),
        formation=_formation(said.get("formation")),
        buildpacks=_named("buildpacks", said.get("buildpacks"), "url"),
        addons=_named("addons", said.get("addons"), "plan"),
        postdeploy=_script("postdeploy", scripts.get("postdeploy")),
        predestroy=_script("pr-predestroy", scripts.get("pr-predestroy")),
    )


def missing(setup: AppSetup, given: Mapping[str, object]) -> tuple[str, ...]:
    """What has to be said before an app can begin."""
    return tuple(
        key
        for key, var in setup.env.items()
        if var.required and var.value is None and not var.secret and key not in given
    )


def _document(data: bytes) -> dict[str, object]:
    if len(data) > BYTES_MAX:
        raise _refused(f"it is longer than {BYTES_MAX // 1024} KiB")
    try:
        document: object = json.loads(data.decode("utf-8-sig"))
    except RecursionError:
        raise _refused("it is nested too deeply") from None
    except ValueError:
        raise _refused("it is not JSON in UTF-8") from None
    if not isinstance(document, dict):
        raise _refused("it is not a JSON object")
    return cast("dict[str, object]", document)


def _object(place: str, said: object) -> dict[str, object]:
    if said is None:
        return {}
    if not isinstance(said, dict) or len(cast("dict[str, object]", said)) > ENTRIES_MAX:
        raise _refused(f"{place} is not an object of at most {ENTRIES_MAX} entries")
    return cast("dict[str, object]", said)


def _env(said: object) -> dict[str, Var]:
    return {key: _var(key, entry) for key, entry in _object("env", said).items()}


def _var(key: str, said: object) -> Var:
    place = f"env.{printable(key)[:60]}"
    if _KEY_RE.fullmatch(key) is None:
        raise _refused(f"{place} is no name of a config var")
    if isinstance(said, str):
        return Var(_text(place, said))
    entry = _object(place, said if said is not None else "")
    value, secret = entry.get("value"), entry.get("generator") == SECRET
    if entry.get("generator") not in (None, SECRET):
        raise _refused(f'{place}: the only generator is "{SECRET}"')
    required = entry.get("required", True)
    if not isinstance(required, bool):
        raise _refused(f"{place}.required is neither true nor false")
    told = entry.get("description")
    return Var(
        _text(f"{place}.value", value) if value is not None else None,
        required,
        secret,
        printable(told)[:DESCRIPTION_CHARS_MAX] if isinstance(told, str) else "",
    )


def _formation(said: object) -> dict[str, Quantity]:
    """By type; older files have a list."""
    if isinstance(said, list):
        entries = [_object("formation", one) for one in cast("list[object]", said)]
        said = {str(entry.get("process")): entry for entry in entries}
    return {type_: _quantity(type_, entry) for type_, entry in _object("formation", said).items()}


def _quantity(type_: str, said: object) -> Quantity:
    place = f"formation.{printable(type_)[:60]}"
    entry = _object(place, said)
    quantity, size = entry.get("quantity", 1), entry.get("size")
    if type(quantity) is not int or quantity < 0:
        raise _refused(f"{place}.quantity is not a whole number")
    if size is not None and not isinstance(size, str):
        raise _refused(f"{place}.size is not a text")
    lower = size.lower() if size is not None else None
    return Quantity(quantity, SIZES.get(lower, lower) if lower is not None else None)


def _named(place: str, said: object, key: str) -> tuple[str, ...]:
    """A list of texts, or of objects that have one."""
    if said is None:
        return ()
    if not isinstance(said, list) or len(cast("list[object]", said)) > ENTRIES_MAX:
        raise _refused(f"{place} is not a list of at most {ENTRIES_MAX} entries")
    found: list[str] = []
    for number, one in enumerate(cast("list[Any]", said)):
        text = cast("dict[str, Any]", one).get(key) if isinstance(one, dict) else one
        found.append(_text(f"{place}[{number}]", text))
    return tuple(found)


def _script(name: str, said: object) -> str:
    if isinstance(said, dict):
        said = cast("dict[str, object]", said).get("command")
    if said is None:
        return ""
    text = _text(f"scripts.{name}", said).strip()
    if len(text.encode()) > COMMAND_BYTES_MAX:
        raise _refused(f"scripts.{name} is longer than {COMMAND_BYTES_MAX // 1024} KiB")
    return text


def _text(place: str, said: object) -> str:
    if not isinstance(said, str):
        raise _refused(f"{place} is not a text")
    try:
        said.encode()
    except UnicodeEncodeError:
        raise _refused(f"{place} is not valid Unicode") from None
    if "\0" in said:
        raise _refused(f"{place} holds a zero byte")
    return said


def _refused(fact: str) -> Invalid:
    return Invalid(
        f"cannot read {FILE}: {fact}",
        'example: "env": {"KEY": {"generator": "secret"}}, "formation": {"web": {"quantity": 1}}',
    )
