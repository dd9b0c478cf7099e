"""Which figures of each part a reader gets, with their goal, spread and comparison. Pure.

Goals are the parts' own: here they are only put into words.
"""

import statistics
from collections.abc import Callable

from bench.cold_figures import cold
from bench.rows import Result, Row, spread
from bench.soak_figures import soak


def rows_of(part: str, result: Result) -> list[Row]:
    return ROWS[part](result)


# --- one function per part ----------------------------------------------------------------------


def sandbox(result: Result) -> list[Row]:
    words = {
        "web": "sandboxed start to the first answer, Starlette on uvicorn",
        "toy": "the same, a bare socket server: nearly all of its start is Python's own",
    }
    return [_start(result[kind], text, result) for kind, text in words.items()]


def _start(told: Result, what: str, result: Result) -> Row:
    goal = result["goal_ratio"]
    return Row(
        what,
        f"{told['ratio']:.2f}× ({told['added_ms']:+.1f} ms)",
        f"p50 {told['sandboxed_ms']:.0f} ms, p90 {told['sandboxed_p90_ms']:.0f} ms",
        f"≤ {goal:.2f}×",
        told["ratio"] <= goal,
        f"without sandbox: p50 {told['bare_ms']:.0f} ms, p90 {told['bare_p90_ms']:.0f} ms; "
        f"{result['n']} starts each, in turn",
    )


def edge(result: Result) -> list[Row]:
    goals, met = result["goals"], result["met"]
    rounds = f"{result['rounds']} rounds, in turn"
    added = _each(lambda through, direct: (through - direct) / 1000, result, "p50_us")
    ratios = _each(lambda through, direct: through / direct, result, "rps")
    return [
        Row(
            f"added to the p50 of a request at {result['rate']:,} a second",
            f"{result['added_p50_ms']:.2f} ms",
            spread(added, 2, "ms"),
            f"≤ {goals['added_p50_ms']:g} ms",
            met["added_p50_ms"],
            f"the app asked directly: p50 {spread(result['direct_p50_us'], 0, 'µs')}; {rounds}",
        ),
        Row(
            "throughput of direct",
            f"{result['throughput_ratio']:.2f}×",
            spread(ratios, 2, "×"),
            f"≥ {goals['throughput_ratio']:.2f}×",
            met["throughput_ratio"],
            f"the app asked directly: {spread(result['direct_rps'], 0, 'a second')}; {rounds}",
        ),
        *(_change(result, name, what) for name, what in _CHANGES.items()),
        *([_own_connection(result)] if "own_connection" in result else []),
    ]


def _own_connection(result: Result) -> Row:
    told = result["own_connection"]
    kept, own = (
        f"{name}: {spread(told[f'{name}_rps'], 0, 'a second')}" for name in ("kept", "own")
    )
    return Row(
        "added by a connection of its own for each request, as functions have",
        f"{told['added_p50_ms']:.2f} ms",
        spread(told["added_each_ms"], 2, "ms"),
        "",
        None,
        f"the p50 beside kept connections to the same socket; at most {own}; {kept}",
    )


_CHANGES = {
    "new_app_routed": "a new app, from the order to its first 200",
    "endpoint_change": "an app that moved, from the fact to the first answer from there",
}


def _change(result: Result, name: str, what: str) -> Row:
    p50 = f"{name}_p50_ms"
    return Row(
        f"{what}, beside {result['apps']:,} apps",
        f"{result[p50]:.1f} ms",
        f"at most {result[f'{name}_max_ms']:.1f} ms",
        f"≤ {result['goals'][p50]:g} ms",
        result["met"][p50],
        "asked every millisecond over one connection",
    )


def _each(of: Callable[[float, float], float], result: Result, figure: str) -> list[float]:
    pairs = zip(result[f"through_{figure}"], result[f"direct_{figure}"], strict=True)
    return [of(through, direct) for through, direct in pairs]


def adopt(result: Result) -> list[Row]:
    met = result["met"]
    killed = len(result["daemon_adopted_s"]) + len(result["supervisor_adopted_s"])
    load = f"{result['requests']:,} requests at {result['rate']} a second, {killed} kills"
    return [
        Row(
            f"requests failed while killing the plane of {result['instances']} instances",
            str(result["failed_requests"]),
            f"took {result['request_p50_ms']:.1f} ms at the median, "
            f"{result['request_max_ms']:.0f} ms at most",
            "0",
            met["failed_requests"],
            load,
        ),
        Row(
            "instances replaced by all that",
            str(result["replaced_instances"]),
            "",
            "0",
            met["replaced_instances"],
            "each one's processes, before and after",
        ),
        *(_back(result, name) for name in ("daemon", "supervisor")),
        Row(
            f"scaled to {result['instances']}, up and routed",
            f"{result['scaled_up_s']:.1f} s",
            "one measurement",
            "",
            None,
            "",
        ),
    ]


