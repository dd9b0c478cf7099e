"""Wishes that cannot be had: since when, and what `why` says of them."""

import re
from collections.abc import Callable

from tests.unit.cli.conftest import Cli, parsed

Deployed = Callable[[str], None]


def since_s(cli: Cli, app: str) -> dict[str, float]:
    """By path."""
    told = parsed(cli("gaps", app, "--json"))["capabilities"]
    found = [gap for demand in told for gap in demand["gaps"]]
    return {g["unmet"]["path"]: g["since_s"] for g in found}


def test_each_gap_has_its_own_age_whatever_else_is_short(cli: Cli, deployed: Deployed) -> None:
    assert cli("create", "aged", "--region", "mars").code == 0
    first = since_s(cli, "aged")["region"]
    deployed("aged")
    assert cli("scale", "aged", "web=50").code == 3
    both = since_s(cli, "aged")
    assert both["region"] == first
    assert both["formation.web.max"] > first
    assert cli("scale", "aged", "web=60").code == 3
    assert since_s(cli, "aged")["formation.web.max"] > both["formation.web.max"]


def test_why_says_of_a_wish_that_it_is_not_had_and_why(cli: Cli) -> None:
    assert cli("create", "away", "--region", "mars").code == 0
    told = cli("why", "away", "region").out
    assert re.search(r"is +intended mars · granted local", told)
    assert "all apps run on this machine" in told


def test_what_going_back_would_not_come_to_is_told_only_where_it_is_not_so_already(
    cli: Cli, deployed: Deployed
) -> None:
    deployed("undone")
    assert cli("scale", "undone", "web=50").code == 3
    assert cli("config", "undone", "COLOUR=red").code == 0
    assert "would end here" not in cli("why", "undone", "COLOUR").out
    assert cli("scale", "undone", "web=1").code == 0
    assert "it would end here: formation.web.max: wanted 50" in cli("why", "undone", "web.max").out


def test_who_asks_for_something_else_is_not_told_that_it_is_not_so(
    cli: Cli, deployed: Deployed
) -> None:
    deployed("apart")
    assert cli("scale", "apart", "web=50").code == 3
    ran = cli("config", "apart", "COLOUR=red")
    assert (ran.code, ran.err) == (0, "")
    assert "as before, unmet: formation.web.max: wanted 50" in ran.out
    assert ran.out.splitlines()[-1] == "settled"
    assert cli("scale", "apart", "web=50").code == 3, "asked for again, and still not so"
    assert cli("status", "apart").code == 3
