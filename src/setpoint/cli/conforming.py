"""A walk through every link of a hyper-schema that there is a route for: made, read, altered, taken
away, in an app of its own, and each answer held against the schema.

A link is *stateful* where what it answers is there: what was made or altered is read back as it was
written, what was taken away is not found any more, a list has something in it, and what nobody has
made is answered with 404.
"""

import contextlib
import io
import itertools
import re
import time
import uuid
from collections.abc import Callable, Iterable, Mapping
from typing import Any, NamedTuple, Protocol, cast
from urllib.parse import quote, urlsplit

from setpoint.cli import likeness, samples
from setpoint.cli.client import Answered, Client
from setpoint.cli.likeness import Failed
from setpoint.formats.hyper_schema import Json, Link
from setpoint.model.errors import Refused, SetpointError

PARAM_RE = re.compile(r"\{[\w.-]+\}")
SETTLED_S_MAX, LOOK_S = 180.0, 0.2
EXCEPTIONS = (
    ("app", "definitions", "git_url", "pattern"),
    ("app", "definitions", "web_url", "pattern"),
    ("region", "definitions", "provider", "properties", "region", "enum"),
)
"""What no other platform can answer: that repositories and apps are at Heroku's own addresses, and
in one of its regions."""


class Verdict(NamedTuple):
    """`fact`: why not, where something is not so. `proven`: clients."""

    link: Link
    implemented: bool
    stateful: bool
    proven: tuple[str, ...]
    fact: str


class Told(NamedTuple):
    status: int
    body: Any


class Validator(Protocol):
    def iter_errors(self, instance: object, /) -> Iterable[Any]: ...


def template(route: str) -> str:
    """A route whose parameters have no names: two spell them differently."""
    return PARAM_RE.sub("{}", route)


