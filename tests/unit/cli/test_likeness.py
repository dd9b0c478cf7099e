"""What counts as read back, and what does not."""

import pytest

from setpoint.cli.likeness import Failed, check


@pytest.mark.parametrize(
    ("written", "answered", "read"),
    [
        ({"name": "shop"}, {"id": "1", "name": "shop"}, {"id": "1", "name": "shop"}),
        ({"size": "basic"}, {"id": "1", "size": "Basic"}, {"id": "1", "size": "Basic"}),
        ({"region": "local"}, {"region": {"name": "local"}}, {"region": {"name": "local"}}),
        ({"quantity": "2"}, {"quantity": 2}, {"quantity": 2}),
        ({"confirm": "shop"}, {"id": "1"}, {"id": "1"}),
        ({"status": "x"}, {"id": "1", "state": "up"}, {"id": "1", "state": "down"}),
        ({"A": None}, {"B": "1"}, {"B": "1"}),
        (
            {"updates": [{"type": "web", "quantity": 2}]},
            [{"id": "1", "type": "web", "quantity": 2}],
            [{"id": "0"}, {"id": "1", "type": "web", "quantity": 2}],
        ),
        ({"updates": [{"buildpack": "u"}]}, [{"ordinal": 0}], [{"ordinal": 0}]),
        ({"role": "admin"}, {"id": "1", "role": "admin"}, [{"id": "1", "role": "admin"}]),
        ({}, {"id": "1", "access_token": {"token": "x"}}, {"id": "1", "access_token": None}),
        (
            {"may": ["view"]},
            {"id": "1", "may": [{"name": "view"}]},
            {"id": "1", "may": [{"name": "view"}]},
        ),
        (None, {}, {}),
    ],
)
def test_is_read_back(written: object, answered: object, read: object) -> None:
    check(written, answered, read)


@pytest.mark.parametrize(
    ("written", "answered", "read"),
    [
        ({"name": "shop"}, {"id": "1", "name": "ship"}, {"id": "1", "name": "ship"}),
        ({"name": "shop"}, {"id": "1", "name": "shop"}, {"id": "1", "name": "ship"}),
        ({"A": "1"}, {"A": "1"}, {}),
        (
            {"updates": [{"quantity": 2}]},
            [{"id": "1", "quantity": 1}],
            [{"id": "1", "quantity": 1}],
        ),
        (
            {"updates": [{"quantity": 2}]},
            [{"id": "1", "quantity": 2}],
            [{"id": "1", "quantity": 1}],
        ),
        ({"updates": [{"quantity": 2}]}, [{"id": "1", "quantity": 2}], []),
        ({}, [{"ordinal": 0}], [{"ordinal": 1}]),
        ({"source": {"url": "a"}}, {"source": {"url": "b"}}, {"source": {"url": "b"}}),
        ({"role": "admin"}, {"id": "1", "role": "member"}, [{"id": "1", "role": "member"}]),
        ({}, {"id": "1"}, [{"id": "2"}]),
    ],
)
def test_is_not_read_back(written: object, answered: object, read: object) -> None:
    with pytest.raises(Failed):
        check(written, answered, read)