def _back(result: Result, name: str) -> Row:
    times = result[f"{name}_adopted_s"]
    goal = f"{name}_adopted_s_max"
    return Row(
        f"kill -9 of the {name} until every instance is adopted, the worst of {len(times)}",
        f"{max(times):.2f} s",
        spread(times, 2, "s"),
        f"< {result['goals'][goal]:g} s",
        result["met"][goal],
        f"until it answers: {spread(result[f'{name}_answers_s'], 2, 's')}",
    )


def memory(result: Result) -> list[Row]:
    plane = result["plane_pss_mib"].items()
    idle = result["instance"].items()
    return [
        *(
            Row(f"the whole plane at rest, {when}", f"{pss:.0f} MiB", "", "", None, "PSS")
            for when, pss in plane
        ),
        *(
            Row(
                f"an idle instance of `{process}`, level {result['level']}",
                f"{told['pss_mib']:.1f} MiB",
                "",
                "",
                None,
                f"PSS of {result['instances']} at once; {told['sandbox_pss_mib']:.2f} MiB of it "
                f"the sandbox's; {told['per_gib']} to a GiB",
            )
            for process, told in idle
        ),
    ]


def redeploy(result: Result) -> list[Row]:
    ours, theirs = result["setpoint_answers_s"], result["emperor_answers_s"]
    missed = (
        f"{result['emperor_failed_polls']} of {result['emperor_polls']} failed with the emperor"
    )
    return [
        Row(
            "a change of code, from the command to the first answer of the new version",
            f"{result['ratio']:.2f}×",
            spread(ours, 2, "s"),
            f"≤ {result['goals']['ratio']:.2f}×",
            result["met"]["ratio"],
            f"git push to a uwsgi emperor: {spread(theirs, 2, 's')}; "
            f"{result['rounds']} each, in turn",
        ),
        Row(
            "failed polls meanwhile, one every 10 ms",
            f"{result['setpoint_failed_polls']} of {result['setpoint_polls']}",
            "",
            "0",
            result["met"]["setpoint_failed_polls"],
            missed,
        ),
    ]


def rollback(result: Result) -> list[Row]:
    goals, met = result["goals"], result["met"]
    return [
        Row(
            f"a rollback until the old version answers, the median of {len(result['rollback_s'])}",
            f"{result['rollback_s_median']:.2f} s",
            spread(result["rollback_s"], 2, "s"),
            f"< {goals['rollback_s_median']:g} s",
            met["rollback_s_median"],
            f"{result['rollback_failed_polls']} polls failed",
        ),
        Row(
            f"requests failed during {result['deploys']} deploys at {result['rate']} a second",
            f"{result['failed_requests']} of {result['requests']:,}",
            f"p99 {result['during_p99_ms']:.1f} ms",
            "0",
            met["failed_requests"],
            f"before: p99 {result['before_p99_ms']:.1f} ms",
        ),
    ]


def build(result: Result) -> list[Row]:
    return [
        _laid("warm", "dependencies laid down anew, everything downloaded before", result),
        _laid("changed", "one package of them in a new version, resolved and downloaded", result),
        _laid("compiled", "that one downloaded before, and compiled for the first time", result),
        Row(
            "all of them with nothing downloaded, and resolving",
            f"{result['cold_times']:.1f} times as fast",
            f"{result['cold_s']:.1f} s, one measurement",
            "",
            None,
            f"venv and pip install: {result['pip_cold_s']:.1f} s",
        ),
    ]


def _laid(name: str, what: str, result: Result) -> Row:
    times = f"{name}_times"
    goal = result["goals"].get(times)
    return Row(
        what,
        f"{result[times]:.0f} times as fast",
        spread(result[f"{name}_s"], 2, "s"),
        f"≥ {goal:.0f} times" if goal is not None else "",
        result["met"].get(times),
        f"venv and pip install: {spread(result[f'pip_{name}_s'], 2, 's')}; "
        f"{len(result[f'{name}_s'])} each, in turn",
    )


