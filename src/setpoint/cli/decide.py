"""`setpoint decide`: record a decision, what it governs, and the bet it rests on."""

from setpoint.cli import codes
from setpoint.cli.arguments import Arguments
from setpoint.cli.command import Here

EXAMPLE = (
    'setpoint decide -m "three web instances, for the fair" --on shop:web '
    '--bet "more than 200 rps all week" --revisit 14d'
)
SAID = ("bet", "wrong_if", "revisit", "if_wrong", "owner", "backup", "serves", "supersedes")


def arguments(parser: Arguments) -> None:
    parser.add_argument("-m", "--why", metavar="WORDS", required=True, help="what, and why")
    parser.add_argument(
        "--on",
        metavar="SELECTOR",
        action="append",
        default=[],
        help="what it governs: shop, shop:web.max, shop:config.*, or * for every app",
    )
    parser.add_argument("--bet", metavar="CLAIM", default="", help="what has to be true for it")
    parser.add_argument("--wrong-if", metavar="FACT", default="", help="what would prove it wrong")
    parser.add_argument("--if-wrong", metavar="ACT", default="", help="what is to be done then")
    parser.add_argument("--revisit", metavar="WHEN", default="", help="30d, or 2026-12-05")
    parser.add_argument("--owner", metavar="WHO", default="", help="looks after it (you)")
    parser.add_argument("--backup", metavar="WHO", default="", help="does so when they are away")
    parser.add_argument("--serves", metavar="DECISION", default="", help="is a part of: d-7")
    parser.add_argument("--supersedes", metavar="DECISION", default="", help="takes its place")


def run(here: Here) -> int:
    wish = {name: getattr(here.args, name) for name in SAID}
    wish |= {"text": here.args.why, "on": here.args.on}
    decided = here.client.call("POST", "/v1/decisions", wish)
    here.out.line(f"recorded as d-{decided['seq']}; see: setpoint why d-{decided['seq']}")
    here.out.result(decided)
    return codes.SETTLED
