"""The gRPC server that Envoy talks to, on one unix socket: ADS, Check, access log, load reports."""

import asyncio
import contextlib
import os
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import grpc
import grpc.aio

from setpoint.drivers.envoy import heard, wire
from setpoint.drivers.envoy.ads import Ads
from setpoint.drivers.envoy.delta import Answer, Ask
from setpoint.drivers.envoy.heard import Load
from setpoint.drivers.envoy.hold import Holds
from setpoint.formats.envoy.replies import ERROR_HEADER, HELD_HEADER
from setpoint.formats.envoy.router_log import Entry

LOAD_EVERY_S = 1.0
STREAMS_MAX = 100_000
"""every held request is one"""

_grpc: Any = grpc
_aio: Any = grpc.aio
_Handlers = dict[str, Any]


@dataclass(frozen=True)
class Ears:
    """Who is told what Envoy says. `load(stream, report)`: None when that Envoy has left."""

    log: Callable[[list[Entry]], None]
    load: Callable[[object, list[Load] | None], None]


class EnvoyServer:
    """`bind` needs the right to create the socket, `start` does not: in between, root is left."""

    def __init__(self, ads: Ads, holds: Holds, ears: Ears) -> None:
        self._ads, self._holds, self._ears = ads, holds, ears
        self._server: Any = _aio.server(
            options=[
                ("grpc.max_send_message_length", -1),
                ("grpc.max_receive_message_length", -1),
                ("grpc.max_concurrent_streams", STREAMS_MAX),
            ]
        )
        for service, methods in self._services().items():
            handler = _grpc.method_handlers_generic_handler(service, methods)
            self._server.add_generic_rpc_handlers((handler,))

    def bind(self, path: Path, gid: int | None, uid: int | None) -> None:
        """Whoever holds the data directory's lock owns the path; a leftover of a dead agent goes.
        With a `gid` that group may connect: Envoy's."""
        with contextlib.suppress(FileNotFoundError):
            path.unlink()
        before = os.umask(0o177)
        try:
            self._server.add_insecure_port(f"unix:{path}")
        finally:
            os.umask(before)
        if gid is not None:
            os.chown(path, -1 if uid is None else uid, gid)
            path.chmod(0o660)

    async def start(self) -> None:
        await self._server.start()

    async def stop(self) -> None:
        await self._server.stop(0)

    def _services(self) -> dict[str, _Handlers]:
        discovery = "envoy.service.discovery.v3.AggregatedDiscoveryService"
        return {
            discovery: {
                "DeltaAggregatedResources": _grpc.stream_stream_rpc_method_handler(
                    self._delta, wire.read_ask, wire.write_answer
                )
            },
            "envoy.service.auth.v3.Authorization": {
                "Check": _grpc.unary_unary_rpc_method_handler(self._check, wire.read_check, None)
            },
            "envoy.service.accesslog.v3.AccessLogService": {
                "StreamAccessLogs": _grpc.stream_unary_rpc_method_handler(
                    self._access_log, heard.read_log, heard.write_log_end
                )
            },
            "envoy.service.load_stats.v3.LoadReportingService": {
                "StreamLoadStats": _grpc.stream_stream_rpc_method_handler(
                    self._load, heard.read_load, heard.write_load_order
                )
            },
        }

    async def _delta(self, asks: AsyncIterator[Ask | None], _: object) -> AsyncIterator[Answer]:
        async with contextlib.aclosing(self._ads.stream(asks)) as answers:
            async for answer in answers:
                yield answer

    async def _check(self, asked: tuple[str, str], _: object) -> bytes:
        cluster, request_id = asked
        loop = asyncio.get_running_loop()
        began_s = loop.time()
        reply = await self._holds.hold(cluster)
        held_ms = str(round((loop.time() - began_s) * 1000))
        if reply is None:
            return wire.write_allowed({HELD_HEADER: held_ms})
        headers = {"content-type": "application/json", ERROR_HEADER: reply.label}
        return wire.write_denied(reply.status, reply.body(request_id), headers)

    async def _access_log(self, messages: AsyncIterator[list[Entry]], _: object) -> None:
        async for entries in messages:
            self._ears.log(entries)

    async def _load(self, reports: AsyncIterator[list[Load]], _: object) -> AsyncIterator[float]:
        """The first report says hello; our answer says what to report."""
        stream = object()
        try:
            async for report in reports:
                yield LOAD_EVERY_S
                self._ears.load(stream, report)
                break
            async for report in reports:
                self._ears.load(stream, report)
        finally:
            self._ears.load(stream, None)