class Walk:
    """`proven`: by template of a route."""

    def __init__(
        self,
        client: Client,
        document: Json,
        links: Iterable[Link],
        proven: Mapping[str, tuple[str, ...]],
    ) -> None:
        self._client = client
        self._document = _excepted(document)
        self._links = tuple(links)
        self._proven = proven
        self._selves = {
            link.definition: link
            for link in reversed(self._links)
            if link.method == "GET" and not link.lists and link.of[-1:] == (link.definition,)
        }
        self._routes = {link.route for link in self._links}
        self._validator = _validators()
        self._name = f"conform-{uuid.uuid4().hex[:8]}"
        self._known: dict[str, str] = {"account": "~", "dyno.formation_type": "web"}
        self._made: set[str] = set()

    def verdicts(self) -> tuple[Verdict, ...]:
        """Of every link, in the schema's order."""
        ours = self._ours()
        refused = {link.route: _answering(link, ours) for link in self._links}
        here = [link for link in self._links if refused[link.route] == ""]
        try:
            self._begun()
            facts = self._walked(here)
        finally:
            self._ended()
        return tuple(
            Verdict(
                link,
                implemented := refused[link.route] == "",
                implemented and not facts[link.route],
                self._proven.get(template(link.route), ()),
                facts[link.route] if implemented else refused[link.route] or self._no(link),
            )
            for link in self._links
        )

    # --- what there is ------------------------------------------------------------------------

    def _ours(self) -> dict[str, str]:
        """By template: '' or why it is refused."""
        paths: dict[str, dict[str, Any]] = self._client.get("/v1/openapi.json")["paths"]
        return {
            template(f"{method.upper()} {path}"): operation.get("x-setpoint-refused", "")
            for path, methods in paths.items()
            for method, operation in methods.items()
        }

    def _no(self, link: Link) -> str:
        """What is answered where there is no route."""
        told = self._ask(link.method, self._path(link, dict.fromkeys(link.of, "any")))
        return _said(told) if told.status != 404 else "no such route"

    # --- in order -----------------------------------------------------------------------------

    def _walked(self, links: list[Link]) -> dict[str, str]:
        """By route: '' or what is wrong with it. Of what is made first to what is taken away."""
        facts: dict[str, str] = {}
        for turn, several in itertools.groupby(sorted(links, key=_turn), lambda one: _turn(one)[0]):
            if turn >= ENDS:
                facts |= {one.route: self._fact(one) for one in links if _empty(facts, one)}
            for link in several:
                facts[link.route] = self._fact(link)
            self._settle()
        return facts

    def _fact(self, link: Link) -> str:
        try:
            self._check(link)
        except Failed as failed:
            return str(failed)
        except SetpointError as error:
            return error.message.splitlines()[0]
        return ""

    def _begun(self) -> None:
        """What the schema tells of, and has no route to make it."""
        if KEYS in self._routes:
            key = self.call("POST", "/account/keys", {"public_key": samples.ssh_key()})
            self._known["key"] = str(key["id"])

    def _ended(self) -> None:
        """Whatever of it the walk itself has not come to."""
        ends = ("", samples.OF_TEAM, samples.OF_SETUP)
        left = [f"/apps/{self._name}{end}" for end in ends]
        for kind, path in (("key", "account/keys"), ("review-app", "review-apps")):
            left += [f"/{path}/{self._known[kind]}"] if kind in self._known else []
        for path in left:
            with contextlib.suppress(Answered):
                self.call("DELETE", path)

    def _settle(self) -> None:
        """Until what was asked for is so."""
        deadline_s = time.monotonic() + SETTLED_S_MAX
        app = f"/v1/apps/{self._name}"
        while (self._client.get_or_none(app) or GONE)["state"] not in ("settled", "stalled"):
            if time.monotonic() > deadline_s:
                raise Refused("cannot measure conformance: the app for it was never settled")
            time.sleep(LOOK_S)

    # --- one link -----------------------------------------------------------------------------

    def _check(self, link: Link) -> None:
        self._own(link)
        instead = samples.INSTEAD.get(link.route)
        path = self._path(link, instead(self) if instead is not None else {})
        body = self._body(link)
        told = self._ask(link.method, path, body)
        if told.status >= 400:
            raise Failed(_said(told))
        self._learn(link, told.body)
        self._valid(link, told.body)
        match link.method:
            case "GET":
                if link.lists and not told.body:
                    raise Failed(EMPTY)
            case "DELETE":
                self._gone(link, path, told.body)
            case _:
                self._read_back(link, told.body, body)
        self._unknown(link, body)

    def _own(self, link: Link) -> None:
        """Nothing is altered or ended that this walk has not made: somebody may live here."""
        if link.method in ("GET", "PUT") or not link.of or link.route in samples.BODIES:
            return
        if "app" not in link.of and link.of[-1] not in self._made:
            raise Failed(f"there is no {link.of[-1]} of its own to alter")

    def _valid(self, link: Link, body: Any) -> None:
        if link.target is None:
            return
        whole = {k: v for k, v in link.target.items() if k != "$schema"}
        checked = self._validator({**whole, "definitions": self._document["definitions"]})
        for error in checked.iter_errors(body):
            raise Failed(f"not valid: {str(error).splitlines()[0]}")

    def _learn(self, link: Link, body: Any) -> None:
        """What was made, or is listed, is what later links are about."""
        found = body[0] if isinstance(body, list) and body else body  # pyright: ignore
        if (
            isinstance(found, dict)
            and "id" in found
            and not (link.of and link.of[-1] == link.definition)
        ):
            told = cast("Json", found)
            made = link.method in ("POST", "PUT")
            if made:
                self._made.add(link.definition)
            if made or link.definition not in self._known:
                self._known[link.definition] = str(told["id"])

    def _read_back(self, link: Link, answer: Any, written: object) -> None:
        """By the address of the one thing where there is one, else by the address it was written
        to. What is only done, as a restart, is not read back."""
        reader = self._selves.get(link.definition) if "id" in (answer or {}) else None
        if reader is not None:
            path = self._path(reader, {link.definition: answer["id"]})
        elif f"GET {link.path}" in self._routes:
            path = self._path(link)
        else:
            return
        told = self._ask("GET", path)
        if told.status != 200:
            raise Failed(f"what was answered is not read back: {_said(told)}")
        likeness.check(written, answer, told.body)

    def _gone(self, link: Link, path: str, answer: Any) -> None:
        """At once, or in time where it is told to be on its way out."""
        reader = self._selves.get(link.definition)
        if reader is None or link.of[-1:] != (link.definition,) or link.definition in RESTARTS:
            return
        going = (answer or {}).get("status") == "deleting"
        deadline_s = time.monotonic() + (SETTLED_S_MAX if going else 0.0)
        while self._ask("GET", path).status == 200:
            if time.monotonic() > deadline_s:
                raise Failed("it is still there")
            time.sleep(LOOK_S)

    def _unknown(self, link: Link, body: object) -> None:
        """Nobody's app, and nobody's thing in one's own app, are not found."""
        for name in dict.fromkeys((link.of[:1], link.of[-1:])):
            for one in name:
                path = self._path(link, {one: str(uuid.uuid4()) if "." not in one else "nobodys"})
                told = self._ask(link.method, path, body)
                if (told.status, (told.body or {}).get("id")) != (404, "not_found"):
                    raise Failed(f"an unknown {one} is answered with {told.status}")

    # --- what is sent -------------------------------------------------------------------------

    def _path(self, link: Link, instead: Mapping[str, str] = {}) -> str:
        path = link.path
        for one in link.of:
            value = instead.get(one) or self._known.get(one) or self._listed(one)
            if value is None:
                raise Failed(f"there is no {one} to ask of")
            path = path.replace("{%s}" % one, quote(value, safe="~"), 1)  # noqa: UP031
        return path

    def _listed(self, definition: str) -> str | None:
        """The first of those there are, where one list tells of them."""
        for link in self._links:
            if (link.method, link.definition, link.lists, link.of) == ("GET", definition, True, ()):
                told = self._ask("GET", link.path)
                if told.status == 200 and told.body:
                    return str(told.body[0]["id"])
        return None

    def _body(self, link: Link) -> object:
        make = samples.BODIES.get(link.route)
        return make(self) if make is not None else link.body

    def _ask(self, method: str, path: str, body: object = None) -> Told:
        try:
            return Told(200, self._client.call(method, path, body))
        except Answered as error:
            return Told(error.status, {"id": error.id, "message": error.message})

    @property
    def name(self) -> str:
        return self._name

    @property
    def person(self) -> str:
        """Whom the walk lets in, and sends away again."""
        return f"{self._name}@example.com"

    def known(self, definition: str) -> str:
        return self._known.get(definition, "")

    def call(self, method: str, path: str, body: object = None) -> Any:
        """Raises Answered where it is refused."""
        return self._client.call(method, path, body)

    def uploaded(self) -> str:
        """Where the source of a small web app is."""
        urls = self._client.call("POST", "/sources")["source_blob"]
        packed = samples.source()
        path = urlsplit(urls["put_url"]).path
        self._client.put_file(path, io.BytesIO(packed), len(packed))
        return str(urls["get_url"])


