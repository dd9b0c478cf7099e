"""A file that is applied: one Change or none, its whys beside its values, and plans that hold."""

import msgspec
import pytest

from setpoint.formats.setpoint_toml import parse
from setpoint.intents import config, declared, formation
from setpoint.intents.formation import FormationUpdate
from setpoint.model.app import Formation, Probe
from setpoint.model.change import Actor
from setpoint.model.errors import Conflict, Forbidden, Invalid, NotFound, OverLimit, Refused
from setpoint.views import decisions
from setpoint.views import declared as views
from tests.support.doors import in_office
from tests.support.memory import DEV, NOON_S, asked
from tests.unit.views.test_fields import shop_with_a_release, told

FILE = """
[apps.shop.processes.web]
min = 1
max = 3
why = "the fair is on Saturday"

[apps.shop.config]
GREETING = { env = "GREETING", why = "a warmer word for visitors" }

[apps.other]
why = "the fair has a second shop"

[[decisions]]
title = "three, for the fair"
bet = "above 200 rps"
on = ["shop:web.max", "other"]
"""
ENV = {"GREETING": "hello-world"}


def file(text=FILE, env=ENV, **fields):
    return msgspec.structs.replace(parse(text, env), **fields)


async def apply(office, text=FILE, env=ENV, why="", token="", **fields):
    return await declared.apply(office.door, asked(why), file(text, env, **fields), token)


async def value_of(office, name, key):
    unit = await office.store.unit_named(name)
    return (await office.store.reveal(unit.intent.config))[key]


def test_all_of_a_file_is_one_change_with_the_whys_beside_their_values():
    async def story(office):
        await shop_with_a_release(office)
        done = await apply(office)
        made = await office.store.change(done.change)
        assert len(made) == 2, "two apps, one Change"
        assert {made[0].change.asked.via, made[0].change.verb} == {"file", "apply"}
        shop, other = [await office.store.unit_named(n) for n in ("shop", "other")]
        assert shop.intent.formation["web"] == Formation(1, 3)
        assert await value_of(office, "shop", "GREETING") == "hello-world"
        assert other.intent.invoke_key is not None
        answer = await told(office, "web.max")
        said = answer.history[0].reason
        assert (said.kind, said.text, said.source) == ("said", "the fair is on Saturday", "file")
        assert (await told(office, "GREETING")).history[0].reason.text.startswith("a warmer word")
        assert [g.decision.title for g in answer.governing] == ["three, for the fair"]
        assert {shop.id, other.id} <= set(office.woken)

    in_office(story)


def test_the_same_file_again_is_nothing():
    async def story(office):
        await shop_with_a_release(office)
        await apply(office)
        changes = await office.store.changes(None)
        again = await apply(office)
        assert (again.change, again.decisions) == (0, ())
        assert await office.store.changes(None) == changes

    in_office(story)


def test_another_why_of_the_same_value_is_told_from_now_on():
    async def story(office):
        await shop_with_a_release(office)
        await apply(office)
        before = await office.store.unit_named("shop")
        text = FILE.replace("the fair is on Saturday", "the fair was moved to Sunday")
        done = await apply(office, text)
        paths = [t.path for t in (await office.store.change(done.change))[0].touches]
        assert paths == ["formation.web.max", "formation.web.min"]
        assert (await told(office, "web.max")).history[0].reason.text.endswith("moved to Sunday")
        assert (await office.store.unit_named("shop")).intent == before.intent
        assert (await apply(office, text)).change == 0

    in_office(story)


@pytest.mark.parametrize(
    ("why", "source", "expected"),
    [
        ("what I say goes", "flag", "what I say goes"),
        ("a commit of all sorts", "commit", "the fair is on Saturday"),
    ],
)
def test_what_is_typed_goes_before_the_file_and_the_file_before_its_commit(why, source, expected):
    async def story(office):
        await shop_with_a_release(office)
        said = msgspec.structs.replace(asked(why), why_source=source)
        await declared.apply(office.door, said, file())
        assert (await told(office, "web.max")).history[0].reason.text == expected

    in_office(story)


