"""Everything Envoy should know, from routes and facts. Pure; the agent's table keeps it piecewise.

Also the rules that hold before Envoy sees anything: one malformed host or key would make it
refuse its neighbours in the same push as well.
"""

from collections.abc import Iterable

from setpoint.formats.control import SetRoute
from setpoint.formats.envoy.clusters import project_set
from setpoint.formats.envoy.hosts import HOST_RE, KEY_RE, Facts, project_route
from setpoint.formats.envoy.limits import Limits
from setpoint.formats.envoy.resource import Resource
from setpoint.model.route import Route


def project(asked: Iterable[SetRoute], facts: Facts, limits: Limits) -> tuple[Resource, ...]:
    sets = [r for seen in facts.values() for r in project_set(seen, limits)]
    hosts = [r for m in asked for r in project_route(m.route, m.invoke_key, facts, limits)]
    return (*sets, *hosts)


def hosts_of(route: Route) -> list[str]:
    return [host for backend in route.backends for host in backend.hosts]


def fault(message: SetRoute) -> str:
    """Why this route cannot be given to Envoy, '' if it can. Never names the key."""
    hosts = hosts_of(message.route)
    what = f"cannot route {message.route.app_name}"
    if bad := [h for h in hosts if not HOST_RE.fullmatch(h)]:
        return f"{what}: {bad[0]!r} is not a host name"
    if twice := [h for h in hosts if hosts.count(h) > 1]:
        return f"{what}: {twice[0]} is named twice"
    if message.invoke_key and not KEY_RE.fullmatch(message.invoke_key):
        return f"{what}: its invoke key has characters that no header can carry"
    return ""
