"""Conditions, in Kubernetes' form: each true only for the generation it names."""

from enum import StrEnum

import msgspec


class ConditionType(StrEnum):
    ACCEPTED = "Accepted"
    SATISFIABLE = "Satisfiable"
    PROGRESSING = "Progressing"
    READY = "Ready"
    STALLED = "Stalled"
    """Needs a human; the message is the next step."""
    DELIVERING = "Delivering"
    """Of apps that send something elsewhere: does it arrive? Nothing waits for it."""
    RECORDED = "Recorded"
    """Of apps of whose journal something cannot be read. Nothing waits for it."""


CONCLUDED = frozenset(ConditionType) - {ConditionType.DELIVERING, ConditionType.RECORDED}
"""What a pass says of an app; the others are looked up."""


class Condition(msgspec.Struct, frozen=True):
    """`since_s`: unix seconds at which `status` last flipped; 0 until stamped."""

    type: ConditionType
    status: bool
    reason: str
    message: str = ""
    observed_generation: int = 0
    since_s: float = 0.0


class InstallationType(StrEnum):
    STORE_WRITABLE = "StoreWritable"
    CLOCK_STEADY = "ClockSteady"


class InstallationCondition(msgspec.Struct, frozen=True):
    """Of the installation as a whole. `since_s`: unix seconds at which `status` last flipped."""

    type: InstallationType
    status: bool
    reason: str
    message: str = ""
    since_s: float = 0.0


def stamp(
    previous: tuple[Condition, ...], current: tuple[Condition, ...], now_s: float
) -> tuple[Condition, ...]:
    """Carry `since_s` over where the status did not flip. The one place that stamps."""
    before = {c.type: c for c in previous}

    def since(c: Condition) -> float:
        old = before.get(c.type)
        return old.since_s if old is not None and old.status == c.status else now_s

    return tuple(msgspec.structs.replace(c, since_s=since(c)) for c in current)


def find(conditions: tuple[Condition, ...], type_: ConditionType) -> Condition | None:
    return next((c for c in conditions if c.type is type_), None)


def settled(conditions: tuple[Condition, ...]) -> bool:
    """Nothing is under way, and no human is needed."""
    progressing = find(conditions, ConditionType.PROGRESSING)
    stalled = find(conditions, ConditionType.STALLED)
    done = progressing is not None and not progressing.status
    return done and not (stalled is not None and stalled.status)
