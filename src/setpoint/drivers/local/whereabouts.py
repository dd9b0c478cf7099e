"""Where a running Setpoint is asked, as text: read at every start of the command line, of which
`pathlib` alone would take a tenth. All else about places is in `paths`.
"""

import os

RUNTIME = "runtime"
"""in the data directory: names the runtime directory of the Setpoint that runs"""
TOKEN = "private/token"
"""in the data directory: the local admin's"""
API_SOCKET = "api.sock"
"""in the runtime directory"""


def default_data() -> str:
    """`SETPOINT_DATA`, else /var/lib/setpoint for root and the XDG data folder for others."""
    if "SETPOINT_DATA" in os.environ:
        return os.path.abspath(os.environ["SETPOINT_DATA"])
    if os.geteuid() == 0:
        return "/var/lib/setpoint"
    home = os.environ.get("XDG_DATA_HOME") or os.path.join(os.path.expanduser("~"), ".local/share")
    return os.path.join(home, "setpoint")
