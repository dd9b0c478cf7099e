"""What a web process is asked, as somebody wants it."""

import pytest

from setpoint.intents import apps, probes
from setpoint.intents.probes import ProbeUpdate
from setpoint.model.app import DEFAULT_PROBE, Probe
from setpoint.model.change import Actor
from setpoint.model.errors import Forbidden, Invalid
from setpoint.model.paths import flatten, unflatten
from tests.support.doors import in_office
from tests.support.memory import asked

READER = asked(actor=Actor("eve", "eve@example.com", "read"))


async def newest(office) -> str:
    return (await office.store.changes(None))[0].change.summary


def test_what_is_left_out_stays_and_what_is_so_already_is_no_change():
    async def story(office):
        before = await apps.create(office.door, asked(), "shop")
        same = await probes.set_probe(office.door, asked(), "shop", "web", ProbeUpdate(path="/"))
        assert same.rev == before.rev
        update = ProbeUpdate(path="/health", status_below=400)
        unit = await probes.set_probe(office.door, asked(), "shop", "web", update)
        assert unit.intent.probes == {"web": Probe("/health", status_below=400, once=True)}
        assert await newest(office) == "Probe web: GET /health below 400 within 5 s"
        unit = await probes.set_probe(
            office.door, asked(), "shop", "web", ProbeUpdate(timeout_s=2, once=False)
        )
        assert await newest(office) == "Probe web: GET /health below 400 within 2 s, at every start"
        assert unflatten(unit.id, flatten(unit.intent)) == unit.intent

    in_office(story)


def test_a_page_named_for_it_is_judged_as_a_health_page_unless_said_otherwise():
    async def story(office):
        await apps.create(office.door, asked(), "shop")
        unit = await probes.set_probe(
            office.door, asked(), "shop", "web", ProbeUpdate(path="/health")
        )
        assert unit.intent.probes["web"].status_below == 400
        unit = await probes.set_probe(
            office.door,
            asked(),
            "shop",
            "web",
            ProbeUpdate(default=True, path="/up", status_below=600),
        )
        assert unit.intent.probes["web"].status_below == 600

    in_office(story)


def test_the_default_leaves_nothing_in_the_document():
    async def story(office):
        await apps.create(office.door, asked(), "shop")
        unit = await probes.set_probe(office.door, asked(), "shop", "web", ProbeUpdate(path=""))
        assert unit.intent.probe_of("web", "web") == Probe("", status_below=500, once=True)
        assert await newest(office) == "Probe web: listening is enough"
        assert unflatten(unit.id, flatten(unit.intent)) == unit.intent
        unit = await probes.set_probe(
            office.door, asked(), "shop", "web", ProbeUpdate(default=True)
        )
        assert unit.intent.probes == {}
        assert unit.intent.probe_of("web", "web") == DEFAULT_PROBE

    in_office(story)


def test_what_cannot_be_asked_is_refused_and_nothing_is_written():
    async def story(office):
        unit = await apps.create(office.door, asked(), "shop")
        with pytest.raises(Invalid, match="is not a path"):
            await probes.set_probe(office.door, asked(), "shop", "web", ProbeUpdate(path="x"))
        with pytest.raises(Forbidden):
            await probes.set_probe(office.door, READER, "shop", "web", ProbeUpdate(path="/x"))
        assert (await office.store.unit(unit.id)).rev == unit.rev

    in_office(story)
