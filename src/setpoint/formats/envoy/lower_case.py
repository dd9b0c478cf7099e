"""Sends who writes a host in capitals to the same place in lower case.

Host names are the same in any case, and Envoy finds the routes of one by its exact bytes before any
filter runs; nothing it has can put them in lower case until then. Browsers do it by themselves.
"""

from setpoint.formats.envoy.resource import EXTENSIONS, Json, typed

SCRIPT = """
function envoy_on_request(handle)
  local headers = handle:headers()
  local scheme, path = headers:get("x-forwarded-proto"), headers:get(":path") or "/"
  local place = scheme .. "://" .. string.lower(headers:get(":authority")) .. path
  handle:respond({[":status"] = "308", ["location"] = place}, "")
end
"""
"""308: the same method and the same body again."""

_MATCHING = "common.matching.v3.ExtensionWithMatcher"
_SKIP = "filters.common.matcher.action.v3.SkipFilter"
_HEADER = "envoy.type.matcher.v3.HttpRequestHeaderMatchInput"


def lower_case() -> Json:
    """Only who needs it meets the script."""
    host = {"name": "host", "typed_config": typed(_HEADER, header_name=":authority")}
    no_capitals = {"safe_regex": {"google_re2": {}, "regex": "[^A-Z]*"}}
    skip = {"name": "skip", "typed_config": typed(EXTENSIONS + _SKIP)}
    rule: Json = {
        "predicate": {"single_predicate": {"input": host, "value_match": no_capitals}},
        "on_match": {"action": skip},
    }
    lua = typed(
        EXTENSIONS + "filters.http.lua.v3.Lua", default_source_code={"inline_string": SCRIPT}
    )
    return {
        "name": "setpoint.lower_case",
        "typed_config": typed(
            EXTENSIONS + _MATCHING,
            xds_matcher={"matcher_list": {"matchers": [rule]}},
            extension_config={"name": "envoy.filters.http.lua", "typed_config": lua},
        ),
    }
