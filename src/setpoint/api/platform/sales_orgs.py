"""Compute environments: apps by Salesforce org and project, for the `sf` functions commands."""

import msgspec

from setpoint.api.call import Call, Endpoint
from setpoint.api.platform import apps as platform
from setpoint.formats.heroku import sales_orgs, shapes
from setpoint.intents import apps
from setpoint.model.app import Unit
from setpoint.model.errors import NotFound
from setpoint.policy.names import shortened

PATH = "/sales-org-connections/{org}/apps"


class NewEnvironment(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """POST /sales-org-connections/O/apps. `sfdx_project_name`: as sfdx-project.json has it."""

    sfdx_project_name: str


async def listed(call: Call) -> tuple[shapes.ComputeEnvironment, ...]:
    """A project is told as its app's name has it."""
    org = call.param("org")
    ending = sales_orgs.suffix(org)
    units = [unit for unit in await platform.living(call) if unit.name.endswith(ending)]
    return tuple(_told(call, unit, org, unit.name.removesuffix(ending)) for unit in units)


async def create(call: Call, body: NewEnvironment) -> shapes.ComputeEnvironment:
    org, project = call.param("org"), body.sfdx_project_name
    name = sales_orgs.app_name(org, project)
    return _told(call, await apps.create(call.services.door, call.asked, name), org, project)


async def info(call: Call) -> shapes.ComputeEnvironment:
    org, project = call.param("org"), call.param("project")
    name = sales_orgs.app_name(org, project)
    for unit in await platform.living(call):
        if unit.name == name:
            return _told(call, unit, org, project)
    raise NotFound(
        f"cannot find a compute environment of '{shortened(project)}': this org has none",
        "sf env create compute",
    )


def _told(call: Call, unit: Unit, org: str, project: str) -> shapes.ComputeEnvironment:
    (app,) = platform.shaped(call, (unit,))
    return sales_orgs.environment(app, org, project)


ROUTES = (
    Endpoint("GET", PATH, listed, "read", "Apps of a Salesforce org"),
    Endpoint("POST", PATH, create, "write", "Create one for a project", status=201),
    Endpoint("GET", f"{PATH}/{{project}}", info, "read", "The app of a project"),
)
