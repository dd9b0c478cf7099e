"""What Heroku has and Setpoint does not: lists that are empty, and a No that says why.

A command then ends with a sentence instead of a missing route.
"""

from collections.abc import Awaitable, Callable
from typing import NamedTuple

import msgspec

from setpoint.api import find
from setpoint.api.call import Call, Endpoint
from setpoint.api.errors import NoSuch, Unsupported
from setpoint.api.platform import elsewhere
from setpoint.formats.heroku import shapes
from setpoint.policy.access import Need

PAGE = "/v1/unsupported"


class No(NamedTuple):
    """`what`: as in `cannot <what>`. `hint`: the way round, '' where there is none."""

    what: str
    why: str
    hint: str
    routes: tuple[str, ...]


ADDONS = "add-ons are not there yet"
NOS = (
    No(
        "create an add-on",
        ADDONS,
        "run the service elsewhere and put its URL into a config var",
        ("POST /apps/{app}/addons", "POST /addon-attachments"),
    ),
    No("find an add-on", ADDONS, "", ("POST /actions/addons/resolve",)),
    No("find an attachment", ADDONS, "", ("POST /actions/addon-attachments/resolve",)),
    No("create a team", "the installation is the one team there is", "", ("POST /teams",)),
    No(
        "give an org's user access",
        "nobody signs in with Salesforce here",
        "give them a token of this installation",
        ("POST /salesforce-orgs/collaborators",),
    ),
    No(
        "create a space",
        "each app is walled off on this machine as it is",
        "",
        ("POST /spaces",),
    ),
    No(
        "switch a feature of the app",
        "there are none to switch",
        "",
        ("PATCH /apps/{app}/features/{feature}",),
    ),
)

EMPTY = (
    ("/account/features", "Features of an account: none"),
    ("/addons", "Add-ons: none"),
    ("/addon-attachments", "Attachments: none"),
    ("/addon-services", "Services that could be added: none"),
    ("/apps/{app}/addons", "An app's add-ons: none"),
    ("/apps/{app}/addon-attachments", "An app's attachments: none"),
    ("/apps/{app}/features", "Features of an app: none"),
    ("/spaces", "Spaces: none"),
)


class Unable(msgspec.Struct, frozen=True):
    """One row of the page that a No refers to."""

    route: str
    message: str
    hint: str


async def page(call: Call) -> tuple[Unable, ...]:
    single = ((route, no) for no in NOS for route in no.routes)
    areas = ((elsewhere.shown(area), area) for area in elsewhere.AREAS)
    return tuple(Unable(r, f"cannot {no.what}: {no.why}", no.hint) for r, no in (*single, *areas))


async def no_feature(call: Call) -> shapes.Nothing:
    unit = await find.app(call)
    raise NoSuch(
        f"cannot find that feature: '{unit.name}' has none to switch", resource="app_feature"
    )


def url(call: Call) -> str:
    return call.base_url + PAGE


def _refusing(no: No, route: str) -> Endpoint:
    method, _, path = route.partition(" ")

    async def refuse(call: Call) -> shapes.Nothing:
        if "{app}" in path:
            await find.app(call)
        raise Unsupported(f"cannot {no.what}: {no.why}", no.hint, url(call))

    need: Need = "view" if "{app}" in path else "write"
    return Endpoint(method, path, refuse, need, f"Refused: {no.why}", refused=no.why)


def _empty(path: str, summary: str) -> Endpoint:
    async def nothing(call: Call) -> tuple[shapes.Nothing, ...]:
        if "{app}" in path:
            await find.app(call)
        return ()

    run: Callable[..., Awaitable[object]] = nothing
    return Endpoint("GET", path, run, "view" if "{app}" in path else "read", summary)


ROUTES: tuple[Endpoint, ...] = (
    *(_empty(path, summary) for path, summary in EMPTY),
    Endpoint("GET", "/apps/{app}/features/{feature}", no_feature, "view", "There is none"),
    *(_refusing(no, route) for no in NOS for route in no.routes),
)
