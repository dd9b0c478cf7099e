"""What a reader of docs/benchmarks.md is told, and that nothing missed can hide."""

from pathlib import Path

import msgspec
from bench.kept import Kept, keep, load
from bench.machine import Machine
from bench.report import PAGE, render, sections, verdict

MACHINE = Machine(4, "a processor", 8.0, "Linux 6", "3.12.1", "root")
STARTS = {"bare_ms": 100.0, "bare_p90_ms": 120.0, "sandboxed_p90_ms": 130.0}
GOOD = Kept(
    part="sandbox",
    at="2026-11-23 10:00 UTC",
    took_s=20.0,
    machine=MACHINE,
    load=(0.1, 0.9),
    busy_cores=0.05,
    result={
        "goal_ratio": 1.1,
        "n": 40,
        "web": {**STARTS, "sandboxed_ms": 105.0, "added_ms": 5.0, "ratio": 1.05},
        "toy": {**STARTS, "sandboxed_ms": 150.0, "added_ms": 50.0, "ratio": 1.5},
    },
)


def missed_of(page: str) -> str:
    return page.partition("## Missed\n")[2].partition("\n## ")[0]


def test_a_missed_goal_stands_above_all_sections_with_its_figure() -> None:
    told = missed_of(render({"sandbox": GOOD}))
    assert "1.50× (+50.0 ms), goal ≤ 1.10×" in told
    assert "1.05×" not in told


def test_a_part_that_did_not_run_counts_as_missed() -> None:
    kept = {"sandbox": GOOD}
    assert "**Memory**: did not run" in missed_of(render(kept))
    absent = "cold, edge, adopt, memory, redeploy, rollback, build, store, steps, why, api, push"
    assert verdict(kept) == f"1 of 2 goals met; not run: {absent}"


def test_what_was_measured_elsewhere_stays_and_its_missed_goals_still_count() -> None:
    page = render({"sandbox": GOOD})
    assert render({}, sections(page)) == page
    assert "1.50× (+50.0 ms), goal ≤ 1.10×" in missed_of(render({}, sections(page)))


def test_what_is_measured_anew_takes_the_place_of_what_was() -> None:
    later = msgspec.structs.replace(GOOD, at="2026-11-24 11:00 UTC")
    page = render({"sandbox": later}, sections(render({"sandbox": GOOD})))
    assert page == render({"sandbox": later})


def test_the_page_as_it_stands_loses_nothing_when_it_is_written_again() -> None:
    page = PAGE.read_text()
    again = render({}, sections(page))
    assert sections(again) == sections(page)
    assert missed_of(page).replace("Nothing.", "").strip() in missed_of(again)


def test_simulated_histories_and_guards_have_a_row_each() -> None:
    figures = {"points": 100_200, "daemons": 95_000, "supervisors": 5_200}
    figures |= {"per_second": 1500.4, "per_second_per_core": 812.3}
    goals = {"points": 100_000, "violations": 0, "per_second_per_core": 300.0}
    met = {"points": True, "violations": True, "per_second_per_core": True}
    told = {"violations": 0, "seeds": [1, 850], "workers": 2, "goals": goals, "met": met}
    world = msgspec.structs.replace(GOOD, part="simulate", result={**figures, **told})
    result = {"mutants": 90, "caught": 89, "not_caught": ["one"], "seconds": 600.0}
    guards = msgspec.structs.replace(
        GOOD, part="mutants", result={**result, "met": {"caught": False}}
    )
    page = render({"simulate": world, "mutants": guards})
    assert "| 100,200 | 1,500 a second on 2 cores | ≥ 100,000 | met | 95,000 daemons" in page
    assert "5,200 supervisors in 850 histories" in page
    assert "89 of 90" in missed_of(page)


def test_a_busy_machine_is_named_and_a_quiet_one_is_not() -> None:
    busy = msgspec.structs.replace(GOOD, busy_cores=1.5)
    assert "others used 1.5 of its 4 cores" in render({"sandbox": busy})
    assert "busy" not in render({"sandbox": GOOD})


def test_every_recovery_counts_and_the_worst_decides() -> None:
    goals = {"daemon_adopted_s_max": 1.0, "supervisor_adopted_s_max": 1.0}
    result = {
        "instances": 100,
        "requests": 5000,
        "rate": 100,
        "failed_requests": 0,
        "request_p50_ms": 2.0,
        "request_max_ms": 80.0,
        "replaced_instances": 0,
        "scaled_up_s": 3.0,
        "daemon_answers_s": [0.3, 0.4, 1.2],
        "daemon_adopted_s": [0.35, 0.45, 1.25],
        "supervisor_answers_s": [0.3, 0.3, 0.3],
        "supervisor_adopted_s": [0.4, 0.4, 0.4],
        "goals": goals,
        "met": {
            "failed_requests": True,
            "replaced_instances": True,
            "daemon_adopted_s_max": False,
            "supervisor_adopted_s_max": True,
        },
    }
    page = render({"adopt": msgspec.structs.replace(GOOD, part="adopt", result=result)})
    assert "0.35 / 0.45 / 1.25 s | < 1 s | **missed**" in page
    assert "kill -9 of the daemon" in missed_of(page)
    assert "kill -9 of the supervisor" not in missed_of(page)


def test_what_has_no_goal_is_told_with_its_figure_and_counts_as_no_miss() -> None:
    parts = {"warm": 32.7, "changed": 8.9, "compiled": 14.0}
    result = {
        "rounds": 3,
        **{f"{name}_times": times for name, times in parts.items()},
        **{f"{name}_s": [0.2, 0.3, 0.4] for name in parts},
        **{f"pip_{name}_s": [6.0, 7.0, 8.0] for name in parts},
        "cold_s": 1.5,
        "pip_cold_s": 7.7,
        "cold_times": 5.1,
        "goals": {"warm_times": 20.0},
        "met": {"warm_times": True},
    }
    page = render({"build": msgspec.structs.replace(GOOD, part="build", result=result)})
    assert "33 times as fast | 0.20 / 0.30 / 0.40 s | ≥ 20 times | met |" in page
    assert "9 times as fast | 0.20 / 0.30 / 0.40 s |  |  |" in page
    assert "14 times as fast | 0.20 / 0.30 / 0.40 s |  |  |" in page
    assert "5.1 times as fast | 1.5 s, one measurement |  |  |" in page
    assert page.count("missed") == 0
    assert "times as fast" not in missed_of(page)


def test_what_a_soak_came_to_is_told_and_what_it_lost_is_missed() -> None:
    result = {
        "soak_s": 180.0,
        "apps": 50,
        "kills": {"daemon": 21, "edge_agent": 17, "envoy": 9},
        "requests": 16_667,
        "failed": 0,
        "changes": 1354,
        "acknowledged": 1351,
        "lost": 2,
        "orphans": 0,
        "envoy_back_p50_ms": 111,
        "envoy_back_max_ms": 181,
    }
    page = render({"soak": msgspec.structs.replace(GOOD, part="soak", result=result)})
    assert "50 apps, 180 s, 47 kills: 21 daemon, 17 edge agent, 9 envoy" in page
    assert "| 111 ms | at most 181 ms | ≤ 200 ms | met | the median of 9 kills |" in page
    told = missed_of(page)
    assert "**acknowledged Changes lost, or done twice**: 2, goal 0" in told
    assert "requests failed" not in told
    assert "soak" not in told, "it is no part that has to run"


def test_what_is_kept_is_found_again(tmp_path: Path) -> None:
    keep(GOOD, tmp_path / "out")
    assert load(tmp_path / "out") == {"sandbox": GOOD}
