"""An instance's name on the host: enough to know it again when every record of it is lost.

It names the instance's cgroup and its files, so it holds letters, digits, '-', '_' and '.' only
and is at most 100 characters long; the app's id stands beside it.
"""

import re
from dataclasses import dataclass
from typing import Protocol

from setpoint.model.ids import InstanceId, JobId

HASH_CHARS = 10
"""of the spec hash: as many as tell an app's sets apart"""

_NAME = re.compile(
    rf"(?P<process>[A-Za-z0-9_-]{{1,63}})\.(?P<hash>[0-9a-f]{{1,{HASH_CHARS}}})"
    r"\.(?P<ordinal>[0-9]{1,4})\.(?P<token>[0-9a-f]{6})\.(?P<port>[0-9]{1,5})"
)


class HostName(Protocol):
    """What has a name on the host: an instance of a set, or a job."""

    @property
    def id(self) -> InstanceId: ...

    @property
    def dyno(self) -> str: ...

    @property
    def port(self) -> int: ...


@dataclass(frozen=True)
class InstanceName:
    """`port`: what the instance was told to listen on."""

    process: str
    hash: str
    ordinal: int
    token: str
    port: int

    @property
    def id(self) -> InstanceId:
        return InstanceId(f"{self.dyno}-{self.token}")

    @property
    def dyno(self) -> str:
        """As users know it: web.1"""
        return f"{self.process}.{self.ordinal}"

    def __str__(self) -> str:
        return f"{self.process}.{self.hash}.{self.ordinal}.{self.token}.{self.port}"

    @staticmethod
    def parse(text: str) -> "InstanceName | None":
        """None: not a name this version gives."""
        found = _NAME.fullmatch(text)
        if found is None:
            return None
        return InstanceName(
            found["process"], found["hash"], int(found["ordinal"]), found["token"],
            int(found["port"]),
        )  # fmt: skip


_JOB = re.compile(
    r"job\.(?P<process>[A-Za-z0-9_-]{1,20})\.(?P<number>[0-9]{1,6})\.(?P<job>[0-9a-f-]{1,40})"
)


@dataclass(frozen=True)
class JobName:
    """A job's: the whole id is in it, since nothing but the ledger tells what may never run twice.

    `dyno`: run.4821
    """

    job: JobId
    dyno: str
    port: int = 0

    @property
    def id(self) -> InstanceId:
        return InstanceId(f"job-{self.job}")

    def __str__(self) -> str:
        return f"job.{self.dyno}.{self.job}"

    @staticmethod
    def parse(text: str) -> "JobName | None":
        """None: not a job's name."""
        found = _JOB.fullmatch(text)
        if found is None:
            return None
        return JobName(JobId(found["job"]), f"{found['process']}.{found['number']}")


_ZYGOTE = re.compile(r"zygote\.(?P<token>[0-9a-f]{6})")


@dataclass(frozen=True)
class ZygoteName:
    """A process that is forked, and answers nobody itself."""

    token: str
    dyno: str = "zygote"
    port: int = 0

    @property
    def id(self) -> InstanceId:
        return InstanceId(f"zygote-{self.token}")

    def __str__(self) -> str:
        return f"zygote.{self.token}"

    @staticmethod
    def parse(text: str) -> "ZygoteName | None":
        """None: not a zygote's name."""
        found = _ZYGOTE.fullmatch(text)
        return None if found is None else ZygoteName(found["token"])


_SPARE = re.compile(r"spare\.(?P<token>[0-9a-f]{6})")


@dataclass(frozen=True)
class SpareName:
    """A process that is ready but for the function it will run."""

    token: str
    dyno: str = "spare"
    port: int = 0

    @property
    def id(self) -> InstanceId:
        return InstanceId(f"spare-{self.token}")

    def __str__(self) -> str:
        return f"spare.{self.token}"

    @staticmethod
    def parse(text: str) -> "SpareName | None":
        """None: not a spare's name."""
        found = _SPARE.fullmatch(text)
        return None if found is None else SpareName(found["token"])


PORT_FIRST = 10_000
PORTS = 20_000


def next_port(last: int, taken: frozenset[int]) -> int:
    """Ports go round, so that one just given back is not met again by a late request.

    `last`: the one given before, 0 for none.
    """
    for step in range(1, PORTS + 1):
        port = PORT_FIRST + (max(last, PORT_FIRST - 1) - PORT_FIRST + step) % PORTS
        if port not in taken:
            return port
    raise AssertionError("more instances in one app than ports")
