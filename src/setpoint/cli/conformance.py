"""`setpoint conformance`: how much of Heroku's Platform API is here, by Heroku's own schema."""

import argparse
import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any, cast

from setpoint.cli import codes
from setpoint.cli.command import Here
from setpoint.cli.conforming import Verdict, Walk, template
from setpoint.formats import hyper_schema
from setpoint.formats.hyper_schema import Json
from setpoint.model.errors import Refused

EXAMPLE = "setpoint conformance --schema schema.json"
PROVEN = Path(__file__).with_name("proven.json")
"""By route, which clients of Heroku's used it in a test that passed: written by `make proven`."""
HEAD = ("route", "here", "valid, stateful", "clients", "")


def arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--schema", metavar="FILE", required=True, help="the hyper-schema, as Heroku publishes it"
    )
    parser.add_argument("--markdown", action="store_true", help="print a page's table")


def run(here: Here) -> int:
    """0, whatever the numbers are. An app is made for it, and destroyed."""
    document = _read(Path(here.args.schema))
    links = hyper_schema.links(document)
    verdicts = Walk(here.client, document, links, _proven()).verdicts()
    if here.args.markdown:
        here.out.line(_page(verdicts))
    else:
        _tell(here, verdicts)
    here.out.result({**_counts(verdicts), "routes": [_row(verdict) for verdict in verdicts]})
    return codes.SETTLED


def _read(file: Path) -> Json:
    try:
        return cast("Json", json.loads(file.read_bytes()))
    except OSError as error:
        raise Refused(f"cannot read {file}: {error.strerror}") from None
    except ValueError as error:
        raise Refused(f"cannot read {file}: it is no JSON: {error}") from None


def _proven() -> dict[str, tuple[str, ...]]:
    """By template."""
    told: dict[str, list[str]] = json.loads(PROVEN.read_bytes())
    return {template(route): tuple(clients) for route, clients in told.items()}


def _counts(verdicts: Iterable[Verdict]) -> dict[str, int]:
    rows = tuple(verdicts)
    return {
        "links": len(rows),
        "implemented": sum(v.implemented for v in rows),
        "stateful": sum(v.stateful for v in rows),
        "proven": sum(bool(v.proven) for v in rows),
    }


def _row(verdict: Verdict) -> dict[str, Any]:
    return {
        "route": verdict.link.route,
        "implemented": verdict.implemented,
        "stateful": verdict.stateful,
        "proven": verdict.proven,
        "fact": verdict.fact,
    }


def _words(verdict: Verdict) -> tuple[str, str, str, str, str]:
    yes = ("no", "yes")
    return (
        verdict.link.route,
        yes[verdict.implemented],
        yes[verdict.stateful] if verdict.implemented else "",
        ", ".join(verdict.proven),
        verdict.fact,
    )


def _tell(here: Here, verdicts: tuple[Verdict, ...]) -> None:
    here.out.table([HEAD, *(_words(v) for v in verdicts if v.implemented)])
    here.out.line()
    for line in _summary(verdicts):
        here.out.line(line, "bold")


def _summary(verdicts: tuple[Verdict, ...]) -> tuple[str, ...]:
    found = _counts(verdicts)
    return (
        f"implemented: {found['implemented']} of {found['links']}",
        f"valid by the schema, and stateful: {found['stateful']}",
        f"used by a client of Heroku's in a test that passed: {found['proven']}",
    )


def _page(verdicts: tuple[Verdict, ...]) -> str:
    lines = [f"- {line}" for line in _summary(verdicts)]
    lines += ["", f"| {' | '.join(HEAD)} |", f"|{'---|' * len(HEAD)}"]
    for verdict in verdicts:
        if verdict.implemented:
            route, *rest = (cell.replace("|", "\\|").replace("\n", " ") for cell in _words(verdict))
            lines.append(f"| `{route}` | {' | '.join(rest)} |")
    return "\n".join(lines)
