"""python -I -m setpoint_site SITE_JSON, in the app's folder, with PORT set."""

import os
import sys

import uvicorn

from .server import application

KEEP_ALIVE_S = 3600
"""Longer than the edge keeps an idle connection: it is the edge that closes."""
GRACE_S = 20


def main() -> None:
    uvicorn.run(
        application(sys.argv[1]),
        host="0.0.0.0",
        port=int(os.environ["PORT"]),
        lifespan="off",
        ws="none",
        access_log=False,
        server_header=False,
        log_level="warning",
        timeout_keep_alive=KEEP_ALIVE_S,
        timeout_graceful_shutdown=GRACE_S,
    )


if __name__ == "__main__":
    main()