def store(result: Result) -> list[Row]:
    return [_commits(result, clients) for clients in (1, 16, 64)]


def _commits(result: Result, clients: int) -> Row:
    ours, theirs = (f"{name}_{clients}" for name in ("setpoint", "etcd"))
    ratio = f"times_etcd_{clients}"
    goal = result["goals"].get(ratio)
    return Row(
        f"durable Changes, {clients} at once, of etcd's transactions of three puts",
        f"{result[ratio]:.1f}×",
        spread(result[f"{ratio}_each"], 1, "×"),
        f"≥ {goal:g}×" if goal is not None else "",
        result["met"].get(ratio),
        f"{_rate(result, ours)}; etcd {_rate(result, theirs)}; {result['rounds']} rounds, in turn",
    )


def steps(result: Result) -> list[Row]:
    return [
        *(_first_step(result, percent) for percent in ("p50", "p99")),
        Row(
            "looking at everything again, where all are at rest",
            f"{result['survey_s_per_100k']:,.2f} s",
            "",
            f"≤ {result['goals']['survey_s_per_100k']:g} s",
            result["met"]["survey_s_per_100k"],
            f"reckoned for 100,000 apps; there were {result['apps']:,}; the first look of a life "
            f"plans for each and takes {result['first_look_s_per_100k']:,.1f} s",
        ),
        Row(
            "memory of store and loop, with the interpreter",
            f"{result['rss_mib']:,.0f} MiB",
            "",
            f"≤ {result['goals']['rss_mib']:g} MiB",
            result["met"]["rss_mib"],
            f"with {result['apps']:,} apps; {result['rss_apart_mib']:,.0f} MiB of it the process "
            "that looks at everything. The simulated world and the bench itself took "
            f"{result['rss_others_mib']:,.0f} MiB more of the one process",
        ),
    ]


def _first_step(result: Result, percent: str) -> Row:
    name = f"first_step_{percent}_ms"
    return Row(
        f"from when a Change is due to its first step, {percent}",
        f"{result[name]:,.1f} ms",
        "",
        f"≤ {result['goals'][name]:g} ms",
        result["met"][name],
        f"{result['rate']:,.0f} Changes a second while {result['apps']:,} apps are looked at each "
        f"second; {result[f'quiet_{name}']:,.1f} ms beside few at rest, "
        f"{result[f'new_life_{name}']:,.1f} ms beside the first look of a life; with 100 Changes a "
        f"second {result[f'at_100_{name}']:,.1f} ms, with 300 {result[f'at_300_{name}']:,.1f} ms",
    )


def _rate(result: Result, name: str) -> str:
    per_s = statistics.median(result[f"{name}_per_s"])
    return f"{per_s:,.0f} a second, p99 {result[f'{name}_p99_ms']:.1f} ms"


def why(result: Result) -> list[Row]:
    goals, met = result["goals"], result["met"]
    lives = f"{result['live_fields']:,} live fields, {result['touches']:,} touches"
    asked = ", ".join(f"{n}: {ms:.0f}" for n, ms in result["questions_p50_ms"].items())
    shares = ", ".join(f"{way} {share} %" for way, share in result["shares"].items())
    return [
        Row(
            "a why in the store: who set a value, in which Change, with which decisions",
            f"{result['store_p50_ms']:.2f} ms",
            f"p99 {result['store_p99_ms']:.1f} ms",
            f"≤ {goals['store_p50_ms']:g} ms",
            met["store_p50_ms"],
            f"{lives}; its history {result['history_p50_ms']:.2f} ms, the whole answer "
            f"{result['answer_p50_ms']:.1f} ms",
        ),
        Row(
            "the questions of somebody on call, a command each, p95 of all",
            f"{result['end_to_end_p95_ms']:.0f} ms",
            f"p50 {result['end_to_end_p50_ms']:.0f} ms",
            f"≤ {goals['end_to_end_p95_ms']:g} ms",
            met["end_to_end_p95_ms"],
            f"p50 in ms of each question: {asked}; {result['rounds']} rounds",
        ),
        Row(
            "`setpoint why` beside `git blame -L`",
            f"{result['of_git_blame']:.2f}×",
            f"p50 {result['why_ms']:.0f} ms",
            f"≤ {goals['of_git_blame']:.2f}×",
            met["of_git_blame"],
            f"git: p50 {result['git_blame_ms']:.0f} ms, for a line as old as a file of 100 lines "
            f"and {result['commits']:,} commits, alone in its repository; in turn",
        ),
        Row(
            "a durable write beside one without touches, provenance and words",
            f"{result['write_ratio']:.2f}×",
            f"p50 {result['write_ms']:.2f} ms, mean {result['write_mean_ratio']:.2f}×",
            f"≤ {goals['write_ratio']:g}×",
            met["write_ratio"],
            f"p50 {result['bare_write_ms']:.2f} ms without; {result['writes']:,} each, in turn",
        ),
        Row(
            f"values that answer why, after {result['ordinary_changes']} Changes with no -m",
            f"{result['answerable']:.0%}",
            f"thin {result['thin']:.0%}, nobody said {result['unanswered']:.0%}",
            f"≥ {goals['answerable']:.0%}",
            met["answerable"],
            f"{result['human_set']} values that somebody set; how a team works: {shares}",
        ),
        Row(
            "options that must be given to change something, alone at home",
            f"{result['required_flags']}",
            "",
            "0",
            met["required_flags"],
            "and nothing is ever asked",
        ),
    ]


