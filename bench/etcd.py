"""An etcd of its own on this machine, and a client that speaks to it as its own clients do.

The messages are the few of etcd's rpc.proto that a transaction of puts needs; fields that are not
declared here stay on the wire as they came. etcd's JSON gateway would be slower, and unfair.
"""

import asyncio
import os
import shutil
import socket
import subprocess
from collections.abc import AsyncGenerator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path

import grpc
from google.protobuf import descriptor_pb2, descriptor_pool, message_factory

INSTALL = "apt-get install etcd-server"
START_S_MAX = 20.0
TXN = "/etcdserverpb.KV/Txn"


def installed() -> str | None:
    """Its program, if this machine has it."""
    return shutil.which("etcd")


def _messages() -> dict[str, type]:
    """TxnRequest and what it is made of, TxnResponse: field numbers as in etcd's rpc.proto."""
    file = descriptor_pb2.FileDescriptorProto(name="bench_etcd.proto", package="etcdserverpb")
    file.syntax = "proto3"
    fields = {
        "PutRequest": [("key", 1, "bytes"), ("value", 2, "bytes")],
        "RequestOp": [("request_put", 2, "PutRequest")],
        "TxnRequest": [("success", 2, "*RequestOp")],
        "TxnResponse": [("succeeded", 2, "bool")],
    }
    for name, rows in fields.items():
        message = file.message_type.add(name=name)
        for field, number, kind in rows:
            added = message.field.add(name=field, number=number)
            added.label = added.LABEL_REPEATED if kind.startswith("*") else added.LABEL_OPTIONAL
            if kind in ("bytes", "bool"):
                added.type = added.TYPE_BYTES if kind == "bytes" else added.TYPE_BOOL
            else:
                added.type, added.type_name = added.TYPE_MESSAGE, ".etcdserverpb." + kind.strip("*")
    pool = descriptor_pool.DescriptorPool()
    pool.Add(file)
    found = {name: pool.FindMessageTypeByName(f"etcdserverpb.{name}") for name in fields}
    return {name: message_factory.GetMessageClass(found[name]) for name in fields}


MESSAGES = _messages()


class Client:
    """Of one connection, as a program would share it between its tasks."""

    def __init__(self, channel: grpc.aio.Channel) -> None:
        self._txn = channel.unary_unary(
            TXN,
            request_serializer=MESSAGES["TxnRequest"].SerializeToString,
            response_deserializer=MESSAGES["TxnResponse"].FromString,
        )

    async def put_all(self, puts: Sequence[tuple[bytes, bytes]]) -> None:
        """One transaction."""
        request = MESSAGES["TxnRequest"]()
        for key, value in puts:
            put = request.success.add().request_put
            put.key, put.value = key, value
        answer = await self._txn(request)
        assert answer.succeeded


@asynccontextmanager
async def running(folder: Path) -> AsyncGenerator[Client]:
    """One node with its defaults, its data below `folder`."""
    program = installed()
    assert program is not None
    url, peers = (f"http://127.0.0.1:{port}" for port in _free_ports(2))
    command = [
        *(program, "--data-dir", str(folder / "etcd"), "--log-level", "error"),
        *("--listen-client-urls", url, "--advertise-client-urls", url),
        *("--listen-peer-urls", peers, "--initial-advertise-peer-urls", peers),
        *("--initial-cluster", f"default={peers}"),
    ]
    with (folder / "etcd.log").open("w") as log:
        process = subprocess.Popen(command, stdout=log, stderr=log, env=_environment())
    try:
        async with grpc.aio.insecure_channel(url.removeprefix("http://")) as channel:
            client = Client(channel)
            async with asyncio.timeout(START_S_MAX):
                await channel.channel_ready()
                await client.put_all([(b"ready", b"")])
            yield client
    finally:
        process.terminate()
        process.wait()


def _environment() -> dict[str, str]:
    """etcd takes options from the environment too: none of somebody else's."""
    return {name: value for name, value in os.environ.items() if not name.startswith("ETCD_")}


def _free_ports(count: int) -> list[int]:
    sockets = [socket.create_server(("127.0.0.1", 0)) for _ in range(count)]
    ports = [s.getsockname()[1] for s in sockets]
    for each in sockets:
        each.close()
    return ports
