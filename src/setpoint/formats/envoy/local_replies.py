"""Which of our replies Envoy gives when. The first rule that matches wins."""

from typing import Any

from setpoint.formats.envoy import replies
from setpoint.formats.envoy.hosts import METADATA
from setpoint.formats.envoy.replies import ERROR_HEADER, Reply
from setpoint.formats.envoy.resource import EXTENSIONS, Json, typed


def mappers() -> list[Json]:
    return [
        _untouched('response.code_details == "ext_authz_denied"'),
        _mapper(_when('response.code_details == "ext_authz_error"'), replies.PLATFORM),
        _mapper(_when('response.code_details == "route_not_found"'), replies.NO_SUCH_APP),
        _page(_both(_when(_route("reply", replies.MAINTENANCE.id)), _BROWSER), replies.MAINTENANCE),
        *(_mapper(_when(_route("reply", r.id)), r) for r in _DIRECT),
        _mapper(_both(_flags("UT"), _FUNCTION), replies.FUNCTION_TIMEOUT),
        _mapper(_both(_flags("UC", "UR"), _FUNCTION), replies.FUNCTION_ENDED),
        *(_mapper(_flags(*flags), reply) for flags, reply in _BY_FLAG),
        *(_mapper(_status("EQ", r.status), r) for r in _BY_STATUS),
        _mapper(_status("GE", 500), replies.PLATFORM, keep_status=True),
    ]


_DIRECT = (
    replies.UNAUTHORIZED,
    replies.NO_PROCESS,
    replies.CRASHED,
    replies.MAINTENANCE,
)
_BROWSER: Json = {
    "header_filter": {"header": {"name": "accept", "string_match": {"contains": "text/html"}}}
}
_BY_FLAG: tuple[tuple[tuple[str, ...], Reply], ...] = (
    (("UT",), replies.REQUEST_TIMEOUT),
    (("SI",), replies.IDLE),
    (("UO",), replies.BACKLOG),
    (("UF",), replies.REFUSED),
    (("UC", "UR"), replies.CLOSED),
    (("UH", "NC"), replies.CRASHED),
)
_BY_STATUS = (
    replies.UNAUTHORIZED,
    replies.FORBIDDEN,
    replies.TOO_LARGE,
    replies.RATE_LIMITED,
    replies.CLIENT_SLOW,
    replies.HEADERS_TOO_LARGE,
    replies.BAD_REQUEST,
)


def _mapper(filter_: Json, reply: Reply, *, keep_status: bool = False) -> Json:
    body: Json = {
        "filter": filter_,
        "body_format_override": {"json_format": reply.document("%REQ(X-REQUEST-ID)%")},
        "headers_to_add": [_code(reply)],
    }
    return body if keep_status else body | {"status_code": reply.status}


def _page(filter_: Json, reply: Reply) -> Json:
    """For who looks at it with a browser."""
    source = {"inline_string": reply.page()}
    override = {"text_format_source": source, "content_type": "text/html; charset=utf-8"}
    return {
        "filter": filter_,
        "body_format_override": override,
        "headers_to_add": [_code(reply)],
        "status_code": reply.status,
    }


def _code(reply: Reply) -> Json:
    header = {"key": ERROR_HEADER, "value": reply.label}
    return {"header": header, "append_action": "OVERWRITE_IF_EXISTS_OR_ADD"}


def _untouched(expression: str) -> Json:
    """Our own denial of a held request comes with its body and code already."""
    source = {"inline_string": "%LOCAL_REPLY_BODY%"}
    override = {"text_format_source": source, "content_type": "application/json"}
    return {"filter": _when(expression), "body_format_override": override}


def _route(field: str, value: str) -> str:
    """A CEL expression over the metadata that `hosts` puts on every route of ours."""
    metadata = "xds.route_metadata.filter_metadata"
    ours = f'{metadata}["{METADATA}"]'
    return f'"{METADATA}" in {metadata} && "{field}" in {ours} && {ours}["{field}"] == "{value}"'


def _when(expression: str) -> Json:
    cel = typed(
        EXTENSIONS + "access_loggers.filters.cel.v3.ExpressionFilter", expression=expression
    )
    name = "envoy.access_loggers.extension_filters.cel"
    return {"extension_filter": {"name": name, "typed_config": cel}}


def _flags(*flags: str) -> Json:
    return {"response_flag_filter": {"flags": list(flags)}}


def _status(op: str, status: int) -> Json:
    value = {"default_value": status, "runtime_key": "setpoint.unused"}
    return {"status_code_filter": {"comparison": {"op": op, "value": value}}}


def _both(*filters: Any) -> Json:
    return {"and_filter": {"filters": list(filters)}}


_FUNCTION = _when(_route("kind", "function"))
