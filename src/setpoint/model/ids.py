"""Typed ids and the fence. Names can be reused, ids never."""

from typing import NewType

import msgspec

AppId = NewType("AppId", str)
"""uuid4 text of an app; doubles as its unit id."""

InstanceId = NewType("InstanceId", str)
"""Unique for ever: '<process>.<ordinal>-<token>', for example 'web.1-9f2c41'."""

BuildId = NewType("BuildId", str)

JobId = NewType("JobId", str)
"""Lower-case hex; unique for ever, whoever asks for it."""

Digest = NewType("Digest", str)
"""Lower-case hex sha256."""


class Fence(msgspec.Struct, frozen=True, order=True):
    """Older never wins. The incarnation rises at init and at restore from backup."""

    incarnation: int
    generation: int

    def __str__(self) -> str:
        return f"{self.incarnation}.{self.generation}"


class SetKey(msgspec.Struct, frozen=True, order=True):
    """Names one set of equal instances: one process of one app in one exact specification."""

    app: AppId
    process: str
    spec_hash: Digest

    @property
    def short(self) -> str:
        """Short enough for file names and socket paths (Envoy takes 102 bytes)."""
        return f"{self.app[:8]}-{self.process[:24]}-{self.spec_hash[:10]}"

    def __str__(self) -> str:
        return self.short
