"""What can be said of the installation as a whole, in the form that Kubernetes' nodes have."""

from setpoint.model.clock import Jump
from setpoint.model.condition import InstallationCondition, InstallationType
from setpoint.model.errors import StoreError, StoreFull, StoreReadOnly
from setpoint.model.retention import Ground
from setpoint.model.text import when
from setpoint.planning import clock

MEANWHILE = "what runs goes on, and nothing new is accepted or begun until then"

_STORE: dict[type[StoreError], tuple[str, str, str]] = {
    StoreFull: (
        "StoreFull",
        "its disk is full",
        "free some space on it: `setpoint doctor` tells of what it is full",
    ),
    StoreReadOnly: (
        "StoreReadOnly",
        "it is read-only",
        "see why its disk was made so (dmesg tells), and mount it writable again",
    ),
}


def refusal(error: StoreError, ground: Ground) -> StoreError:
    """Why a mark was not kept. A write to a disk that the kernel has made read-only meanwhile fails
    as one to a disk that is broken."""
    if type(error) is StoreError and not ground.writable:
        return StoreReadOnly(error.message, error.hint)
    return error


def store_writable(refusal: StoreError | None, since_s: float) -> InstallationCondition:
    """`refusal`: why the last write was not kept."""
    type_ = InstallationType.STORE_WRITABLE
    if refusal is None:
        return InstallationCondition(type_, True, "Writable", since_s=since_s)
    fact = refusal.message.partition(": ")[2] or refusal.message
    hint = refusal.hint or "see the daemon's log"
    reason, fact, hint = _STORE.get(type(refusal), ("StoreFailing", fact, hint))
    message = f"the store takes no writes: {fact}; {hint}. {MEANWHILE.capitalize()}"
    return InstallationCondition(type_, False, reason, message, since_s)


def clock_steady(jump: Jump | None, since_s: float) -> InstallationCondition:
    type_ = InstallationType.CLOCK_STEADY
    if jump is None:
        return InstallationCondition(type_, True, "Steady", since_s=since_s)
    off = ", or the machine was off for so long" if jump.away else ""
    message = (
        f"{clock.words(jump)}, to {when(jump.at_s)}{off}; nothing is removed for its age until "
        "that has stood for a day. If it is wrong, set it right: then this is over at once"
    )
    return InstallationCondition(type_, False, "ClockJumped", message, since_s)
