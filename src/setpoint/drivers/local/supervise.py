"""The supervisor: keeps every set within its standing order, and tells what it sees.

It decides nothing itself: `planning.standing.decide` does, from facts. This module keeps the table,
calls it when a fact changed or time has come, and publishes the facts. `hands` carries out.
"""

import asyncio
import logging
from collections.abc import Callable
from functools import partial

from msgspec.structs import replace

from setpoint.drivers.clock import Clock
from setpoint.drivers.local import facts as change
from setpoint.drivers.local.hands import Hands
from setpoint.drivers.local.hub import Hub
from setpoint.drivers.local.imports import Kin
from setpoint.drivers.local.lasting import Lasting
from setpoint.drivers.local.names import SpareName, ZygoteName
from setpoint.drivers.local.orders import Orders
from setpoint.drivers.local.queues import Queues
from setpoint.drivers.local.seams import Ahead, Timers
from setpoint.drivers.local.seams import Queues as Sockets
from setpoint.drivers.local.sockets import watch_wanted
from setpoint.drivers.local.spares import Kind
from setpoint.drivers.local.table import Standing, Table
from setpoint.drivers.local.undone import Undone
from setpoint.model.errors import Transient
from setpoint.model.ids import AppId, Fence, InstanceId, SetKey
from setpoint.model.process import Acts, Kill, SetFacts, SetOrder, Start
from setpoint.planning import drift
from setpoint.planning.standing import GRACE_S, decide

log = logging.getLogger("setpoint.supervisor")
AFTER_TROUBLE_S = 1.0
HINDERED_S = 2.0
"""Before a start is tried again that the machine had no room, or no descriptor, for."""
NEWS_S = 0.05
"""How long it can wait that a function's instances come and go: Envoy knows its socket, and who
hears of it at once competes with the very start for the machine."""


