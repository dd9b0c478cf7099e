"""A Setpoint with a history that somebody on call would ask about."""

from tests.acceptance.plane import EXAMPLES, Plane

UNMET = 3


def seeded(plane: Plane, app: str) -> None:
    """Two instances for a reason and a bet, a size that no machine has, a lost bet, a value that
    nobody explained."""
    plane.ok("deploy", str(EXAMPLES / "hello-web"), "-a", app, "-m", "open the shop for the fair")
    eu = plane.ok("decide", "-m", "sell in the EU", "--on", app, "--json").json
    why = (
        "two of them, so that one may die\n\n"
        "Bet: traffic stays above 200 rps\nWrong-if: a week below 50\n"
        f"If-wrong: back to one\nRevisit: 30d\nDecision: d-{eu['seq']}\n"
        "See: https://example.com/plans/88"
    )
    plane.ok("scale", app, "web=2", "-m", why)
    for count in (1, 2, 1, 2):
        plane.ok("scale", app, f"web={count}", "-m", "an evening of trying out loads")
    plane.ok("scale", app, "web=1", "-m", "it is quiet before the fair")
    plane.ok("scale", app, "web=2", "-m", "the fair is on Saturday")
    plane.ok("config", app, "GREETING=Welcome")
    lost = plane.ok("decide", "-m", "greet by name", "--bet", "names are short", "--json").json
    plane.ok("bet", "lost", f"d-{lost['seq']}", "-m", "one has 400 letters")
    plane.ok("deploy", str(EXAMPLES / "hello-web"), "-a", f"{app}-big", "-m", "try a larger size")
    assert plane.cli("scale", f"{app}-big", "web=100:performance-2xl").code == UNMET
