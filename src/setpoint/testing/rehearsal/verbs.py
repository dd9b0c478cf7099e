"""The verbs of a script: how each is written, and how its words are read.

docs/how-to/rehearse.md has every usage in here; a test holds that true.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal, get_args

from setpoint.model.errors import Invalid
from setpoint.model.release import ProcessType
from setpoint.planning import schedule
from setpoint.testing.programs import ReleaseFate
from setpoint.testing.rehearsal import acts
from setpoint.testing.rehearsal.acts import Act
from setpoint.testing.rehearsal.words import Slip, Words, count, duration_s, nearest, quoted

SETTLE_S_MAX = 1800.0
"""`settle` without `within`: the longest pause between restarts of what crashes is 300 s."""
DOWN_S = 2.0
"""How long what died is away, if nothing is said: the keeper starts it again soon."""
TIMES_MAX = 1000

STEPS = (
    "start-build",
    "ensure-processes",
    "remove-processes",
    "ensure-route",
    "remove-route",
    "start-job",
    "stop-job",
    "forget-app",
)
"""Steps that have an effect on the world, by their names in a plan: their way there can fail."""


@dataclass(frozen=True)
class Verb:
    """`usage`: the line that is shown to whoever writes it wrong."""

    usage: str
    read: Callable[[Words], Act]


# --- changes ----------------------------------------------------------------------------


def _create(said: Words) -> Act:
    return acts.Create(said.take("the app"))


def _deploy(said: Words) -> Act:
    build, boot = said.option("--build"), said.option("--slow")
    release, schedule = said.option("--release"), said.option("--cron")
    hangs, exits = said.flag("--hangs"), said.flag("--broken")
    builds, errs = not said.flag("--unbuildable"), said.flag("--errors")
    app, types = said.take("the app"), said.maybe()
    return acts.Deploy(
        app,
        tuple(_type(word) for word in types.split(",")) if types else (),
        builds=builds,
        build_s=duration_s(build) if build is not None else 3.0,
        boot_s=duration_s(boot) if boot is not None else 2.0,
        fate="exits" if exits else "hangs" if hangs else "ready",
        errs=errs,
        release=_release_fate(release),
        schedule=_schedule(schedule),
    )


def _type(word: str) -> ProcessType:
    """`web`, `worker`, `release`; `greet()` is a function."""
    name = word.removesuffix("()")
    if not name or name.startswith("-"):
        raise Slip(f"{quoted(word)} is no process type")
    if name != word:
        return ProcessType(name, "function", runtime="python")
    kind: Literal["web", "release", "worker"]
    kind = "web" if name == "web" else "release" if name == "release" else "worker"
    return ProcessType(name, kind, f"run-{name}")


def _release_fate(word: str | None) -> ReleaseFate:
    for fate in get_args(ReleaseFate):
        if word == fate:
            return fate
    if word is None:
        return "succeeds"
    raise Slip(f"a release phase does not end as {quoted(word)}", "it succeeds, fails or hangs")


def _schedule(word: str | None) -> str:
    if word is None:
        return ""
    try:
        schedule.check(word, "--cron")
    except Invalid as error:
        raise Slip(f"{quoted(word)} is no schedule", error.hint) from None
    return word


def _config(said: Words) -> Act:
    values: dict[str, str | None] = {}
    while (key := said.option("--unset")) is not None:
        values[key] = None
    app = said.take("the app")
    for word in said.rest():
        key, equals, value = word.partition("=")
        if not equals:
            raise said.slip(f"{quoted(key)} has no value")
        values[key] = value
    if not values:
        raise said.slip("nothing is set or unset")
    return acts.Config(app, values)


def _scale(said: Words) -> Act:
    size, idle, boot = said.option("--size"), said.option("--idle"), said.option("--boot")
    app = said.take("the app")
    sizes = tuple(_size(word, size, idle, boot) for word in said.rest())
    if not sizes:
        raise said.slip("the number is missing")
    return acts.Scale(app, sizes)


def _size(word: str, size: str | None, idle: str | None, boot: str | None) -> acts.Size:
    """`web=2`, `web=0..2`. What is no number is for the door to refuse."""
    process, equals, amount = word.partition("=")
    if not equals:
        raise Slip(f"{quoted(word)} says no number", "for example web=2, or web=0..2")
    low, dots, high = amount.partition("..")
    return acts.Size(
        process,
        _number(low),
        _number(high) if dots else _number(low),
        size,
        duration_s(idle) if idle is not None else None,
        duration_s(boot) if boot is not None else None,
    )


def _number(word: str) -> object:
    return int(word) if word.isdecimal() and len(word) < 10 else word


def _maintenance(said: Words) -> Act:
    app, state = said.take("the app"), said.take("on or off")
    if state not in ("on", "off"):
        raise said.slip(f"{quoted(state)} is neither on nor off")
    return acts.Maintenance(app, state == "on")


def _freeze(said: Words) -> Act:
    until, report = said.option("--until"), said.flag("--report")
    return acts.Keep(said.take("the app"), "report" if report else "freeze", until or "")


def _run(said: Words) -> Act:
    lasts, fails, forever = said.option("--lasts"), said.flag("--fails"), said.flag("--forever")
    lasts_s = duration_s(lasts) if lasts is not None else 3.0
    app, command = said.take("the app"), said.take("the command")
    return acts.Run(app, command, None if forever else lasts_s, 1 if fails else 0)


def _request(said: Words) -> Act:
    times = said.option("--times")
    app, process = said.take("the app"), said.maybe("web").removesuffix("()")
    return acts.Request(app, process, count(times, TIMES_MAX) if times is not None else 1)


# --- faults -----------------------------------------------------------------------------


def _fault(said: Words) -> Act:
    what = said.take("what goes wrong")
    if what in STEPS:
        return _mishap(said, what)
    known = FAULTS.get(what)
    if known is None:
        raise Slip(f"nothing goes wrong with {quoted(what)}", nearest(what, [*FAULTS, *STEPS]))
    said.usage = known.usage
    return known.read(said)


def _mishap(said: Words, verb: str) -> Act:
    said.usage = f"fault {verb} lost|refused|slow [5s] [--times N]"
    times, how = said.option("--times"), said.take("how it goes wrong")
    n = count(times, TIMES_MAX) if times is not None else 1
    if how == "slow":
        return acts.Mishap(verb, "slow", duration_s(said.maybe("5s")), n)
    if how not in ("lost", "refused"):
        raise said.slip(f"a step's answer is not {quoted(how)}")
    return acts.Mishap(verb, "lost" if how == "lost" else "refused", times=n)


def _daemon(said: Words) -> Act:
    said.expect("dies")
    word = said.maybe()
    if word in ("before", "after"):
        verb = said.take("the step")
        if verb not in STEPS:
            raise Slip(f"{quoted(verb)} is no step", nearest(verb, list(STEPS)))
        return acts.DaemonDies(_for_s(said), "before" if word == "before" else "after", verb)
    return acts.DaemonDies(_for_s(said, word))


def _for_s(said: Words, word: str | None = None) -> float:
    """`for 20s`, or nothing. `word`: the first of them, where it was taken already."""
    first = said.maybe() if word is None else word
    if not first:
        return DOWN_S
    if first != "for":
        raise said.slip(f"{quoted(first)} stands where 'for' should")
    return duration_s(said.take("how long"))


def _supervisor(said: Words) -> Act:
    said.expect("dies")
    return acts.SupervisorDies(_for_s(said))


def _edge(said: Words) -> Act:
    said.expect("away")
    return acts.EdgeAway(_for_s(said))


def _machine(said: Words) -> Act:
    said.expect("reboots")
    return acts.Reboot()


def _clock(said: Words) -> Act:
    said.expect("jumps")
    word = said.take("by how much")
    if word[0] not in "+-":
        raise said.slip(f"{quoted(word)} says neither + nor -")
    return acts.ClockJumps(duration_s(word[1:]) * (-1 if word[0] == "-" else 1))


def _reads(said: Words) -> Act:
    said.expect("stale")
    return acts.StaleReads(count(said.maybe("50%").removesuffix("%"), 100) / 100)


def _kill(said: Words) -> Act:
    return acts.Kill(said.take("the app"), said.take("the instance"))


def _unroute(said: Words) -> Act:
    return acts.Unroute(said.take("the app"))


FAULTS: dict[str, Verb] = {
    "daemon": Verb("fault daemon dies [before|after STEP] [for 20s]", _daemon),
    "supervisor": Verb("fault supervisor dies [for 20s]", _supervisor),
    "edge": Verb("fault edge away [for 20s]", _edge),
    "machine": Verb("fault machine reboots", _machine),
    "clock": Verb("fault clock jumps +1h|-1h", _clock),
    "reads": Verb("fault reads stale [50%]", _reads),
    "kill": Verb("fault kill APP web.1", _kill),
    "unroute": Verb("fault unroute APP", _unroute),
}


def _offer(said: Words) -> Act:
    """The names are looked up once there is a machine whose they are."""
    fields: dict[str, str] = {}
    for word in said.rest():
        name, equals, value = word.partition("=")
        if not equals:
            raise said.slip(f"{quoted(word)} says no value")
        fields[name] = value
    if not fields:
        raise said.slip("what is offered is missing")
    return acts.Offer(fields)


# --- time and questions -----------------------------------------------------------------


def _settle(said: Words) -> Act:
    word = said.maybe()
    if not word:
        return acts.Settle(SETTLE_S_MAX)
    if word != "within":
        raise said.slip(f"{quoted(word)} stands where 'within' should")
    return acts.Settle(duration_s(said.take("how long")))


def _plan(said: Words) -> Act:
    app = said.take("the app")
    return acts.Plan(app, tuple(_size(word, None, None, None) for word in said.rest()))


VERBS: dict[str, Verb] = {
    "create": Verb("create APP", _create),
    "deploy": Verb(
        "deploy APP [web,worker,release,greet()] [--build 3s] [--slow 2s] [--broken] [--hangs] "
        "[--errors] [--unbuildable] [--release fails|hangs] [--cron '*/5 * * * *']",
        _deploy,
    ),
    "config": Verb("config APP KEY=VALUE [--unset KEY]", _config),
    "scale": Verb("scale APP web=2 [worker=0..2] [--size SIZE] [--idle 10m] [--boot 60s]", _scale),
    "rollback": Verb(
        "rollback APP [v1]", lambda said: acts.Rollback(said.take("the app"), said.maybe())
    ),
    "restart": Verb(
        "restart APP [web]", lambda said: acts.Restart(said.take("the app"), said.maybe() or None)
    ),
    "rename": Verb(
        "rename APP NAME",
        lambda said: acts.Rename(said.take("the app"), said.take("the new name")),
    ),
    "maintenance": Verb("maintenance APP on|off", _maintenance),
    "freeze": Verb("freeze APP [--report] [--until 2h]", _freeze),
    "unfreeze": Verb("unfreeze APP", lambda said: acts.Keep(said.take("the app"), "enforce")),
    "destroy": Verb("destroy APP", lambda said: acts.Destroy(said.take("the app"))),
    "run": Verb("run APP 'COMMAND' [--lasts 3s] [--fails] [--forever]", _run),
    "stop": Verb(
        "stop APP DYNO", lambda said: acts.Stop(said.take("the app"), said.take("the dyno"))
    ),
    "request": Verb("request APP [web] [--times N]", _request),
    "fault": Verb("fault WHAT ...", _fault),
    "heal": Verb("heal", lambda said: acts.Heal()),
    "capability": Verb("capability instances_max=2", _offer),
    "wait": Verb("wait 5s", lambda said: acts.Wait(duration_s(said.take("how long")))),
    "settle": Verb("settle [within 30m]", _settle),
    "plan": Verb("plan APP [web=5]", _plan),
    "why": Verb("why APP [FIELD]", lambda said: acts.Why(said.take("the app"), said.maybe())),
    "status": Verb("status [APP]", lambda said: acts.Status(said.maybe())),
    "jobs": Verb("jobs APP", lambda said: acts.Jobs(said.take("the app"))),
}
