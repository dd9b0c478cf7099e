"""probe, and what a deploy says of a release that does not answer well."""

from tests.support.plane import Plane
from tests.unit.cli.conftest import Cli, Project, parsed


def test_a_probe_is_set_shown_and_explained(cli: Cli, project: Project) -> None:
    cli("deploy", str(project("clinic")))
    assert cli("probe", "clinic").out == (
        "web is asked for GET /: a status below 500 within 5 s, until a release has proven itself\n"
    )
    assert "probe" not in cli("info", "clinic").out
    ran = cli("probe", "clinic", "--path", "/health", "--below", "400", "-m", "the page is slow")
    assert (ran.code, ran.err) == (0, "")
    told = "web is asked for GET /health: a status below 400 within 5 s"
    assert told in ran.out
    assert told in cli("info", "clinic").out
    why = cli("why", "clinic", "probes.web.path").out
    assert "/health" in why
    assert "the page is slow" in why
    assert parsed(cli("probe", "-a", "clinic", "--default", "--json"))["outcome"] == "settled"
    assert parsed(cli("probe", "clinic", "--json"))["default"] is True


def test_listening_alone_can_be_asked_before_the_first_deploy(cli: Cli) -> None:
    cli("create", "early")
    assert "web is ready once it listens" in cli("probe", "early", "--listen-only").out
    refused = cli("probe", "early", "--listen-only", "--path", "/x")
    assert (refused.code, refused.err.splitlines()[0]) == (
        2,
        "cannot set the probe of 'early': --listen-only asks for no --path",
    )
    assert cli("probe", "early", "--path", "x").code == 2
    assert cli("probe", "early", "--process", "worker", "--always").code == 2


def test_a_release_that_errs_says_what_it_answered_and_how_to_go_on(
    plane: Plane, cli: Cli, project: Project
) -> None:
    folder = str(project("feverish"))
    cli("deploy", folder)
    cli("scale", "feverish", "web=1", "--boot-timeout", "1")
    plane.supervisor.errs_s = 1e9
    ran = cli("deploy", folder)
    assert ran.code == 3
    assert "web of v2 answered 500 to GET /; it is asked again" in ran.out
    assert ran.err.splitlines() == [
        "cannot deploy feverish: it was built, but does not run",
        "  release v2 failed: web answered 500 to GET /, and was not ready within 1 s",
        "  its answer began:",
        "  a stack trace",
        "v1 still serves",
        "all that it wrote: setpoint logs feverish",
        "to ask otherwise: setpoint probe feverish --help",
    ]
