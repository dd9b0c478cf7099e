import pytest

from setpoint.formats.project_toml import FunctionProject, parse
from setpoint.model.errors import Invalid

WHOLE = """
[_]
schema-version = "0.2"

[com.salesforce]
schema-version = "0.1"
id = "greet"
description = "Says hello"
type = "function"
salesforce-api-version = "54.0"
"""


def test_a_function_is_read() -> None:
    assert parse(WHOLE) == FunctionProject("greet", "54.0", "Says hello")


def test_a_project_toml_of_somebody_else_is_no_function() -> None:
    assert parse('[project]\nid = "x"') is None
    assert parse("com = 3") is None


@pytest.mark.parametrize(
    ("old", "new", "told"),
    [
        ('id = "greet"', "", "has no id"),
        ('id = "greet"', 'id = "Greet-Me"', "id 'Greet-Me' is not"),
        ('id = "greet"', "id = 3", "id 3 is not"),
        ("salesforce-api-version", "x", "has no salesforce-api-version"),
        ('"54.0"', "54.0", "is not a text like '53.0'"),
        ('"54.0"', '"52.0"', "is older than 53.0"),
        ('"54.0"', '"54"', "is not a text like '53.0'"),
        ("[com.salesforce]", "[setpoint]\nfork-safe = 1\n[com.salesforce]", "is neither true nor"),
        ("[com.salesforce]", "[com.salesforce", "it is not TOML"),
    ],
)
def test_what_the_runtime_would_refuse_is_refused_before(old: str, new: str, told: str) -> None:
    with pytest.raises(Invalid) as refused:
        parse(WHOLE.replace(old, new), "functions/greet/project.toml")
    assert refused.value.message.startswith("cannot read functions/greet/project.toml: ")
    assert told in refused.value.message
