"""One invocation of nothing, before anything is forked.

What Python and its libraries learn as they run for the first time (compiled patterns, specialised
bytecode, caches) is written into memory. Learnt here it is shared; learnt by a fork it would take
time in front of its first caller, and a copy of each page.
"""

import asyncio
import base64
import contextlib
import json
import os
import shutil
import socket
import sys
import tempfile

MAIN = "async def function(event, context):\n    return event.data\n"
PROJECT = """[_]
schema-version = "0.2"

[com.salesforce]
schema-version = "0.1"
id = "nothing"
type = "function"
salesforce-api-version = "56.0"
"""
ANSWER_S_MAX = 5.0
ANSWER_BYTES_MAX = 1 << 16
MODULE = "main"
"""under this name the runtime imports a function"""


def run() -> None:
    """Leaves nothing behind. What goes wrong is worth no complaint: it costs time, later."""
    path, environment = list(sys.path), dict(os.environ)
    folder = tempfile.mkdtemp(prefix="warm-")
    try:
        for name, text in (("main.py", MAIN), ("project.toml", PROJECT)):
            with open(os.path.join(folder, name), "w") as file:
                file.write(text)
        os.environ["FUNCTION_PROJECT_PATH"] = folder
        _invoke(folder)
    except (Exception, SystemExit):
        pass
    finally:
        sys.path[:] = path
        sys.modules.pop(MODULE, None)
        os.environ.clear()
        os.environ.update(environment)
        shutil.rmtree(folder, ignore_errors=True)


def _invoke(folder: str) -> None:
    from salesforce_functions._internal import app as runtime

    from .figures import Figures
    from .invocation import Invocations
    from .server import make_server

    class Unrecorded(Invocations):
        def _record(self, invocation) -> None:
            pass

    figures = Figures(lambda line: None)
    app = Unrecorded(runtime.asgi_app, "nothing", ANSWER_S_MAX, "fork", figures)
    place = os.path.join(folder, "socket")
    # Not on uvloop: its library keeps a pipe for each process that ever had a loop of it.
    runner = asyncio.Runner(loop_factory=asyncio.new_event_loop)
    with socket.socket(socket.AF_UNIX) as listener, runner:
        listener.bind(place)
        listener.listen()
        listener.setblocking(False)
        server = make_server(app, listener, 10, lambda word: None)
        runner.run(_one_call(server, place))


async def _one_call(server, place: str) -> None:
    serving = asyncio.create_task(server.serve())
    try:
        async with asyncio.timeout(ANSWER_S_MAX):
            reader, writer = await asyncio.open_unix_connection(place)
            writer.write(_request())
            await reader.read(ANSWER_BYTES_MAX)
            writer.close()
    finally:
        server.stop()
        with contextlib.suppress(asyncio.CancelledError):
            await serving


def _request() -> bytes:
    user = {
        "orgId": "00D",
        "userId": "005",
        "username": "nobody",
        "onBehalfOfUserId": None,
        "salesforceBaseUrl": "https://nowhere.invalid",
        "orgDomainUrl": "https://nowhere.invalid",
    }
    context = {"apiVersion": "56.0", "payloadVersion": "0.1", "userContext": user}
    function = {"accessToken": "", "requestId": "0", "functionName": "nothing.nothing"}
    headers = {
        "host": "nothing",
        "content-type": "application/json",
        "content-length": "2",
        "ce-id": "0",
        "ce-specversion": "1.0",
        "ce-source": "urn:event:from:nobody",
        "ce-type": "com.salesforce.function.invoke.sync",
        "ce-sfcontext": _encoded(context),
        "ce-sffncontext": _encoded(function),
    }
    lines = ["POST / HTTP/1.1", *(f"{name}: {value}" for name, value in headers.items())]
    return "\r\n".join([*lines, "", "{}"]).encode()


def _encoded(document: dict[str, object]) -> str:
    return base64.b64encode(json.dumps(document).encode()).decode()
