"""How a request came, as the proxy in front tells it: `X-Forwarded-Proto` and `X-Forwarded-Port`.

The edge listens on loopback, so whoever dials it is the machine's own: what they say is believed if
it makes sense. An app that insists on https would redirect for ever otherwise. Envoy keeps what it
finds because the listener counts one trusted hop (`xff_num_trusted_hops`).
"""

from setpoint.formats.envoy.resource import EXTENSIONS, Json, typed

PORT = "^([1-9][0-9]{0,3}|[1-5][0-9]{4}|6[0-4][0-9]{3}|65[0-4][0-9]{2}|655[0-2][0-9]|6553[0-5])$"
_MUTATION = "http.early_header_mutation.header_mutation.v3.HeaderMutation"
_HEADERS = "request.headers"
_PROTO, _PORT = f"{_HEADERS}['x-forwarded-proto']", f"{_HEADERS}['x-forwarded-port']"


def told() -> Json:
    """Runs before Envoy adds its own. Port first: it goes by what was said of the protocol."""
    return {
        "name": "envoy.http.early_header_mutation.header_mutation",
        "typed_config": typed(
            EXTENSIONS + _MUTATION,
            mutations=[_set("x-forwarded-port", _port()), _set("x-forwarded-proto", _proto())],
        ),
    }


def _port() -> str:
    sane = f"'x-forwarded-port' in {_HEADERS} && {_PORT}.matches('{PORT}')"
    return f"{sane} ? {_PORT} : {_is('https')} ? '443' : {_is('http')} ? '80' : destination.port"


def _proto() -> str:
    return f"{_is('https')} ? 'https' : 'http'"


def _is(value: str) -> str:
    return f"('x-forwarded-proto' in {_HEADERS} && {_PROTO} == '{value}')"


def _set(header: str, expression: str) -> Json:
    value = {"key": header, "value": f"%CEL({expression})%"}
    return {"append": {"header": value, "append_action": "OVERWRITE_IF_EXISTS_OR_ADD"}}
