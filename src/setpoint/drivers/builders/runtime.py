"""The official Python functions runtime: which version, and what it needs beyond its own pins."""

from collections.abc import Sequence

from setpoint.drivers.builders.requirements import Requirement

PACKAGE = "salesforce-functions"
RUNTIME = "salesforce-functions==0.6.0"
"""Its last version. It is yanked, so that only an exact pin finds it."""

PINNED_BELOW = (3, 12)
"""The runtime's own pins have wheels for Pythons below this."""

REPLACED = (
    "aiohttp==3.14.5",
    "httptools==0.9.0",
    "orjson==3.13.0",
    "starlette==1.10.0",
    "structlog==26.1.0",
    "uvicorn==0.54.0",
    "uvloop==0.23.0",
)
"""What serves in the place of those pins on newer Pythons. Exact, because the worker builds on
uvicorn's insides; tested on CPython 3.12 and 3.13."""


def overrides(version: tuple[int, int, int]) -> tuple[str, ...]:
    """Requirements that win over everybody's, the project's own included."""
    return (RUNTIME,) if version < PINNED_BELOW else (RUNTIME, *REPLACED)


def warnings(
    version: tuple[int, int, int], wanted: Sequence[Requirement], where: str
) -> tuple[str, ...]:
    """What the overrides changed, for the release to remember."""
    pins = {pin.partition("==")[0]: pin for pin in overrides(version)}
    replaced = tuple(
        f"{where} asks for {r.line}; the Python functions runtime gets {pins[r.name]}"
        for r in wanted
        if r.name in pins and r.specifier not in ("", f"=={pins[r.name].partition('==')[2]}")
    )
    if version < PINNED_BELOW:
        return replaced
    python = f"{version[0]}.{version[1]}"
    return (
        f"the Python functions runtime was made for Python 3.10 and 3.11; on {python} it runs with "
        f"newer dependencies: {', '.join(REPLACED)}",
        *replaced,
    )
