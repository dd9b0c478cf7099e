"""What standing orders did and the loop has not yet taken into the journal. Bounded."""

import logging
from collections.abc import Callable

import msgspec
from msgspec.structs import replace

from setpoint.drivers.local.files import Folder
from setpoint.formats.control import Act
from setpoint.model.ids import SetKey

log = logging.getLogger("setpoint.supervisor")
ACTS_MAX = 2000
NAME = "acts.json"


class Kept(msgspec.Struct, frozen=True):
    """`last_seq`: the highest number that was given, also to an act that was taken since."""

    last_seq: int = 0
    acts: list[Act] = []


class ActLog:
    """Numbers never repeat, also over a reboot: a number is the time in microseconds, or one more.
    Whoever has read further than they go (the clock was set back) has read none of these.

    Acts alike that nobody has read yet are one entry with a count (a crash loop while the daemon
    is down). Reading after a number forgets everything up to it.
    """

    def __init__(self, folder: Folder, now_s: Callable[[], float]) -> None:
        self._folder = folder
        self._now_s = now_s
        kept = _load(folder)
        self._acts = kept.acts
        self._read_up_to = self._last_seq = kept.last_seq

    def record(self, key: SetKey, verb: str, subject: str, because: str, generation: int) -> None:
        at_s = self._now_s()
        self._last_seq = max(self._last_seq + 1, int(at_s * 1_000_000))
        act = Act(self._last_seq, key.app, key.process, verb, subject, because, at_s, generation)
        like = self._unread_like(act)
        if like is not None:
            self._acts.remove(like)
            act = replace(act, count=like.count + 1)
        self._acts = [*self._acts[-(ACTS_MAX - 1) :], act]
        self._save()

    def after(self, seq: int) -> tuple[Act, ...]:
        if seq > self._last_seq:
            self._rise_above(seq)
        left = [act for act in self._acts if act.seq > seq]
        if len(left) != len(self._acts):
            self._acts = left
            self._save()
        self._read_up_to = self._last_seq
        return tuple(left)

    def _rise_above(self, seq: int) -> None:
        self._acts = [replace(act, seq=n) for n, act in enumerate(self._acts, seq + 1)]
        self._last_seq = seq + len(self._acts)
        self._save()

    def _unread_like(self, act: Act) -> Act | None:
        for other in reversed(self._acts):
            if other.seq <= self._read_up_to:
                return None
            if _kind(other) == _kind(act):
                return other
        return None

    def _save(self) -> None:
        """A full disk costs those that nobody read before the supervisor died, and stops no act."""
        try:
            self._folder.write(NAME, msgspec.json.encode(Kept(self._last_seq, self._acts)))
        except OSError as error:
            log.warning("acts.not_written", extra={"why": str(error)})


def _kind(act: Act) -> tuple[object, ...]:
    return act.app, act.process, act.verb, act.subject, act.because, act.generation


def _load(folder: Folder) -> Kept:
    try:
        return msgspec.json.decode(folder.read(NAME), type=Kept)
    except (OSError, msgspec.MsgspecError):
        return Kept()
