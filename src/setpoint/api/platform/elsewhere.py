"""Whole areas of Heroku's API that are not here, known by their paths: whoever asks for one is told
why not, and not that there is no such route."""

import re
from typing import NamedTuple

from setpoint.api.errors import Unsupported
from setpoint.model.errors import SetpointError


class Area(NamedTuple):
    """`paths`: one pattern of a whole path, whatever the method. `what`, `why`, `hint`: as a No
    has them."""

    paths: str
    what: str
    why: str
    hint: str = ""


ONE = r"[^/]+"
AREAS = (
    Area(
        rf"/spaces/.+|/teams/{ONE}/spaces",
        "use a space",
        "each app is walled off on this machine as it is",
    ),
    Area(
        rf"/enterprise-accounts(/.+)?|/teams/{ONE}/(invoices|usage)(/.+)?|"
        rf"/(account|teams/{ONE})/delinquency|/account/(credits|invoices|invoice-address)(/.+)?",
        "see what is owed",
        "nobody is billed here",
    ),
    Area(
        rf"/apps/{ONE}/(slugs|oci-images)(/.+)?",
        "read or make a slug",
        "what a release runs are layers on this machine's disk, by content",
        "deploy a source; GET /v1/apps/APP/releases/v1 tells what is in a release",
    ),
    Area(
        rf"/test-runs(/.+)?|/pipelines/{ONE}/(review-app-config|repo|test-runs)(/.+)?",
        "follow a repository elsewhere",
        "there is no GitHub here: nothing comes by itself",
        "a review app is made of an uploaded source: POST /review-apps",
    ),
    Area(
        rf"/pipelines/{ONE}/stage/{ONE}/config-vars",
        "give a stage config of its own",
        "config is each app's",
        "heroku config:set -a APP; a review app's begins from app.json",
    ),
    Area(
        rf"(/apps/{ONE})?/telemetry-drains(/.+)?",
        "send telemetry elsewhere",
        "there are no drains for it",
        "GET /v1/metrics has figures of every app, for Prometheus",
    ),
    Area(
        rf"/password-resets(/.+)?|/users/{ONE}/sms-number(/.+)?|/teams/{ONE}/identity-providers(/.+)?",
        "change how people sign in",
        "they are known by tokens, and no password is kept",
    ),
    Area(
        r"/account/app-transfers(/.+)?",
        "hand an app over",
        "an app stays with who created it",
    ),
)


def refusal(path: str, url: str) -> SetpointError | None:
    """`path`: as sent. `url`: where all of it stands."""
    for area in AREAS:
        if re.fullmatch(area.paths, path) is not None:
            return Unsupported(f"cannot {area.what}: {area.why}", area.hint, url)
    return None


def shown(area: Area) -> str:
    """Its paths, as a person reads them."""
    return area.paths.replace(ONE, "*").replace("(/.+)?", "…").replace("/.+", "/…")
