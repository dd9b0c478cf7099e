"""The short form of `make soak`: half a minute, a few apps, the same rules but for time."""

from tests.soak.soak import Options, soak

KILLED = {"envoy", "daemon", "supervisor", "edge_agent", "builder", "forker", "instance"}


def test_nothing_is_lost_and_no_visitor_notices_while_processes_are_killed_at_random() -> None:
    outcome = soak(
        Options(25.0, seed=1, apps=5, people=3, rate=60.0, pause_s=(0.3, 1.2), held_to_time=False)
    )
    assert outcome.violations == [], outcome.figures
    assert outcome.figures["acknowledged"], outcome.figures
    assert set(outcome.figures["kills"]) == KILLED, outcome.figures
    envoys = outcome.figures["kills"]["envoy"]
    assert outcome.figures["served_after_envoy"] == envoys, outcome.figures