class Supervisor:
    def __init__(
        self,
        table: Table,
        hands: Hands,
        orders: Orders,
        lasting: Lasting,
        sockets: Sockets,
        zygotes: Ahead[Kin, ZygoteName],
        spares: Ahead[Kind, SpareName],
        hub: Hub,
        clock: Clock,
        loop: Timers,
    ) -> None:
        self._table = table
        self._hands = hands
        self._orders = orders
        self._lasting = lasting
        self._sockets = sockets
        self._zygotes = zygotes
        self._spares = spares
        self._hub = hub
        self._clock = clock
        self._now_s = clock.now_s
        self._loop = loop
        self._woken: set[SetKey] = set()
        self._queues = Queues(table, self.wake, clock.now_s, loop)
        self._undone = Undone(loop)
        self._halted = False
        self._something_ended = asyncio.Event()
        hands.changed = lambda standing: self.wake(standing.key)
        hands.ended = self.instance_ended
        clock.on_jump.append(self._shift)
        hands.hindered = self._give_time

    # --- what it is asked ---------------------------------------------------------------------

    def apply(self, order: SetOrder, environment: dict[str, str]) -> None:
        """Raises Stale, Terminal where there is no room for another function's socket, or OSError:
        then it is not told of either, since whoever sees it in the facts asks no more. A socket
        that cannot be opened now is no such error: it is opened later."""
        standing = self._table.sets.get(order.key)
        if standing is None and order.spec.kind == "function":
            self._sockets.check_room(self._table.functions())
        self._lasting.ordered(order.key, order.fence)
        if standing is not None and standing.order is None and order.attempts_max:
            self._hands.drain_everything(standing, "its records were lost while it was on trial")
        known = None if standing is None else (standing.order, standing.environment)
        if known != (order, environment):
            self._orders.keep(order, environment)
        if standing is None:
            standing = Standing(change.ordered(None, order, None))
            self._table.sets[order.key] = standing
        else:
            standing.facts = change.ordered(standing.facts, order, standing.order)
        asks_else = standing.order is None or standing.order.probe != order.probe
        standing.order, standing.environment = order, environment
        if asks_else:
            for running in standing.running.values():
                running.ask_again()
        self._open_in_time(standing)
        self.wake(order.key)

    def remove(self, key: SetKey, fence: Fence) -> None:
        """Raises Stale, or OSError: then it is not told of either. Absent is success."""
        self._lasting.removed(key, fence)
        standing = self._table.sets.get(key)
        if standing is not None:
            facts = change.removed(standing.facts, fence)
            self._mark(standing, facts)
            standing.facts = facts
            self.wake(key)

    def demand(self, key: SetKey, waiting: int) -> None:
        self._note(key, lambda f: replace(f, waiting=max(0, waiting), last_used_s=self._now_s()))

    def activity(self, key: SetKey, in_flight: int, last_used_s: float) -> None:
        def used(facts: SetFacts) -> SetFacts:
            return change.used(facts, in_flight, last_used_s, self._now_s())

        self._note(key, used)
        self._queues.told(key)

    def drained(self, instance: InstanceId) -> None:
        standing = self._table.owner(instance)
        if standing is not None:
            self._note(standing.key, lambda f: change.drained(f, instance))

    def facts(self) -> tuple[SetFacts, ...]:
        return tuple(self._seen(s) for s in self._table.sets.values())

    def _seen(self, standing: Standing) -> SetFacts:
        """Of one whose order is lost its fence may be, too, and since then a newer one was seen of
        its process: that is what whoever removes it has to name."""
        facts = standing.facts
        if standing.order is not None:
            return facts
        return replace(facts, fence=max(facts.fence, self._lasting.highest(facts.key)))

    async def stop_all(self) -> None:
        """Every instance, and none is started until the next supervisor. Orders stay."""
        self._halted = True
        kill_at_s = self._loop.time() + GRACE_S
        for standing in self._table.sets.values():
            self._hands.stop_everything(standing)
            self.wake(standing.key)
        while any(s.running for s in self._table.sets.values()):
            self._something_ended.clear()
            try:
                async with asyncio.timeout_at(kill_at_s):
                    await self._something_ended.wait()
            except TimeoutError:
                kill_at_s = self._loop.time() + 1.0
                for standing in self._table.sets.values():
                    self._hands.kill_everything(standing)
        await self._zygotes.stop()
        await self._spares.stop()

    def check_unused(self, app: AppId) -> None:
        """Raises Transient while anything of the app is left."""
        if self._table.of_app(app):
            raise Transient("cannot forget the app: some of its instances are still stopping")
        self._zygotes.check_unused(app)
        self._spares.check_unused(app)

    def heed_the_clock(self) -> None:
        """It may have jumped while there was nothing to decide."""
        self._clock.heed()

    # --- facts change, time passes ------------------------------------------------------------

    def wake(self, key: SetKey) -> None:
        """Decide about this set soon; many wakes in one turn of the loop are one."""
        if key not in self._woken:
            self._woken.add(key)
            self._loop.call_soon(self._decide, key)

    def instance_ended(self, standing: Standing) -> None:
        """How it ended is written down before its record goes: no later look could tell it."""
        self._something_ended.set()
        self._keep_marks(standing)
        self.wake(standing.key)

    def open_sockets(self) -> None:
        """Of all that there are, as an earlier supervisor left them."""
        with self._sockets.found():
            for standing in list(self._table.sets.values()):
                self._open_in_time(standing)

    def _open_in_time(self, standing: Standing) -> None:
        """What keeps one set's socket from being opened keeps nothing else: it is tried again."""
        if standing.wants_socket:
            self._undone.do("socket", standing.key, lambda: self._open_socket(standing))

    def _open_socket(self, standing: Standing, *, anew: bool = False) -> None:
        """A function's queue. Instances that listen on one that was lost can get no requests.
        Raises OSError."""
        if not standing.wants_socket or self._table.sets.get(standing.key) is not standing:
            return
        try:
            if anew:
                self._sockets.drop(standing.key)
            standing.socket = self._sockets.open(standing.key)
        except OSError as error:
            self._hands.unmended(standing, standing.key.process, str(error))
            raise
        standing.facts = replace(standing.facts, socket=standing.socket.endpoint)
        self.wake(standing.key)
        if standing.socket.fresh:
            self._hands.drain_everything(standing, "its listening socket was lost")
            subject = standing.key.process
            self._hands.repaired(standing, subject, "has a new listening socket")
        else:
            for running in standing.running.values():
                self._hands.watch_memory(standing, running)

    def reopen_socket(self, standing: Standing) -> None:
        """In place of one that is out of reach."""
        if standing.socket is not None:
            standing.socket.close()
            standing.socket = None
            how = partial(self._open_socket, standing, anew=True)
            self._undone.do("socket", standing.key, how)
            self.wake(standing.key)

    def _note(self, key: SetKey, how: Callable[[SetFacts], SetFacts]) -> None:
        standing = self._table.sets.get(key)
        if standing is not None:
            standing.facts = how(standing.facts)
            self.wake(key)

    def _decide(self, key: SetKey) -> None:
        """What goes wrong with one set ends nobody else's, and is tried again."""
        self._woken.discard(key)
        self._clock.heed()
        standing = self._table.sets.get(key)
        if standing is None:
            return
        try:
            self._keep_in_order(standing)
        except Exception:
            log.exception("set.not_decided", extra={"set": key.short})
            self._loop.call_later(AFTER_TROUBLE_S, self.wake, key)

    def _shift(self, by_s: float) -> None:
        log.warning("clock.jumped", extra={"by_s": round(by_s, 3)})
        for standing in self._table.sets.values():
            standing.facts = change.shifted(standing.facts, by_s)

    def _keep_in_order(self, standing: Standing) -> None:
        standing.facts = change.steadied(standing.facts, self._now_s())
        standing.facts = change.in_hand(standing.facts, standing.in_hand)
        acts = self._acts(standing)
        for act in acts.acts:
            self._hands.carry_out(standing, act)
        if any(not isinstance(act, Kill) for act in acts.acts):
            self.wake(standing.key)
        self._look_again(standing, acts.look_again_s)
        self._watch_socket(standing)
        self._end_drift(standing)
        if standing.facts.retiring and not standing.running:
            self._forget(standing)
        else:
            self._publish(standing)

    def _end_drift(self, standing: Standing) -> None:
        if standing.order is not None and not standing.facts.retiring:
            for dyno, how in tuple(drift.over(standing.facts)):
                self._hands.repaired(standing, dyno, how)

    def _acts(self, standing: Standing) -> Acts:
        if self._halted or (standing.order is None and not standing.facts.retiring):
            return Acts()
        acts = decide(standing.effective_order, standing.facts, self._now_s())
        if standing.wants_socket or self._loop.time() < standing.not_before_s:
            return replace(acts, acts=tuple(a for a in acts.acts if not isinstance(a, Start)))
        return acts

    def _give_time(self, standing: Standing) -> None:
        """What the machine lacks now it may have a little later."""
        standing.not_before_s = self._loop.time() + HINDERED_S
        self._loop.call_later(HINDERED_S, self.wake, standing.key)

    def _look_again(self, standing: Standing, after_s: float | None) -> None:
        if standing.timer is not None:
            standing.timer.cancel()
            standing.timer = None
        steady_s = change.steady_in_s(standing.facts, self._now_s())
        times = [s for s in (after_s, steady_s) if s is not None]
        if times:
            standing.timer = self._loop.call_later(min(times), self.wake, standing.key)

    def _watch_socket(self, standing: Standing) -> None:
        if standing.socket is not None:
            how = "off" if self._halted else watch_wanted(standing.facts)
            standing.socket.watch(how, lambda: self.demand(standing.key, 1))

    def _publish(self, standing: Standing) -> None:
        """How busy a set is changes all the time and wakes nobody; who looks, sees it. What cannot
        be written down now is told all the same: it happened."""
        self._keep_marks(standing)
        news, told = standing.facts.at_rest, standing.told
        if told == news:
            return
        if standing.socket is not None and told is not None and _but_instances(told, news):
            self._loop.call_later(NEWS_S, self._tell, standing)
        else:
            self._tell(standing)

    def _tell(self, standing: Standing) -> None:
        news = standing.facts.at_rest
        if standing.told != news and standing.key in self._table.sets:
            standing.told = news
            self._hub.tell_set(standing.key, standing.facts)

    def _mark(self, standing: Standing, facts: SetFacts) -> None:
        if standing.order is not None:
            self._orders.mark(facts)

    def _keep_marks(self, standing: Standing) -> None:
        self._undone.do("mark", standing.key, lambda: self._mark_now(standing))

    def _mark_now(self, standing: Standing) -> None:
        """Unless it is gone by now."""
        if self._table.sets.get(standing.key) is standing:
            self._mark(standing, standing.facts)

    def _forget(self, standing: Standing) -> None:
        """It is told before its files are gone: they may have to wait."""
        key = standing.key
        if standing.timer is not None:
            standing.timer.cancel()
        if standing.socket is not None:
            standing.socket.close()
        del self._table.sets[key]
        self._hands.left(standing, self._table.of_app(key.app))
        self._hub.tell_set(key, None)
        self._undone.do("end", key, lambda: self._clear(standing))
        self._forget_kind(standing)

    def _clear(self, standing: Standing) -> None:
        """What is left of a set, unless it was ordered again meanwhile."""
        key, order = standing.key, standing.order
        if key in self._table.sets:
            return
        if order is not None and order.spec.kind == "function":
            self._sockets.drop(key)
        self._orders.drop(key)
        self._lasting.gone(key)

    def _forget_kind(self, standing: Standing) -> None:
        """What its like are forked from, or wait to become, goes with the last of them."""
        app = standing.key.app
        left = {Kind.of(app, s.order.spec) for s in self._table.of_app(app) if s.order is not None}
        if standing.order is not None and Kind.of(app, standing.order.spec) in left:
            return
        orders = [s.order for s in self._table.sets.values() if s.order is not None]
        self._zygotes.keep(Kin.of(o.key.app, o.spec) for o in orders)
        self._spares.keep(Kind.of(o.key.app, o.spec) for o in orders)


def _but_instances(told: SetFacts, news: SetFacts) -> bool:
    """Do they differ in nothing else, of a set that has proven itself?"""
    return news.ever_ready and replace(told, instances=news.instances) == news