def api(result: Result) -> list[Row]:
    told = f"beside {result['apps']:,} apps; {result['asked']:,} of each kind, one after the other"
    return [
        _door("reading", result["reads"], result, "read_p50_ms", told),
        _door("writing", result["writes"], result, "write_p50_ms", told),
    ]


def _door(doing: str, kinds: Result, result: Result, name: str, told: str) -> Row:
    slowest = max(kinds, key=lambda kind: kinds[kind]["p50_ms"])
    single = ", ".join(f"{kind} {times['p50_ms']:.2f} ms" for kind, times in kinds.items())
    return Row(
        f"{doing} through the API, without a network: p50 of the slowest kind, {slowest}",
        f"{result[name]:.2f} ms",
        single,
        f"≤ {result['goals'][name]:g} ms",
        result["met"][name],
        f"a bare handler of the framework: {kinds[slowest]['bare_p50_ms']:.2f} ms; {told}",
    )


def push(result: Result) -> list[Row]:
    return [
        Row(
            "`git push` of a change of code, until the new version answers",
            f"{result['answers_s']:.2f} s",
            spread(result["push_answers_s"], 2, "s"),
            "",
            None,
            f"a plain push to a bare repository: {spread(result['plain_s'], 3, 's')}; "
            f"{result['rounds']} each, in turn",
        ),
        Row(
            "the same, until git is back",
            f"{statistics.median(result['push_returned_s']):.2f} s",
            spread(result["push_returned_s"], 2, "s"),
            "",
            None,
            f"failed polls meanwhile: {result['push_failed_polls']} of {result['push_polls']}",
        ),
    ]


def simulate(result: Result) -> list[Row]:
    goals, met = result["goals"], result["met"]
    first, last = result["seeds"]
    told = (
        f"{result['daemons']:,} daemons and {result['supervisors']:,} supervisors in "
        f"{last - first + 1:,} histories, each with its own faults, on a virtual clock"
    )
    return [
        Row(
            "points at which the daemon or the supervisor died",
            f"{result['points']:,}",
            f"{result['per_second']:,.0f} a second on {result['workers']} cores",
            f"≥ {goals['points']:,}",
            met["points"],
            told,
        ),
        Row(
            "what must not happen and did",
            str(result["violations"]),
            "",
            str(goals["violations"]),
            met["violations"],
            "looked at in the world, at each moment and at the end",
        ),
        Row(
            "points a second, of one core's time",
            f"{result['per_second_per_core']:,.0f}",
            "",
            f"≥ {goals['per_second_per_core']:,.0f}",
            met["per_second_per_core"],
            "processor time, so others on the machine do not count",
        ),
    ]


def mutants(result: Result) -> list[Row]:
    return [
        Row(
            "guards taken out that somebody missed",
            f"{result['caught']} of {result['mutants']}",
            f"{result['seconds']:,.0f} s",
            f"{result['mutants']}",
            result["met"]["caught"],
            "by the simulated world, or by a test: [each of them](mutants.md)",
        )
    ]


ROWS: dict[str, Callable[[Result], list[Row]]] = {
    "sandbox": sandbox,
    "cold": cold,
    "edge": edge,
    "adopt": adopt,
    "memory": memory,
    "redeploy": redeploy,
    "rollback": rollback,
    "build": build,
    "store": store,
    "steps": steps,
    "why": why,
    "api": api,
    "push": push,
    "soak": soak,
    "simulate": simulate,
    "mutants": mutants,
}
