"""What an app is told of how a request came, when a proxy stands in front of the edge."""

import pytest

from tests.integration.edge.conftest import Run
from tests.integration.edge.world import World

EDGE = "the edge's own"


@pytest.mark.parametrize(
    ("proto", "port", "told"),
    [
        (None, None, ("http", EDGE)),
        ("https", None, ("https", "443")),
        ("http", None, ("http", "80")),
        ("https", "8443", ("https", "8443")),
        (None, "8081", ("http", "8081")),
        ("https", "0", ("https", "443")),
        ("https", "65536", ("https", "443")),
        ("https", "44x", ("https", "443")),
        ("ftp", None, ("http", EDGE)),
        ("https,http", None, ("http", EDGE)),
        ("", "", ("http", EDGE)),
    ],
)
def test_what_the_proxy_says_reaches_the_app_if_it_makes_sense(
    world: World, run: Run, proto: str | None, port: str | None, told: tuple[str, str]
) -> None:
    async def story() -> None:
        await world.app("behind")
        sent = {"x-forwarded-proto": proto, "x-forwarded-port": port}
        headers = {name: value for name, value in sent.items() if value is not None}
        seen = (await world.get("behind.localhost", headers=headers)).json["headers"]
        expected = told[0], told[1].replace(EDGE, str(world.port))
        assert (seen["x-forwarded-proto"], seen["x-forwarded-port"]) == expected

    run(story())


def test_who_is_said_to_have_asked_is_told_and_trusted_with_nothing(world: World, run: Run) -> None:
    """An address from within, as whoever asks claims it, does not make the request Envoy's own."""

    async def story() -> None:
        await world.app("asked")
        forged = {
            "x-forwarded-for": "203.0.113.9, 127.0.0.1",
            "x-envoy-upstream-rq-timeout-ms": "1",
            "x-envoy-retry-on": "5xx",
        }
        answer = await world.get("asked.localhost", "/slow=0.2", headers=forged)
        assert answer.status == 200
        seen = answer.json["headers"]
        assert seen["x-forwarded-for"].startswith("203.0.113.9, 127.0.0.1,")
        assert not [name for name in seen if name.startswith("x-envoy")]
        await world.line("host=asked.localhost", 'fwd="203.0.113.9, 127.0.0.1,')

    run(story())


def test_a_host_in_capitals_is_redirected_as_it_came(world: World, run: Run) -> None:
    async def story() -> None:
        answer = await world.get("Shop.localhost", "/a", headers={"x-forwarded-proto": "https"})
        assert answer.headers["location"] == "https://shop.localhost/a"

    run(story())
