"""Jobs: run a command once, see what became of it, end it."""

import msgspec

from setpoint.api import find
from setpoint.api.call import Call
from setpoint.intents import jobs
from setpoint.views import jobs as view
from setpoint.views.jobs import JobLine


class NewJob(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """`attach`: it waits for a terminal, which connects to `/attach`; `tty`: a real one."""

    command: str = ""
    size: str = "basic"
    env: dict[str, str] = {}
    attach: bool = False
    tty: bool = False
    run_s_max: float | None = None


async def listed(call: Call) -> tuple[JobLine, ...]:
    unit = await find.app(call, leaving=True)
    store, actor = call.services.store, call.asked.actor
    return await view.jobs(store, actor, unit.name, call.count("limit", view.JOBS_SHOWN, 1000))


async def create(call: Call, body: NewJob) -> JobLine:
    unit = await find.app(call, jobs.VERB)
    wish = jobs.Wish(
        command=body.command,
        size=body.size.lower(),
        environment=body.env,
        attached=body.attach,
        tty=body.tty,
        run_s_max=body.run_s_max,
    )
    level = call.services.capabilities().level
    return view.line(await jobs.run(call.services.door, call.asked, unit.name, wish, level))


async def stop(call: Call) -> JobLine:
    unit = await find.app(call, jobs.STOP)
    job = await jobs.stop(call.services.door, call.asked, unit.name, call.param("job"))
    return view.line(job)
