"""The one status table: errors -> HTTP status and Heroku's body {"id", "message", "url"}.

Whatever is not in the tree is a bug: 500, the request id and nothing else.
"""

from typing import NamedTuple

import msgspec

from setpoint.model.errors import (
    Conflict,
    DriverError,
    Forbidden,
    Invalid,
    NoRoom,
    NotFound,
    OverLimit,
    Refused,
    SetpointError,
    StoreError,
    TellsSecret,
)


class BadRequest(Invalid):
    """Not even readable: no JSON, a broken header."""


class TooLarge(OverLimit):
    """A body beyond this door's limit."""


class Unauthorized(Refused):
    """No token, or one nobody knows."""


class WrongMethod(Refused):
    """The path is there, the method is not."""


class Unsupported(Refused):
    """Heroku has it, and Setpoint does not: the message says why. `url`: where all of it stands."""

    def __init__(self, message: str, hint: str = "", url: str | None = None) -> None:
        super().__init__(message, hint)
        self.url = url


class NoSuch(NotFound):
    """`resource`: by which Heroku's clients know what they did not find."""

    def __init__(self, message: str, hint: str = "", *, resource: str | None = None) -> None:
        super().__init__(message, hint)
        self.resource = resource


class Gone(Refused):
    """It was there, and is kept no longer."""


class Answer(NamedTuple):
    status: int
    id: str


TABLE: dict[type[SetpointError], Answer] = {
    BadRequest: Answer(400, "bad_request"),
    Unauthorized: Answer(401, "unauthorized"),
    Forbidden: Answer(403, "forbidden"),
    NotFound: Answer(404, "not_found"),
    WrongMethod: Answer(405, "method_not_allowed"),
    Conflict: Answer(409, "conflict"),
    Gone: Answer(410, "gone"),
    TooLarge: Answer(413, "request_too_large"),
    OverLimit: Answer(422, "over_limit"),
    TellsSecret: Answer(422, "why_contains_secret"),
    Invalid: Answer(422, "invalid_params"),
    NoRoom: Answer(422, "no_room"),
    Unsupported: Answer(422, "unsupported"),
    Refused: Answer(422, "refused"),
    DriverError: Answer(503, "unavailable"),
    StoreError: Answer(503, "store_unavailable"),
    SetpointError: Answer(500, "internal_error"),
}
"""The nearest class above an error counts. A DriverError gets here from a stream only."""


class Body(msgspec.Struct, frozen=True):
    """`hint`: Setpoint's own, the next step. `url` is null where the message says it all."""

    id: str
    message: str
    url: str | None = None
    hint: str = ""
    request_id: str = ""
    resource: str | None = None


def answer(error: SetpointError) -> Answer:
    """The entry of the nearest class above `error`."""
    return next(TABLE[kind] for kind in type(error).__mro__ if kind in TABLE)


def body(error: SetpointError, request_id: str) -> Body:
    """Heroku's clients print `message` only, so the hint is in it too."""
    url = error.url if isinstance(error, Unsupported) else None
    resource = error.resource if isinstance(error, NoSuch) else None
    return Body(answer(error).id, str(error), url, error.hint, request_id, resource)


def bug(request_id: str) -> Body:
    message = f"Setpoint failed at this request; its log has the details under {request_id}"
    return Body("internal_error", message, None, "", request_id)
