"""A small web app: `GREETING` is a config var, DYNO tells which instance answered."""

import os

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse
from starlette.routing import Route


async def home(request: Request) -> PlainTextResponse:
    greeting = os.environ.get("GREETING", "Welcome")
    dyno = os.environ.get("DYNO", "your own machine")
    return PlainTextResponse(f"{greeting} to {request.url.hostname}, says {dyno}\n")


app = Starlette(routes=[Route("/", home)])
