"""The whole tree of errors. Messages read `cannot <verb> <what>: <fact>`; a hint is the next step.

SetpointError
  Refused        the caller can fix it; nothing was written   (raised at the door)
    Invalid(TellsSecret)  Forbidden  NotFound  Conflict  OverLimit  NoRoom
  DriverError    the world said no; becomes a condition and a journal entry, never a reply
    Transient  Terminal(Stale)
  StoreError     memory is unavailable; the loop backs off, doors answer 503
    Unreadable   one document in it cannot be read; all others can
    StoreFull  StoreReadOnly  it can be read and not written
    OpenAnew     it can be written again, by who opens it anew
"""


class SetpointError(Exception):
    """Base of every error Setpoint raises on purpose."""

    def __init__(self, message: str, hint: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint

    def __str__(self) -> str:
        return f"{self.message}\n{self.hint}" if self.hint else self.message


class Refused(SetpointError):
    """Refused at the door: nothing was written."""


class Invalid(Refused):
    """The request is malformed."""


class TellsSecret(Invalid):
    """Words that are kept in the clear hold the value of a config var. Never which, nor where."""


class Forbidden(Refused):
    """The actor may not do this."""


class NotFound(Refused):
    """No such thing, or none this actor may know of."""


class Conflict(Refused):
    """Somebody else got there first: a name is taken, an ETag is stale."""


class OverLimit(Refused):
    """Beyond a policy limit."""


class NoRoom(Refused):
    """The disk is nearly full."""


class DriverError(SetpointError):
    """The world said no."""


class Transient(DriverError):
    """Worth another try on a later pass."""


class Terminal(DriverError):
    """Pointless to repeat until the intent or the world changes."""


class Stale(Terminal):
    """Somebody with a newer fence was here already."""


class StoreError(SetpointError):
    """Durable memory is unavailable (locked, full, newer than this program)."""


class Superseded(StoreError):
    """Another daemon has opened the same memory since: this one has no say any more."""


class StoreFull(StoreError):
    """Its disk has no room."""


class StoreReadOnly(StoreError):
    """It can be read and not written."""


class OpenAnew(StoreError):
    """It was read-only when it was opened, and is no more."""


class Unreadable(StoreError):
    """One document in memory is damaged, or was written by a newer program. Others can be read."""
