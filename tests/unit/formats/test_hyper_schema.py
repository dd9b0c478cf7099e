"""Heroku's hyper-schema form, by a small one of our own."""

import pytest

from setpoint.formats import hyper_schema
from setpoint.model.errors import Invalid
from tests.support.shop_schema import SCHEMA


def test_links_are_read_with_what_identifies_their_things() -> None:
    found = {link.route: link for link in hyper_schema.links(SCHEMA)}
    assert list(found) == [
        "POST /apps",
        "GET /apps/{app}",
        "GET /apps",
        "DELETE /apps/{app}",
        "PATCH /apps/{app}/config-vars",
        "GET /apps/{app}/config-vars",
        "GET /account/keys/{key}",
        "GET /account/keys",
        "POST /apps/{app}/sni-endpoints",
        "GET /apps/{app}/sni-endpoints",
        "GET /toasters/{toaster}",
        "POST /apps/{app}/formations/{dyno.formation_type}/actions/stop",
    ]
    assert found["POST /apps"].body == {"name": "example"}
    assert found["GET /apps/{app}"].of == ("app",)
    assert found["GET /apps"].lists
    assert not found["GET /apps/{app}"].lists
    assert found["GET /apps/{app}"].body is None


def test_a_link_that_is_there_twice_counts_once() -> None:
    links = [link.route for link in hyper_schema.links(SCHEMA)]
    assert len(links) == len(set(links))


@pytest.mark.parametrize(
    ("document", "fact"),
    [
        ([], "it has no definitions"),
        ({"definitions": {}}, "no definition of it has links"),
        ({"definitions": {"app": {"links": [{"method": "GET"}]}}}, "a link of app has no href"),
        (
            {"definitions": {"a": {"links": [{"method": "GET", "href": "/{(x)}"}]}}},
            "x identifies nothing",
        ),
        (
            {
                "definitions": {
                    "a": {
                        "links": [
                            {
                                "method": "GET",
                                "href": "/",
                                "targetSchema": {"$ref": "#/definitions/b"},
                            }
                        ]
                    }
                }
            },
            "#/definitions/b leads nowhere",
        ),
        (
            {
                "definitions": {
                    "a": {
                        "$ref": "#/definitions/a",
                        "links": [
                            {
                                "method": "GET",
                                "href": "/",
                                "targetSchema": {"$ref": "#/definitions/a"},
                            }
                        ],
                    }
                }
            },
            "leads back to itself",
        ),
    ],
)
def test_what_is_no_hyper_schema_is_refused_with_the_place(document: object, fact: str) -> None:
    with pytest.raises(Invalid, match="cannot read the schema") as refused:
        hyper_schema.links(document)
    assert fact in str(refused.value)
