"""Figures in the text format of Prometheus. Pure but for the library, which knows its escaping.

https://prometheus.io/docs/instrumenting/exposition_formats/
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import accumulate

from prometheus_client import CollectorRegistry
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily
from prometheus_client.exposition import CONTENT_TYPE_PLAIN_0_0_4, generate_latest
from prometheus_client.metrics_core import Metric

from setpoint.model.condition import InstallationCondition
from setpoint.model.drain import Shipped
from setpoint.model.figures import (
    BOUNDS_S,
    WAIT_BOUNDS_S,
    Durations,
    EdgeFigures,
    Figures,
    ProcessFigures,
)
from setpoint.model.ids import AppId

CONTENT_TYPE = CONTENT_TYPE_PLAIN_0_0_4
OTHERS = "(others)"
_PROCESS = ("app", "process")


class _Families:
    """A registry asks what there is to tell."""

    def __init__(self, families: Iterable[Metric]) -> None:
        self._families = tuple(families)

    def collect(self) -> Iterator[Metric]:
        yield from self._families


def exposition(
    watchers: int,
    staleness_s: float | None,
    figures: Figures | None,
    answered: EdgeFigures | None,
    names: Mapping[AppId, str],
    shipped: Sequence[Shipped] = (),
    conditions: Sequence[InstallationCondition] = (),
) -> bytes:
    """`figures`, `answered` None: the supervisor, or the edge, did not answer. `names`: of apps;
    who has none has gone."""
    families = [
        _gauge("setpoint_watchers", "Connections that watch what changes.", watchers),
        _gauge("setpoint_supervisor_up", "Whether the supervisor answered.", figures is not None),
        _gauge("setpoint_edge_up", "Whether the edge agent answered.", answered is not None),
    ]
    if staleness_s is not None:
        text = "How long the last event of our own took to reach those who watch."
        families.append(_gauge("setpoint_watch_staleness_seconds", text, staleness_s))
    names = {**names, AppId(""): OTHERS}
    if figures is not None:
        families += _of_processes(figures, names)
    if answered is not None:
        families += _of_answers(answered, names)
    families += [*_of_drains(shipped, names), _of_conditions(conditions)]
    registry = CollectorRegistry(auto_describe=False)
    registry.register(_Families(families))
    return generate_latest(registry)


def _gauge(name: str, text: str, value: float) -> Metric:
    return GaugeMetricFamily(name, text, value=float(value))


def _of_conditions(conditions: Sequence[InstallationCondition]) -> Metric:
    text = "Conditions of the installation: 1 where all is well."
    family = GaugeMetricFamily("setpoint_condition", text, labels=("condition", "reason"))
    for of in conditions:
        family.add_metric((of.type, of.reason), float(of.status))
    return family


def _of_drains(shipped: Sequence[Shipped], names: Mapping[AppId, str]) -> list[Metric]:
    lines = CounterMetricFamily(
        "setpoint_drain_lines",
        "Lines of the log: taken by the drain, or dropped.",
        labels=("app", "drain", "outcome"),
    )
    retries = CounterMetricFamily(
        "setpoint_drain_retries", "Attempts that failed.", labels=("app", "drain")
    )
    failing = GaugeMetricFamily(
        "setpoint_drain_failing", "1: what was tried last was not taken.", labels=("app", "drain")
    )
    for of in shipped:
        if of.app in names:
            labels = (names[of.app], of.drain)
            lines.add_metric((*labels, "delivered"), of.delivered)
            lines.add_metric((*labels, "dropped"), of.dropped)
            retries.add_metric(labels, of.retries)
            failing.add_metric(labels, float(of.failing_since_s is not None))
    return [lines, retries, failing] if shipped else []


def _of_processes(figures: Figures, names: Mapping[AppId, str]) -> list[Metric]:
    starts = HistogramMetricFamily(
        "setpoint_start_seconds",
        "From the decision to start an instance to its being ready, by kind of start.",
        labels=(*_PROCESS, "start"),
    )
    queue = HistogramMetricFamily(
        "setpoint_function_queue_seconds",
        "From the edge's first byte of an invocation to the instance that took it.",
        labels=_PROCESS,
    )
    run = HistogramMetricFamily(
        "setpoint_function_run_seconds", "An invocation's time in its instance.", labels=_PROCESS
    )
    answers = CounterMetricFamily(
        "setpoint_function_answers",
        "Invocations answered, by the first digit of the status.",
        labels=(*_PROCESS, "status"),
    )
    peak = GaugeMetricFamily(
        "setpoint_function_memory_peak_bytes",
        "The most memory any instance had when it answered.",
        labels=_PROCESS,
    )
    in_flight = GaugeMetricFamily(
        "setpoint_requests_in_flight", "Requests the edge has under way now.", labels=_PROCESS
    )
    instances = GaugeMetricFamily("setpoint_instances", "Instances ready now.", labels=_PROCESS)
    evictions = CounterMetricFamily(
        "setpoint_zygote_evictions",
        "Processes that functions are forked from, ended by the supervisor, by reason.",
        labels=("reason",),
    )
    for of in figures.processes:
        if of.app not in names:
            continue
        labels = (names[of.app], of.process or OTHERS)
        for kind, durations in of.starts.items():
            _add(starts, (*labels, kind), durations)
        in_flight.add_metric(labels, of.in_flight)
        instances.add_metric(labels, of.instances)
        if of.answers:
            _add_function(of, labels, queue, run, peak)
        for digit, count in of.answers.items():
            answers.add_metric((*labels, f"{digit}xx"), count)
    for reason, count in figures.evictions.items():
        evictions.add_metric((reason,), count)
    return [starts, in_flight, instances, queue, run, answers, peak, evictions]


def _of_answers(figures: EdgeFigures, names: Mapping[AppId, str]) -> list[Metric]:
    answers = CounterMetricFamily(
        "setpoint_edge_answers",
        "Requests answered at the edge, by the first digit of the status, and by its own errors.",
        labels=(*_PROCESS, "status", "code"),
    )
    wait = HistogramMetricFamily(
        "setpoint_edge_wait_seconds",
        "From a request's last byte to its answer's first.",
        labels=_PROCESS,
    )
    for of in figures.processes:
        if of.app in names:
            labels = (names[of.app], of.process or OTHERS)
            for kind in of.answers:
                answers.add_metric((*labels, f"{kind.digit}xx", kind.code), kind.count)
            _add(wait, labels, of.wait.folded(WAIT_BOUNDS_S, BOUNDS_S))
    return [answers, wait]


def _add_function(
    of: ProcessFigures,
    labels: tuple[str, str],
    queue: HistogramMetricFamily,
    run: HistogramMetricFamily,
    peak: GaugeMetricFamily,
) -> None:
    _add(queue, labels, of.queue)
    _add(run, labels, of.run)
    peak.add_metric(labels, of.memory_bytes_peak)


def _add(family: HistogramMetricFamily, labels: tuple[str, ...], durations: Durations) -> None:
    bounds = (*map(str, BOUNDS_S), "+Inf")
    totals = accumulate(durations.counts)
    family.add_metric(labels, [*zip(bounds, map(float, totals), strict=True)], durations.sum_s)