def test_what_a_file_does_not_name_stays_and_is_told_unless_it_is_to_go():
    async def story(office):
        await shop_with_a_release(office)
        await config.patch(office.door, asked(), "shop", {"OLD": "old-value"})
        await formation.scale(office.door, asked(), "shop", [FormationUpdate("web", 2, 2)])
        text = "[apps.shop.config]\nGREETING = { env = 'GREETING' }"
        done = await apply(office, text)
        assert "config.OLD" in done.plan.apps[0].alone
        assert await value_of(office, "shop", "OLD") == "old-value"
        await apply(office, text, prune=True)
        unit = await office.store.unit_named("shop")
        assert set(unit.intent.config) == {"GREETING"}
        assert unit.intent.formation == {}

    in_office(story)


def test_a_plan_writes_nothing_and_holds_until_anything_it_was_made_from_differs():
    async def story(office):
        await shop_with_a_release(office)
        before = await office.store.changes(None)
        plan = await declared.planned(office.door, asked(), file())
        again = await declared.planned(office.door, asked(), file())
        assert plan.token == again.token
        assert await office.store.changes(None) == before
        assert await office.store.decisions() == ()
        with pytest.raises(Conflict, match="the file, or its environment, differs"):
            await apply(office, FILE.replace("max = 3", "max = 4"), token=plan.token)
        await formation.scale(office.door, asked(), "shop", [FormationUpdate("web", 2, 2)])
        with pytest.raises(Conflict, match="since then: c3 Scale web to 2"):
            await apply(office, token=plan.token)
        assert (await office.store.changes(None, 1))[0].change.seq == 3, "nothing was written"
        fresh = await declared.planned(office.door, asked(), file())
        assert (await apply(office, token=fresh.token)).change

    in_office(story)


def test_a_plan_knows_the_value_that_it_would_set_and_does_not_tell_it():
    async def story(office):
        await shop_with_a_release(office)
        plan = await declared.planned(office.door, asked(), file())
        for env in ({"GREETING": "another-word"}, {"GREETING": "hello-world "}):
            other = await declared.planned(office.door, asked(), file(env=env))
            assert other.token != plan.token
            with pytest.raises(Conflict, match="the file, or its environment, differs"):
                await apply(office, env=env, token=plan.token)
        assert (await apply(office, token=plan.token)).change

    in_office(story)


def test_another_apps_change_does_not_spoil_a_plan():
    async def story(office):
        await shop_with_a_release(office)
        text = "[apps.shop.processes.web]\nmax = 3"
        plan = await declared.planned(office.door, asked(), file(text))
        await apply(office, "[apps.third]")
        assert (await apply(office, text, token=plan.token)).change

    in_office(story)


@pytest.mark.parametrize(
    ("text", "kind", "fact"),
    [
        ("[apps.UPPER]", Invalid, "UPPER"),
        ("apps.shop.processes.web.max = 101", Invalid, "web=101 is not a whole number"),
        ("apps.shop.processes.web = {min = 3, max = 1}", Invalid, "web=3..1 ends before it begins"),
        ("apps.shop.processes.web.size = 'huge'", Invalid, "'huge' is no dyno size"),
        ("apps.shop.processes.wob.max = 1", NotFound, "it has no process 'wob'"),
        ("apps.shop.functions.web.max = 1", Invalid, "'web' is a web"),
        ("apps.shop.processes.web.concurrency = 0", Invalid, "concurrency"),
        ("apps.shop.processes.web.probe.path = 'health'", Invalid, "is not a path"),
        ("apps.shop.processes.nosuch.probe.path = '/'", NotFound, "it has no process 'nosuch'"),
        ("apps.shop.domains = ['*.example.com']", Invalid, "a wildcard is none here"),
        ("apps.shop.domains = ['a.example', 'A.example']", Conflict, "it has that one already"),
        (
            "apps.another.domains = ['w.example']\napps.shop.domains = 'w.example'",
            Conflict,
            "has it",
        ),
        ("apps.shop.egress = ['none', 'internet']", Invalid, "'none' stands alone"),
        ("apps.shop.egress = ['127.0.0.1']", Invalid, "is not opened to anybody"),
        ("apps.shop.config.NEW = {kept = true}", NotFound, "NEW is to be kept, and is not set"),
        ("apps.shop.config.'A B' = {env = 'GREETING'}", Invalid, "not a valid config key"),
        ("apps.shop.config.A = {env = 'NUL'}", Invalid, "holds a NUL character"),
        ("apps.shop.processes.web = {max = 2, why = 'hello-world'}", Invalid, "contains the value"),
        ("[[decisions]]\ntitle = 'x'\non = 'nosuch'", NotFound, "no such app"),
        ("[[decisions]]\ntitle = 'x'\nbet = 'y'\nrevisit = 'soon'", Invalid, "is no day"),
        ("[[decisions]]\ntitle = 'hello-world'\non = 'shop'", Invalid, "contains the value"),
    ],
)
def test_one_wrong_value_and_nothing_of_the_file_is_done(text, kind, fact):
    good = "apps.shop.maintenance = true\napps.another.why = 'a second one'\n"

    async def story(office):
        await shop_with_a_release(office)
        await config.patch(office.door, asked(), "shop", {"SET": "hello-world"})
        before = await office.store.changes(None)
        with pytest.raises(kind) as refused:
            await apply(office, good + text, {**ENV, "NUL": "a\0b"})
        assert fact in str(refused.value)
        assert "hello-world" not in str(refused.value)
        assert await office.store.changes(None) == before
        assert await office.store.unit_named("another") is None
        assert await office.store.decisions() == ()

    in_office(story)


