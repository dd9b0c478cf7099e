"""TLS on the very port that speaks plain HTTP: told apart by the first bytes of a connection."""

from setpoint.formats.envoy.resource import ADS, EXTENSIONS, Json, Kind, Resource, typed

NAME = r"localhost|([a-z0-9-]{1,63}\.){1,12}[a-z][a-z0-9-]{1,62}"
"""What may be greeted: the name of a host, whoever has it."""
_TLS = EXTENSIONS + "transport_sockets.tls."


def inspector() -> Json:
    name = "filters.listener.tls_inspector.v3.TlsInspector"
    return {
        "name": "envoy.filters.listener.tls_inspector",
        "typed_config": typed(EXTENSIONS + name),
    }


def which_chain(plain: str, tls: str) -> Json:
    """By name of the filter chain; who fits neither is closed. A name that is none must not become
    that of a secret: asking for `*` or for bytes that are no text would stop all others."""
    greeted = {"regex": NAME, "google_re2": {}}
    over_tls = [
        _reads("TransportProtocolInput", {"exact": "tls"}),
        _reads("ServerNameInput", {"safe_regex": greeted}),
    ]
    rules = [
        _leads({"and_matcher": {"predicate": over_tls}}, tls),
        _leads(_reads("TransportProtocolInput", {"exact": "raw_buffer"}), plain),
    ]
    return {"matcher_list": {"matchers": rules}}


def _reads(what: str, value: Json) -> Json:
    config = typed(EXTENSIONS + f"matching.common_inputs.network.v3.{what}")
    read = {"name": what, "typed_config": config}
    return {"single_predicate": {"input": read, "value_match": value}}


def _leads(predicate: Json, chain: str) -> Json:
    action = {"name": chain, "typed_config": typed("google.protobuf.StringValue", value=chain)}
    return {"predicate": predicate, "on_match": {"action": action}}


def tls() -> Json:
    """Envoy asks for a host's certificate by its name, at the first handshake that names it.

    Resumption must be off for that.
    """
    selector = typed(
        _TLS + "cert_selectors.on_demand_secret.v3.Config",
        config_source=ADS,
        certificate_mapper={
            "name": "sni",
            "typed_config": typed(_TLS + "cert_mappers.sni.v3.SNI", default_value="localhost"),
        },
    )
    context = typed(
        _TLS + "v3.DownstreamTlsContext",
        disable_stateless_session_resumption=True,
        disable_stateful_session_resumption=True,
        common_tls_context={
            "alpn_protocols": ["h2", "http/1.1"],
            "custom_tls_certificate_selector": {
                "name": "envoy.tls.certificate_selectors.on_demand_secret",
                "typed_config": selector,
            },
        },
    )
    return {"name": "envoy.transport_sockets.tls", "typed_config": context}


def secret(host: str, certificate: bytes, key: bytes) -> Resource:
    body: Json = {
        "name": host,
        "tls_certificate": {
            "certificate_chain": {"inline_string": certificate.decode()},
            "private_key": {"inline_string": key.decode()},
        },
    }
    return Resource(Kind.SECRET, host, body)
