"""Write docs/benchmarks.md from the last outcome of each part: `python -m bench.report`.

What was measured elsewhere, and is not kept here, stays on the page as it was.
"""

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from bench.figures import rows_of
from bench.kept import BY_OTHERS, PARTS, Kept, load
from bench.rows import Row

PAGE = Path(__file__).resolve().parents[1] / "docs" / "benchmarks.md"
TITLES = {
    "redeploy": "A change of code alone",
    "rollback": "Going back, and deploys under load",
    "build": "Dependencies",
    "sandbox": "What a sandbox costs at the start",
    "cold": "A function from zero",
    "edge": "What the edge costs",
    "adopt": "When the plane is killed under load",
    "memory": "Memory",
    "store": "Durable commits",
    "steps": "From intent to first step",
    "why": "Why: what it costs, and how often there is an answer",
    "api": "The API's doors",
    "push": "A push",
    "soak": "Killed at random",
    "simulate": "The simulated world",
    "mutants": "Guards taken out",
}
EVERY = (*PARTS, *BY_OTHERS)
MET = {"met": True, "**missed**": False}
"""As a table says it."""
QUIET = 0.1
"""Of all cores: up to here, a machine counts as ours alone."""

INTRO = """\
# Benchmarks

Written by `make bench`, from measurements on real parts: [how to measure](how-to/measure.md).
A figure is compared with something of the same run where it can be: absolute times are this
machine's alone. Three numbers are the least, the median and the most of single measurements."""

ELSEWHERE = """\
## Not measured here

A plane of 10,000 apps: it has a goal, and no measurement yet."""


def main() -> None:
    kept, before = load(), sections(PAGE.read_text()) if PAGE.exists() else {}
    PAGE.write_text(render(kept, before))
    print(verdict(kept, before))


def render(kept: dict[str, Kept], before: Mapping[str, str] = {}) -> str:
    """The whole page. `before`: sections as they stand, by part. Pure."""
    told = {**before, **{part: section(kept[part]) for part in EVERY if part in kept}}
    parts = [told[part] for part in EVERY if part in told]
    return "\n\n".join((INTRO, summary(kept, before), *parts, ELSEWHERE)) + "\n"


def sections(page: str) -> dict[str, str]:
    """By part, of those that the page has."""
    cut = {text.partition("\n")[0]: f"## {text}".strip() for text in page.split("\n## ")[1:]}
    return {part: cut[title] for part, title in TITLES.items() if title in cut}


def verdict(kept: dict[str, Kept], before: Mapping[str, str] = {}) -> str:
    """One line, for the terminal."""
    rows = judged(kept, before)
    absent = [part for part in PARTS if part not in kept and part not in before]
    told = f"{sum(1 for r in rows if r.met)} of {len(rows)} goals met"
    return f"{told}; not run: {', '.join(absent)}" if absent else told


def judged(kept: dict[str, Kept], before: Mapping[str, str] = {}) -> list[Row]:
    rows = [
        row
        for part in EVERY
        for row in (
            rows_of(part, kept[part].result) if part in kept else read(before.get(part, ""))
        )
    ]
    return [row for row in rows if row.met is not None]


def read(section: str) -> list[Row]:
    """The rows of one that stands on the page."""
    cells = [line.strip("|").split("|") for line in section.splitlines() if line.startswith("| ")]
    rows = [[cell.strip() for cell in row] for row in cells if len(row) == len(Row._fields)]
    return [Row(*row[:4], MET[row[4]], row[5]) for row in rows if row[4] in MET]


# --- sections -----------------------------------------------------------------------------------


def summary(kept: dict[str, Kept], before: Mapping[str, str] = {}) -> str:
    rows = judged(kept, before)
    missed = [f"- **{r.what}**: {r.measured}, goal {r.goal}" for r in rows if not r.met]
    gone = (part for part in PARTS if part not in kept and part not in before)
    lines = [*missed, *(f"- **{TITLES[part]}**: did not run" for part in gone)] or ["Nothing."]
    return "\n".join((f"{verdict(kept, before)}.", "", "## Missed", "", *lines))


def section(kept: Kept) -> str:
    rows = rows_of(kept.part, kept.result)
    shown = [
        f"## {TITLES[kept.part]}",
        circumstances(kept),
        table(
            ("", "measured", "single ones", "goal", "", "against"),
            ((r.what, r.measured, r.spread, r.goal, _word(r.met), r.against) for r in rows),
        ),
    ]
    if kept.part == "edge":
        shown.append(_edge_memory(kept.result["rss_mib"]))
    if kept.part == "memory":
        shown.append(_plane_memory(kept.result["plane"]))
    return "\n\n".join(shown)


def circumstances(kept: Kept) -> str:
    machine, (before, after) = kept.machine, kept.load
    said = (
        f"{kept.at}, {kept.took_s:.0f} s · {machine.cores} cores ({machine.processor})",
        f"{machine.memory_gib:g} GiB · {machine.kernel} · Python {machine.python}",
        f"as {machine.user} · load average {before:g} before, {after:g} after",
    )
    return " · ".join(said) + _busy(kept)


def _busy(kept: Kept) -> str:
    if kept.busy_cores <= QUIET * kept.machine.cores:
        return ""
    return (
        f"\n\n**The machine was busy**: others used {kept.busy_cores:.1f} of its "
        f"{kept.machine.cores} cores right before, so read times as too long."
    )


def _word(met: bool | None) -> str:
    return {None: "", True: "met", False: "**missed**"}[met]


def _edge_memory(rss: dict[str, dict[str, float]]) -> str:
    rows = (
        (when, *(f"{seen[name]:.0f}" for name in ("agent", "envoy"))) for when, seen in rss.items()
    )
    return table(("RSS in MiB", "edge agent", "Envoy"), rows)


def _plane_memory(plane: dict[str, dict[str, dict[str, float]]]) -> str:
    names = list(next(iter(plane.values())))
    head = ("RSS (PSS) in MiB", *names)
    rows = ((when, *(_both(seen[name]) for name in names)) for when, seen in plane.items())
    return table(head, rows)


def _both(seen: dict[str, Any]) -> str:
    return f"{seen['rss_mib']:.1f} ({seen['pss_mib']:.1f})"


def table(head: Iterable[str], rows: Iterable[Iterable[str]]) -> str:
    heads = list(head)
    lines = [heads, ["---"] * len(heads), *(list(row) for row in rows)]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


if __name__ == "__main__":
    main()
