"""Compute environments of Salesforce orgs, as the `sf` functions commands ask for them: apps that
are found by org and project. What binds an app to both is its name, so nothing else is kept.
"""

import hashlib
import re

import msgspec

from setpoint.formats.heroku import shapes
from setpoint.model.errors import Invalid

ORG_RE = re.compile(r"[A-Za-z0-9]{15,18}")
"""An org's id, as Salesforce has it in 15 or 18 characters."""
OTHER_RE = re.compile(r"[^a-z0-9]+")
PROJECT_CHARS_MAX = 23
"""With a hyphen and six digits more it is as long as an app's name may be."""


def suffix(org: str) -> str:
    """By which the apps of one org are known. Raises Invalid."""
    if ORG_RE.fullmatch(org) is None:
        raise Invalid("cannot read the org: its id has 15 or 18 letters and digits")
    return "-" + hashlib.sha256(org[:15].encode()).hexdigest()[:6]


def app_name(org: str, project: str) -> str:
    """Of one project in one org; the same every time. Raises Invalid."""
    words = OTHER_RE.sub("-", project.lower()).strip("-")[:PROJECT_CHARS_MAX].strip("-")
    if not words[:1].isalpha():
        raise Invalid("cannot read the project: its name does not begin with a letter")
    return words + suffix(org)


def environment(app: shapes.App, org: str, project: str) -> shapes.ComputeEnvironment:
    connection = shapes.SalesOrgConnection(app.id, org)
    told = {name: getattr(app, name) for name in shapes.App.__struct_fields__}
    return msgspec.convert(
        {**told, "sfdx_project_name": project, "sales_org_connection": connection},
        shapes.ComputeEnvironment,
        from_attributes=True,
    )
