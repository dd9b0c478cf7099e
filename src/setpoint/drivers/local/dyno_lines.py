"""What the platform writes into an app's log about its dynos, in Heroku's words. Pure."""

from setpoint.model.app import MIB
from setpoint.model.process import Exit, Phase, ProbeSeen, ProcessSpec, SetOrder
from setpoint.planning.standing import GRACE_S, grace_s


def starting(spec: ProcessSpec) -> str:
    what = f"function {spec.folder or spec.process}" if spec.kind == "function" else spec.command
    return f"Starting process with command `{what}`"


def started(how: str) -> str:
    return f"Started {how}"


def changed(before: str, after: str) -> str:
    return f"State changed from {before} to {after}"


def stopping() -> str:
    return "Stopping all processes with SIGTERM"


def probed(seen: ProbeSeen) -> str:
    return f"Not ready yet: the web process {seen.fact}; it is asked again"


def killing(phase: Phase, order: SetOrder, seen: ProbeSeen | None) -> tuple[str, ...]:
    """Why it is killed, with the code a Heroku user knows, and that it is."""
    if phase is Phase.STARTING:
        return (_boot_timeout(order, seen), "Stopping process with SIGKILL")
    return (_exit_timeout(grace_s(order)), "Stopping process with SIGKILL")


def _exit_timeout(within_s: float) -> str:
    return (
        "Error R12 (Exit timeout) -> At least one process failed to exit within"
        f" {within_s:g} seconds of SIGTERM"
    )


def _boot_timeout(order: SetOrder, seen: ProbeSeen | None) -> str:
    seconds = f"{order.bounds.boot_s_max:g} seconds of launch"
    if seen is not None:
        text = f"Web process {seen.fact}, and was not ready within {seconds}"
        return f"Error R10 (Boot timeout) -> {text}"
    if order.spec.kind == "web":
        return f"Error R10 (Boot timeout) -> Web process failed to bind to $PORT within {seconds}"
    return f"Error R10 (Boot timeout) -> Process failed to become ready within {seconds}"


def killing_job(late: bool) -> tuple[str, ...]:
    """`late`: it had all the time it was given."""
    if late:
        return ("Cycling", "Stopping process with SIGKILL")
    return (_exit_timeout(GRACE_S), "Stopping process with SIGKILL")


def out_of_memory(count: int) -> str:
    whom = "1 invocation is" if count == 1 else f"{count} invocations are"
    return f"Out of memory: {whom} answered with that, and this instance is ended"


def ended(exit: Exit, spec: ProcessSpec | None, *, answered: bool = False) -> tuple[str, ...]:
    """`spec` None: it is lost. `answered`: who waited for it has heard of it."""
    told = [f"Process exited with status {exit.code}"]
    if exit.oom and spec is not None:
        needed = f"it needed more than {spec.memory_bytes_max // MIB}M"
        if spec.kind == "function":
            needed = f"Out of memory: {needed}"
            if not answered:
                needed += "; what it was asked meanwhile gets no answer"
        told.insert(0, f"Error R15 (Memory quota vastly exceeded) -> {needed}")
    return tuple(told)


def lost(count: int) -> str:
    return f"Error L10 (output buffer overflow): {count} messages dropped"


def state_after(exit: Exit) -> str:
    return "down" if exit.expected else "crashed"


def job_state_after(exit: Exit) -> str:
    """On Heroku a one-off dyno that has done its work is complete."""
    return "complete" if exit.code == 0 or exit.expected else "crashed"


def tail_overflow(count: int) -> str:
    return f"Error L11 (tail buffer overflow): {count} messages left out here, they are in the log"
