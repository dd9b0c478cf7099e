"""The figures of functions and apps from zero, a function per part of them. Pure."""

from collections.abc import Callable

from bench.rows import Result, Row, spread


def cold(result: Result) -> list[Row]:
    """Of the parts that were run."""
    goals = result["goals"]
    return [
        row for part, rows in _COLD.items() if part in result for row in rows(result[part], goals)
    ]


def _cold_python(told: Result, goals: Result) -> list[Row]:
    ratio, p50 = goals["python_ratio"], goals["python_p50_ms"]
    return [
        _against_official("Python function from zero, through the edge", told, ratio),
        Row(
            "the same, in milliseconds",
            f"{told['ours']['p50_ms']:.1f} ms",
            f"p90 {told['ours']['p90_ms']:.1f} ms",
            f"≤ {p50:.0f} ms",
            told["ours"]["p50_ms"] <= p50,
            f"on a quiet machine; our own start without a fork: {_times(told['fresh'])}",
        ),
    ]


def _cold_heavy(told: Result, goals: Result) -> list[Row]:
    what = "the same with numpy, requests and pydantic imported"
    return [_against_official(what, told, goals["heavy_ratio"])]


def _cold_node(told: Result, goals: Result) -> list[Row]:
    burst, waiting = told["burst_ms"], told["waiting"]
    return [
        _against_official(
            "JavaScript function from zero, while one waits ready", told, goals["node_ratio"]
        ),
        Row(
            f"{len(burst)} JavaScript functions of one app at once, where {waiting} wait ready",
            f"{burst[0]:.0f} to {burst[-1]:.0f} ms",
            " / ".join(f"{took_ms:.0f}" for took_ms in burst) + " ms",
            "",
            None,
            _kinds(told["burst_starts"]),
        ),
    ]


def _cold_many(told: Result, goals: Result) -> list[Row]:
    what = f"{told['n']} different sleeping functions, one after the other"
    return [
        Row(what, f"p50 {told['p50_ms']:.1f} ms", _times(told), "", None, _kinds(told["starts"]))
    ]


def _cold_at_once(told: Result, goals: Result) -> list[Row]:
    return [_one_start(told, "function"), _one_start(told, "web")]


def _one_start(told: Result, kind: str) -> Row:
    visitors, seen = told["visitors"], told[kind]
    what = {"function": "function", "web": "web app"}[kind]
    return Row(
        f"{visitors} requests at once on one sleeping {what}",
        f"{seen['starts']} start, {seen['answers']} answers",
        _times(seen),
        f"1, {visitors}",
        seen["starts"] == 1 and seen["answers"] == visitors,
        "",
    )


def _cold_memory(told: Result, goals: Result) -> list[Row]:
    goal = goals["memory_ratio"]
    fresh = f"the official command: {told['official_pss_mib']:.1f} MiB; PSS"
    forked = f"{told['instances']} instances with what they were forked from"
    own = f"our own start without a fork: {told['fresh_pss_mib']:.1f} MiB, {told['own_ratio']:.1f}×"
    return [
        Row(
            "memory of an idle function on the official runtime started fresh, to a forked one's",
            f"{told['ratio']:.1f}×",
            f"{told['forked_pss_mib']:.1f} MiB each",
            f"≥ {goal:.0f}×",
            told["ratio"] >= goal,
            f"{forked}; {fresh}; {own}",
        ),
        Row(
            f"the same after {told['requests_each']:,} requests each",
            f"{told['used_ratio']:.1f}×",
            f"{told['used_pss_mib']:.1f} MiB each",
            "",
            None,
            fresh,
        ),
    ]


def _cold_daemon(told: Result, goals: Result) -> list[Row]:
    taken = spread(told["took_ms"], 0, "ms")
    return [
        Row(
            "sleeping functions asked right after kill -9 of the daemon",
            f"{told['answers']} of {told['kills']} answered",
            taken,
            str(told["kills"]),
            told["answers"] == told["kills"],
            "",
        )
    ]


def _cold_stops(told: Result, goals: Result) -> list[Row]:
    return [
        Row(
            f"requests failed while a web app was scaled from two to one {told['stops']} times",
            f"{told['failed']} of {told['requests']:,}",
            "",
            "0",
            told["failed"] == 0,
            "100 requests a second all the while",
        )
    ]


_COLD: dict[str, Callable[[Result, Result], list[Row]]] = {
    "python": _cold_python,
    "heavy": _cold_heavy,
    "node": _cold_node,
    "many": _cold_many,
    "at_once": _cold_at_once,
    "memory": _cold_memory,
    "daemon": _cold_daemon,
    "stops": _cold_stops,
}


def _against_official(what: str, told: Result, goal: float) -> Row:
    ours, theirs = told["ours"], told["official"]
    return Row(
        f"{what}: against the official runtime's own start",
        f"{told['ratio']:.0f}×",
        _times(ours),
        f"≥ {goal:.0f}×",
        told["ratio"] >= goal,
        f"official: {_times(theirs)}; {told['n']} starts against {told['official_n']}, in turn; "
        f"ours were {_kinds(told['starts'])}",
    )


def _times(told: Result) -> str:
    return f"p50 {told['p50_ms']:.1f} ms, p99 {told['p99_ms']:.0f} ms"


def _kinds(starts: Result) -> str:
    words = {"fork": "forks", "pool": "from those that wait", "fresh": "fresh"}
    return ", ".join(f"{count} {words[kind]}" for kind, count in starts.items() if count) or "none"