def test_a_why_in_a_file_is_bounded():
    async def story(office):
        await shop_with_a_release(office)
        with pytest.raises(OverLimit, match="at most 4096"):
            await apply(office, f"apps.shop.processes.web = {{max = 2, why = '{'x' * 4097}'}}")

    in_office(story)


def test_who_may_only_look_applies_nothing():
    reader = Actor("eve", "eve@example.com", "read")

    async def story(office):
        with pytest.raises(Forbidden):
            await declared.apply(office.door, asked(actor=reader), file("[apps.shop]"))

    in_office(story)


def test_two_who_apply_at_once_cannot_both_have_read_the_same(monkeypatch):
    async def story(office):
        await shop_with_a_release(office)
        text = "[apps.shop.processes.web]\nmax = 3"
        plan = await declared.planned(office.door, asked(), file(text))

        async def stale(*_):
            return plan

        await formation.scale(office.door, asked(), "shop", [FormationUpdate("web", 2, 2)])
        monkeypatch.setattr(declared, "planned", stale)
        with pytest.raises(Refused, match="it has changed since it was read"):
            await apply(office, text, token=plan.token)

    in_office(story)


def test_what_is_exported_changes_nothing_where_it_is_applied_again():
    async def story(office):
        await shop_with_a_release(office)
        await apply(office)
        said = await views.declared(office.store, DEV, "shop", NOON_S)
        (shop,) = said.apps
        assert shop.processes["web"].why == "the fair is on Saturday"
        assert (shop.config["GREETING"].env, shop.config["GREETING"].value) == ("", None)
        assert [d.text for d in said.decisions] == ["three, for the fair"]
        done = await declared.apply(office.door, asked(), said)
        assert (done.change, done.decisions) == (0, ())

    in_office(story)


WAYS = """
[apps.shop]
domains = { hosts = ["www.example.com", "Shop.Example"], why = "the posters say so" }
egress = ["internet", "10.0.3.7"]
why = "the shop is for the fair"

[apps.shop.processes.web]
concurrency = 20
probe = { path = "/health", why = "the front page is slow" }
"""


BUILT = """
[apps.shop]
maintenance = { on = true, why = "the till is being replaced" }
release_phase = { run_s_max = 1200, why = "its migrations are slow" }
buildpacks = { use = ["https://example.com/ruby.tar.gz"], why = "the till is in Ruby" }
"""


def test_a_file_says_how_an_app_is_built_how_long_its_phase_may_take_and_why_it_is_closed():
    async def story(office):
        await shop_with_a_release(office)
        done = await apply(office, BUILT)
        (made,) = await office.store.change(done.change)
        assert made.change.summary == (
            "Maintenance on, Set buildpacks to ruby, Let the release phase take 1200 s"
        )
        assert {t.path: t.why for t in made.touches} == {
            "buildpacks": "the till is in Ruby",
            "maintenance": "the till is being replaced",
            "release_s_max": "its migrations are slow",
        }
        said = await views.declared(office.store, DEV, "shop", NOON_S)
        assert msgspec.structs.replace(said.apps[0], processes={}) == parse(BUILT, {}).apps[0]
        assert (await declared.apply(office.door, asked(), said)).change == 0
        told = await apply(office, BUILT.replace("the till is in Ruby", "and the stock, too"))
        assert [t.path for t in (await office.store.change(told.change))[0].touches] == [
            "buildpacks"
        ]
        await apply(office, "apps.shop.buildpacks = []\napps.shop.maintenance = false")
        intent = (await office.store.unit_named("shop")).intent
        assert (intent.buildpacks, intent.maintenance, intent.release_s_max) == ((), False, 1200.0)

    in_office(story)


