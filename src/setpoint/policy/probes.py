"""What a web process may be asked before it counts as ready."""

import re

from setpoint.model.app import Probe
from setpoint.model.errors import Invalid, NotFound
from setpoint.model.release import Slug
from setpoint.policy.names import check_process, shortened

PATH_RE = re.compile(r"/[\x21-\x7e]*")
PATH_CHARS_MAX = 1024
TIMEOUT_S_MIN, TIMEOUT_S_MAX = 0.1, 60.0
STATUS_BELOW_MIN, STATUS_BELOW_MAX = 201, 600
WEB = "web"


def check_probe(app: str, probe: Probe) -> None:
    """Raises Invalid. A path of '' asks for nothing but listening."""
    wrong = _path(probe.path) or _timeout(probe.timeout_s) or _status_below(probe.status_below)
    if wrong:
        raise Invalid(f"cannot set the probe of '{app}': {wrong}")


def check_probed(app: str, process: str, slug: Slug | None) -> None:
    """Raises Invalid or NotFound. Before there is a release, web is what there will be."""
    check_process("set the probe of", app, process)
    found = slug.process(process) if slug is not None else None
    if found is not None and found.kind != "web":
        raise Invalid(
            f"cannot set the probe of '{app}': '{process}' is a {found.kind}, "
            "and only web processes are asked"
        )
    if found is None and process != WEB:
        raise NotFound(f"cannot set the probe of '{app}': it has no process '{process}'")


def _path(path: str) -> str:
    if len(path) > PATH_CHARS_MAX:
        return f"the path has {len(path)} characters, at most {PATH_CHARS_MAX} are allowed"
    if path and PATH_RE.fullmatch(path) is None:
        return (
            f"'{shortened(path)}' is not a path: it starts with '/' and holds printable ASCII "
            "without spaces, anything else as %XX"
        )
    return ""


def _timeout(timeout_s: float) -> str:
    if TIMEOUT_S_MIN <= timeout_s <= TIMEOUT_S_MAX:  # false for NaN too
        return ""
    return f"timeout_s={timeout_s:g} is not between {TIMEOUT_S_MIN:g} and {TIMEOUT_S_MAX:g} seconds"


def _status_below(status: int) -> str:
    if STATUS_BELOW_MIN <= status <= STATUS_BELOW_MAX:
        return ""
    return f"status_below={status} is not from {STATUS_BELOW_MIN} to {STATUS_BELOW_MAX}"
