import json

import pytest

from setpoint.formats import static_json
from setpoint.formats.static_json import Headers, Redirect, Route
from setpoint.model.errors import Invalid


def test_every_key_of_herokus_is_understood() -> None:
    site = static_json.parse(
        json.dumps(
            {
                "root": "./dist/",
                "clean_urls": True,
                "routes": {"/**": "index.html", "/x/**": {"path": "/x.html", "except": "/x/a/"}},
                "redirects": {"/old": {"url": "/new", "status": 302}, "/older": "/new"},
                "error_page": "errors/404.html",
                "headers": {"/": {"Cache-Control": "no-store"}},
                "https_only": False,
            }
        )
    )
    assert (site.root, site.clean_urls, site.error_page) == ("dist", True, "errors/404.html")
    assert site.routes == (Route("/**", "index.html"), Route("/x/**", "x.html", "/x/a/"))
    assert site.redirects == (Redirect("/old", "/new", 302), Redirect("/older", "/new"))
    assert site.headers == (Headers("/", {"Cache-Control": "no-store"}),)
    assert site.warnings == ()


def test_root_is_herokus_where_none_is_named_and_everything_where_there_is_no_file() -> None:
    assert static_json.parse("{}").root == "public_html"
    assert static_json.parse(None).root == ""
    assert "static.json" in static_json.parse('{"root": "."}').hidden


def test_what_is_passed_over_is_warned_of() -> None:
    warnings = static_json.parse('{"logging": {}, "https_only": true}').warnings
    assert warnings[0] == "static.json: 'logging' is passed over"
    assert "https_only sends every visitor to https" in warnings[1]


@pytest.mark.parametrize(
    ("text", "fact"),
    [
        ("{", "it is not JSON"),
        ("[]", "not a JSON object"),
        ("[" * 100_000, "it is not JSON"),
        ('{"a": "%s"}' % ("x" * 300_000), "longer than"),
        ('{"root": "../secret"}', "'root' leaves its folder"),
        ('{"root": 1}', "which is no text"),
        ('{"error_page": "a/../../b"}', "'error_page' leaves its folder"),
        ('{"routes": {"/**": "../x"}}', "'routes' leaves its folder"),
        ('{"routes": {"/**": 1}}', "names no file"),
        ('{"routes": []}', "'routes' is no object"),
        ('{"redirects": {"/a": {}}}', "has no url"),
        ('{"redirects": {"/a": {"url": "/b", "status": 200}}}', "has the status '200'"),
        ('{"headers": {"/": "x"}}', "are no object"),
        ('{"headers": {"/": {"X": "a\\r\\nSet-Cookie: b"}}}', "cannot carry"),
        ('{"headers": {"/": {"X Y": "a"}}}', "no name of a header"),
        ('{"clean_urls": "yes"}', "may be true or false"),
        ('{"proxies": {"/api": {"origin": "http://x"}}}', "'proxies' is not supported"),
        ('{"basic_auth": true}', "'basic_auth' is not supported"),
    ],
)
def test_what_cannot_be_served_as_asked_is_refused(text: str, fact: str) -> None:
    with pytest.raises(Invalid, match=r"cannot read static\.json") as refused:
        static_json.parse(text)
    assert fact in refused.value.message
