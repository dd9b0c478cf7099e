"""A small hyper-schema of our own, in the form that Heroku publishes its Platform API in."""

from typing import Any

APP = "{(%23%2Fdefinitions%2Fapp%2Fdefinitions%2Fidentity)}"
TOASTER = "{(%23%2Fdefinitions%2Ftoaster%2Fdefinitions%2Fidentity)}"
TYPE = "{(%23%2Fdefinitions%2Fdyno%2Fdefinitions%2Fformation_type)}"
KEY = "{(%23%2Fdefinitions%2Fkey%2Fdefinitions%2Fidentity)}"
SSH_KEY = {"type": ["object"], "required": ["id", "fingerprint", "public_key"]}
ENDPOINT = {"type": ["object"], "required": ["id", "name", "ssl_cert"]}
ITSELF = {"$ref": "#/definitions/app"}
VARS: dict[str, Any] = {"type": ["object"], "patternProperties": {r"^\w+$": {"type": ["string"]}}}

SCHEMA: dict[str, Any] = {
    "$schema": "http://interagent.github.io/interagent-hyper-schema",
    "definitions": {
        "app": {
            "type": ["object"],
            "definitions": {
                "id": {"type": ["string"], "format": "uuid", "example": "01234567-89ab-cdef"},
                "name": {"type": ["string"], "pattern": "^[a-z][a-z0-9-]+$", "example": "example"},
                "git_url": {"type": ["string"], "pattern": "^https://git[.]elsewhere[.]example/"},
                "identity": {
                    "anyOf": [
                        {"$ref": "#/definitions/app/definitions/id"},
                        {"$ref": "#/definitions/app/definitions/name"},
                    ]
                },
            },
            "properties": {
                "id": {"$ref": "#/definitions/app/definitions/id"},
                "name": {"$ref": "#/definitions/app/definitions/name"},
                "git_url": {"$ref": "#/definitions/app/definitions/git_url"},
                "maintenance": {"type": ["boolean"]},
            },
            "required": ["id", "name"],
            "links": [
                {
                    "href": "/apps",
                    "method": "POST",
                    "rel": "create",
                    "schema": {
                        "type": ["object"],
                        "properties": {"name": {"$ref": "#/definitions/app/definitions/name"}},
                    },
                    "targetSchema": ITSELF,
                },
                {"href": f"/apps/{APP}", "method": "GET", "rel": "self", "targetSchema": ITSELF},
                {"href": f"/apps/{APP}", "method": "GET", "rel": "again", "targetSchema": ITSELF},
                {
                    "href": "/apps",
                    "method": "GET",
                    "rel": "instances",
                    "targetSchema": {"type": ["array"], "items": ITSELF},
                },
                {"href": f"/apps/{APP}", "method": "DELETE", "rel": "x", "targetSchema": ITSELF},
            ],
        },
        "config-var": {
            "links": [
                {
                    "href": f"/apps/{APP}/config-vars",
                    "method": "PATCH",
                    "schema": {**VARS, "example": {"FOO": "bar"}},
                    "targetSchema": VARS,
                },
                {
                    "href": f"/apps/{APP}/config-vars",
                    "method": "GET",
                    "targetSchema": {"type": ["array"], "items": VARS},
                },
            ]
        },
        "key": {
            "links": [
                {"href": f"/account/keys/{KEY}", "method": "GET", "targetSchema": SSH_KEY},
                {
                    "href": "/account/keys",
                    "method": "GET",
                    "targetSchema": {"type": ["array"], "items": SSH_KEY},
                },
            ]
        },
        "sni-endpoint": {
            "links": [
                {
                    "href": f"/apps/{APP}/sni-endpoints",
                    "method": "POST",
                    "schema": {"type": ["object"]},
                    "targetSchema": ENDPOINT,
                },
                {
                    "href": f"/apps/{APP}/sni-endpoints",
                    "method": "GET",
                    "targetSchema": {"type": ["array"], "items": ENDPOINT},
                },
            ]
        },
        "toaster": {"links": [{"href": f"/toasters/{TOASTER}", "method": "GET"}]},
        "dyno": {
            "links": [
                {
                    "href": f"/apps/{APP}/formations/{TYPE}/actions/stop",
                    "method": "POST",
                    "targetSchema": {"type": ["object"], "additionalProperties": False},
                }
            ]
        },
    },
}
"""It knows a thing that is not here, and tells of one reply what is not so: config as a list."""
