import pytest

from setpoint.formats import app_json
from setpoint.model.errors import Invalid
from setpoint.model.job import CronJob


def test_cron_is_read_and_other_keys_say_nothing():
    found = app_json.parse(
        '{"name": "x", "env": {"A": {}}, "cron": [{"schedule": " @daily ", "command": "tidy -v"}]}'
    )
    assert found.cron == (CronJob("@daily", "tidy -v"),)
    assert app_json.parse("{}").cron == ()


@pytest.mark.parametrize(
    ("text", "fact"),
    [
        ("", "it is not JSON"),
        ("[]", "it is not a JSON object"),
        ("[" * 100_000, "nested too deeply"),
        ('{"cron": {}}', "cron is not a list"),
        ('{"cron": [1]}', r"cron\[0\] is not an object"),
        ('{"cron": [{"schedule": "@daily"}]}', r"cron\[0\].command is not a text"),
        ('{"cron": [{"command": "x"}]}', r"cron\[0\].schedule is not a text"),
        ('{"cron": [{"schedule": "@daily", "command": "a\\u0000b"}]}', "no command line can"),
        ('{"cron": [{"schedule": "@daily", "command": "\\ud800"}]}', "no command line can"),
        ('{"cron": [' + ",".join(["{}"] * 21) + "]}", "21 entries"),
        ('{"cron": [{"schedule": "' + "1" * 200 + '", "command": "x"}]}', "200 bytes"),
        ("{" + " " * app_json.BYTES_MAX + "}", "longer than 256 KiB"),
    ],
)
def test_what_cannot_be_read_is_named_by_its_place(text: str, fact: str):
    with pytest.raises(Invalid, match=fact) as told:
        app_json.parse(text)
    assert told.value.message.startswith("cannot read app.json: ")