def test_a_buildpack_that_nobody_uploaded_is_refused_and_nothing_is_done():
    async def story(office):
        await shop_with_a_release(office)
        own = f"ours@sha256:{'a' * 64}"
        with pytest.raises(NotFound, match="ours was not uploaded"):
            await apply(office, f"apps.shop.buildpacks = ['{own}']\napps.shop.maintenance = true")
        assert not (await office.store.unit_named("shop")).intent.maintenance

    in_office(story)


def test_a_file_says_how_an_app_is_reached_what_it_may_reach_and_when_it_is_ready():
    async def story(office):
        await shop_with_a_release(office)
        done = await apply(office, WAYS)
        (made,) = await office.store.change(done.change)
        assert made.change.summary == (
            "Scale web to 1, Add shop.example, www.example.com domain, "
            "Egress: internet 10.0.3.7/32, Probe web: GET /health below 400 within 5 s"
        )
        intent = (await office.store.unit_named("shop")).intent
        assert intent.domains == ("shop.example", "www.example.com")
        assert intent.egress == ("internet", "10.0.3.7/32")
        assert intent.probes == {"web": Probe("/health", status_below=400, once=True)}
        assert intent.formation["web"].concurrency == 20
        reasons = {
            path: (await told(office, path)).history[0].reason.text
            for path in ("domains", "egress", "probes.web.path")
        }
        assert reasons == {
            "domains": "the posters say so",
            "egress": "the shop is for the fair",
            "probes.web.path": "the front page is slow",
        }
        assert (await apply(office, WAYS)).change == 0
        said = await views.declared(office.store, DEV, "shop", NOON_S)
        assert (await declared.apply(office.door, asked(), said)).change == 0
        gone = await apply(office, "apps.shop = {domains = [], egress = []}")
        intent = (await office.store.unit_named("shop")).intent
        assert (intent.domains, intent.egress) == ((), ())
        assert gone.plan.apps[0].alone == (
            *(f"formation.web.{f}" for f in Formation.__struct_fields__),
            *(f"probes.web.{f}" for f in ("path", "timeout_s", "status_below", "once")),
        )

    in_office(story)


def test_a_probe_alone_scales_nothing():
    async def story(office):
        await shop_with_a_release(office)
        done = await apply(office, "apps.shop.processes.web.probe = {path = '/', once = false}")
        paths = [t.path for t in done.plan.apps[0].touches]
        assert paths
        assert all(path.startswith("probes.web.") for path in paths)

    in_office(story)


def test_a_domain_goes_from_one_app_to_another_in_one_file():
    async def story(office):
        await shop_with_a_release(office)
        text = "apps.shop.domains = {}\napps.first.domains = {}"
        await apply(office, text.format("['w.example']", "[]"))
        with pytest.raises(Conflict, match=r"'w\.example' to 'first': another app has it"):
            await declared.planned(office.door, asked(), file("apps.first.domains = 'w.example'"))
        reverse = "apps.first.domains = ['w.example']\napps.shop.domains = []"
        assert (await apply(office, reverse)).change
        assert (await office.store.unit_named("first")).intent.domains == ("w.example",)

    in_office(story)


def test_a_name_that_begins_like_another_is_not_taken_for_it():
    async def story(office):
        await shop_with_a_release(office)
        await config.patch(office.door, asked(), "shop", {"KEY": "a-value", "KEY_TOO": "b-value"})
        plan = await declared.planned(
            office.door, asked(), file("apps.shop.config.KEY.kept = true")
        )
        assert plan.apps[0].alone == ("config.KEY_TOO",)

    in_office(story)


def test_a_decision_in_a_file_is_known_again_by_its_title():
    async def story(office):
        await shop_with_a_release(office)
        assert (await apply(office)).decisions == (1,)
        assert (await apply(office)).decisions == ()
        assert len(await decisions.decisions(office.store, DEV, 0.0)) == 1

    in_office(story)
