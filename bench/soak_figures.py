"""What `make soak` came to, in rows. Pure; whoever runs it keeps it (`tests/soak`)."""

from bench.rows import Result, Row

ENVOY_BACK_MS = 200


def soak(result: Result) -> list[Row]:
    kills, changes = result["kills"], result["changes"]
    told = ", ".join(f"{count} {kind.replace('_', ' ')}" for kind, count in sorted(kills.items()))
    where = f"{result['apps']} apps, {result['soak_s']:.0f} s, {sum(kills.values())} kills: {told}"
    acknowledged = f"{result['acknowledged']:,} of {changes:,} were acknowledged"
    return [
        _none(
            "requests failed that were in flight in nothing that was killed",
            result["failed"],
            f"of {result['requests']:,}",
            where,
        ),
        _none("acknowledged Changes lost, or done twice", result["lost"], acknowledged),
        _none("processes, sockets, groups and layers left behind", result["orphans"]),
        _envoy(result),
    ]


def _none(what: str, count: int, spread: str = "", against: str = "") -> Row:
    return Row(what, str(count), spread, "0", count == 0, against)


def _envoy(result: Result) -> Row:
    median = result["envoy_back_p50_ms"]
    known = median is not None
    return Row(
        "until a new connection is answered after Envoy was killed",
        f"{median} ms" if known else "it was not killed",
        f"at most {result['envoy_back_max_ms']} ms" if known else "",
        f"≤ {ENVOY_BACK_MS} ms",
        median <= ENVOY_BACK_MS if known else None,
        f"the median of {result['kills'].get('envoy', 0)} kills",
    )
