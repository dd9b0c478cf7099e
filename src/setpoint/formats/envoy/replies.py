"""Every answer the edge gives by itself: Heroku's code where there is one, status and sentence.

The codes go to the caller (body and `x-setpoint-error`) and into the router line. When each one
is given is decided in `local_replies` (by Envoy) and in `drivers.envoy.hold` (by us).
"""

import msgspec

ERROR_HEADER = "x-setpoint-error"
HELD_HEADER = "x-setpoint-held-ms"
"""On an answer that had to wait for a start: how long it was held."""


class Reply(msgspec.Struct, frozen=True):
    """`code`: Heroku's H-code, '' where Heroku has none and the id has to do."""

    id: str
    status: int
    message: str
    code: str = ""

    @property
    def label(self) -> str:
        return self.code or self.id

    def document(self, request_id: str) -> dict[str, str]:
        code = {"code": self.code} if self.code else {}
        return {"id": self.id, **code, "message": self.message, "request_id": request_id}

    def body(self, request_id: str) -> bytes:
        return msgspec.json.encode(self.document(request_id)) + b"\n"

    def page(self) -> str:
        """The same for a browser. Needs no escaping: all of it is ours."""
        head = f'<meta charset="utf-8"><title>{self.message}</title>'
        return f"<!doctype html>\n{head}\n<h1>{self.message}</h1>\n<p>{self.label}</p>\n"


CRASHED = Reply("app_crashed", 503, "App crashed", "H10")
BACKLOG = Reply("backlog_too_deep", 503, "Backlog too deep", "H11")
REQUEST_TIMEOUT = Reply("request_timeout", 503, "Request timeout", "H12")
FUNCTION_TIMEOUT = Reply("function_timeout", 504, "Request timeout", "H12")
CLOSED = Reply("connection_closed", 503, "Connection closed without response", "H13")
FUNCTION_ENDED = Reply(
    "function_ended", 503, "The function's process ended before it answered; see the log", "H13"
)
NO_PROCESS = Reply("no_process", 503, "No web processes running", "H14")
IDLE = Reply("idle_connection", 503, "Idle connection", "H15")
INTERRUPTED = Reply("server_interrupted", 503, "Server Request Interrupted", "H18")
BOOT_TIMEOUT = Reply("boot_timeout", 503, "App boot timeout", "H20")
REFUSED = Reply("connection_refused", 503, "Backend connection refused", "H21")
CLIENT_LEFT = Reply("client_interrupted", 499, "Client Request Interrupted", "H27")
CLIENT_SLOW = Reply("client_idle", 408, "Client Connection Idle", "H28")
MAINTENANCE = Reply("maintenance", 503, "Maintenance mode", "H80")
PLATFORM = Reply("platform_error", 503, "Platform error", "H99")

NO_SUCH_APP = Reply("no_such_app", 404, "There is no app at this host.")
UNAUTHORIZED = Reply("unauthorized", 401, "This function needs its invoke key as a bearer token.")
BAD_REQUEST = Reply("bad_request", 400, "The request is not valid HTTP.")
FORBIDDEN = Reply("forbidden", 403, "This request is not allowed.")
TOO_LARGE = Reply("payload_too_large", 413, "The request body is larger than allowed.")
RATE_LIMITED = Reply("rate_limit", 429, "Too many requests.")
HEADERS_TOO_LARGE = Reply("headers_too_large", 431, "The request headers are larger than allowed.")

ALL: tuple[Reply, ...] = tuple(r for r in list(globals().values()) if isinstance(r, Reply))
BY_LABEL: dict[str, Reply] = {
    r.label: r for r in ALL if r not in (FUNCTION_TIMEOUT, FUNCTION_ENDED)
}
