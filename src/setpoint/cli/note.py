"""`setpoint note`: say more of a Change, or why it was made, now that somebody knows."""

from setpoint.cli import codes
from setpoint.cli.arguments import Arguments
from setpoint.cli.client import path
from setpoint.cli.command import Here, app_name, is_version
from setpoint.model.errors import Refused

EXAMPLE = 'setpoint note c12 -m "the fair was on Saturday"'


def arguments(parser: Arguments) -> None:
    parser.add_argument("words", metavar="CHANGE", nargs="+", help="c12; or a release: shop v7")
    parser.add_argument("-m", "--why", metavar="WORDS", required=True, help="what there is to say")


def run(here: Here) -> int:
    label = _change(here, here.args.words)
    noted = here.client.call("POST", path("v1", "changes", label, "notes"), {"text": here.args.why})
    here.out.line(f"noted of c{noted['change']}")
    here.out.result(noted)
    return codes.SETTLED


def _change(here: Here, words: list[str]) -> str:
    match words:
        case [label] if label[:1] == "c" and label[1:].isdecimal():
            return label
        case [app, version] if is_version(version):
            found = here.client.get(path("v1", "apps", app_name(app), "releases", version))
            return f"c{found['line']['change']}"
        case _:
            raise Refused(
                f"cannot note anything of {' '.join(words)[:60]!r}: that is no Change",
                "name one (c12), or a release (shop v7); setpoint log lists them",
            )