KEYS = "GET /account/keys"
EMPTY = "always empty"
NONE_TO_ASK = "there is no "
RESTARTS = ("dyno",)
"""What is replaced when it is taken away."""

GONE = {"state": "settled"}
ENDS = 8


def _empty(facts: Mapping[str, str], link: Link) -> bool:
    """What there is none of may be there later."""
    fact = facts.get(link.route, "")
    return fact == EMPTY or fact.startswith(NONE_TO_ASK)


def _turn(link: Link) -> tuple[int, int]:
    """(when, and then by depth): the app, what is in it, a deploy; looks; changes; ends."""
    deep = link.path.count("/")
    return _turn_of(link.method, link.path), -deep if link.method == "DELETE" else deep


def _turn_of(method: str, path: str) -> int:
    early = {
        "POST /apps": 0,
        "POST /pipelines": 0,
        "POST /pipeline-couplings": 1,
        "POST /teams/apps": 1,
        "PUT /teams/{team}/members": 0,
        "POST /apps/{app}/builds": 1,
        "PATCH /apps/{app}/config-vars": 3,
        "POST /apps/{app}/releases": 4,
        "POST /pipeline-transfers": 7,
        "DELETE /review-apps/{review-app}": 7,
        "DELETE /apps/{app}": ENDS + 1,
    }
    if (turn := early.get(f"{method} {path}")) is not None:
        return turn
    if method == "POST":
        return 7 if "/actions/" in path else 2
    return {"GET": 5, "PUT": 6, "PATCH": 6, "DELETE": ENDS}[method]


def _answering(link: Link, ours: Mapping[str, str]) -> str | None:
    """'' where a route answers, why where it says No, None where there is none. One of ours may
    have a parameter where theirs has a word."""
    wanted = template(link.route).split("/")
    for route, refused in sorted(ours.items(), reverse=True):
        mine = route.split("/")
        if len(mine) == len(wanted) and all(
            a == b or (a, b) == ("{}", "~") for a, b in zip(mine, wanted, strict=True)
        ):
            return refused
    return None


def _said(told: Told) -> str:
    return f"{told.status} {(told.body or {}).get('message', '')}".strip().splitlines()[0]


def _excepted(document: Json) -> Json:
    import copy

    copied = copy.deepcopy(document)
    for *way, rule in EXCEPTIONS:
        at: Any = copied["definitions"]
        for key in way:
            at = at.get(key, {})
        at.pop(rule, None)
    return copied


def _validators() -> Callable[[Json], Validator]:
    try:
        import jsonschema_rs
    except ImportError:
        raise Refused(
            "cannot measure conformance: jsonschema-rs is not installed",
            "pip install 'setpoint[conformance]'",
        ) from None
    made = jsonschema_rs.Draft4Validator
    # The schema takes a host name for an address, its own examples included.
    return lambda schema: made(schema, formats={"uri": _any})


def _any(_: str) -> bool:
    return True
