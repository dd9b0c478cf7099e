"""`setpoint digest`: what changed on what is yours since you last asked."""

from setpoint.cli import codes
from setpoint.cli.arguments import Arguments
from setpoint.cli.command import Here

EXAMPLE = "setpoint digest"


def arguments(parser: Arguments) -> None:
    told = parser.add_mutually_exclusive_group()
    told.add_argument("--new", action="store_true", help="what somebody new here should know")
    told.add_argument("--keep", action="store_true", help="tell all of it again the next time")


def run(here: Here) -> int:
    told = here.client.get("/v1/digest?new=1" if here.args.new else "/v1/digest")
    for line in told["lines"]:
        here.out.line(line)
    digest = told["digest"]
    if digest is not None and not here.args.keep:
        heard = {"change": digest["up_to"], "at_s": digest["at_s"]}
        here.client.call("POST", "/v1/digest/heard", heard)
    here.out.result(digest if digest is not None else told["introduction"])
    return codes.SETTLED
