"""What is kept and what may go. The property at the end is the one that counts."""

import msgspec
from hypothesis import given, settings
from hypothesis import strategies as st

from setpoint.model.app import AppIntent, Source, Unit
from setpoint.model.ids import AppId, BuildId, Digest
from setpoint.model.release import Build, ProcessType, Release, ReleaseStatus, Slug
from setpoint.model.retention import DAY_S, Retention, Stock, Thing
from setpoint.planning.retention import Held, excess_bytes, let_go, removable
from setpoint.testing import builders

NOW_S = 1_790_000_000.0
OLD_S = NOW_S - 90 * DAY_S
TEN = Retention()
APP, OTHER = AppId("app-1"), AppId("app-2")


def digest(n: int) -> Digest:
    return Digest(f"{n:064x}")


def slug(code: int, deps: int | None = None) -> Slug:
    layer = digest(deps) if deps is not None else None
    return Slug(digest(code), (ProcessType("web", "web", "serve", layer=layer),), "stack", "/py")


def release(
    version: int, status: ReleaseStatus = "succeeded", app: AppId = APP, of: Slug | None = None
) -> Release:
    """Version n is made of source 100 + n, has code n and packages 50."""
    return Release(
        app=app,
        version=version,
        build=BuildId(f"b{version}"),
        source=digest(100 + version),
        slug=of or slug(version, 50),
        config={},
        description="Deploy",
        change=version,
        status=status,
    )


def unit(app: AppId = APP, source: int | None = None, **fields: object) -> Unit:
    document = AppIntent(app, "shop", Source(digest(source)) if source is not None else None)
    return builders.unit(msgspec.structs.replace(document, **fields))


def held(*releases: Release, of: Unit | None = None, **fields: object) -> Held:
    ordered = tuple(sorted(releases, key=lambda r: -r.version))
    plain = Held(APP, of or unit(), ordered)
    return msgspec.structs.replace(plain, **fields)


def versions(held: Held, retention: Retention = TEN) -> list[int]:
    return [g.version for g in let_go(held, retention)]


def code(n: int, at_s: float = OLD_S) -> Thing:
    return Thing("code", digest(n), 1000, at_s)


def names(helds: list[Held], *things: Thing) -> list[str]:
    decided = removable(helds, Stock(things), NOW_S, TEN)
    return [r.name for r in decided.removals]


# --- releases ------------------------------------------------------------------------------------


def test_the_newest_ten_that_served_can_be_gone_back_to():
    assert versions(held(*(release(n) for n in range(1, 13)))) == [1, 2]


def test_ten_bad_deploys_in_a_row_take_away_nothing_that_served():
    good = [release(n) for n in range(1, 4)]
    bad = [release(n, "failed") for n in range(4, 20)]
    assert versions(held(*good, *bad)) == [4, 5, 6, 7, 8, 9]


def test_what_is_gone_back_to_stays_and_so_does_what_runs():
    rows = [release(n) for n in range(1, 16)]
    back = held(*rows, of=unit(rollback_to=2))
    assert versions(back) == [1, 3, 4, 5]
    assert versions(msgspec.structs.replace(back, used=frozenset({1, 4}))) == [3, 5]


def test_a_release_on_its_way_stays_however_many_came_after_it():
    rows = [release(1, "pending"), *(release(n) for n in range(2, 14))]
    assert versions(held(*rows)) == [2, 3]


def test_a_forgotten_app_lets_go_of_everything_that_does_not_run_any_more():
    gone = Held(APP, None, (release(2), release(1)), used=frozenset({2}))
    assert versions(gone) == [1]
    assert let_go(gone, TEN)[0].because == "its app was destroyed"


def test_why_a_release_was_let_go_says_how_many_are_kept():
    told = let_go(held(*(release(n) for n in range(1, 4))), Retention(releases=2))
    assert [t.because for t in told] == ["its app keeps the newest 2, and nothing runs on it"]


# --- layers --------------------------------------------------------------------------------------


def test_a_layer_that_no_kept_release_runs_on_goes():
    assert names([held(release(2))], code(1), code(2)) == [digest(1)]


def test_a_layer_is_counted_over_all_apps():
    other = Held(OTHER, unit(OTHER), (release(1, app=OTHER),))
    assert names([held(release(2)), other], code(1), code(2)) == []


def test_layers_of_packages_are_kept_with_the_code():
    deps = Thing("deps", digest(50), 1, OLD_S)
    assert names([held(release(1))], deps, Thing("deps", digest(51), 1, OLD_S)) == [digest(51)]


def test_nothing_young_goes():
    assert names([held(release(2))], code(1, NOW_S - 3599.0)) == []
    assert names([held(release(2))], code(1, NOW_S - 3601.0)) == [digest(1)]


def test_what_a_set_runs_on_stays_though_its_release_was_let_go():
    lingering = held(release(2), used=frozenset({1}), used_releases=(release(1),))
    assert names([lingering], code(1)) == []


def test_a_build_of_the_intended_source_keeps_its_layers_before_a_release_is_cut():
    result = Thing("build", "b7", 1, OLD_S, APP, digest(107), (digest(7),))
    waiting = held(release(1), of=unit(source=107))
    assert names([waiting], code(7), result) == []
    moved_on = held(release(1), of=unit(source=108))
    assert names([moved_on], code(7), result) == [digest(7), "b7"]


def test_a_build_that_only_memory_knows_keeps_its_layers_too():
    build = Build(BuildId("b7"), APP, digest(107), "succeeded", slug=slug(7))
    assert names([held(of=unit(source=107), builds=(build,))], code(7)) == []


def test_while_something_runs_that_memory_does_not_know_nothing_goes_and_that_is_said():
    stranger = Held(OTHER, None, strange=True)
    decided = removable([held(release(2)), stranger], Stock((code(1),)), NOW_S, TEN)
    assert decided.removals == ()
    assert decided.withheld == "something of 1 app runs that memory does not know"


# --- sources, builds, caches ---------------------------------------------------------------------


def test_a_source_stays_as_long_as_a_release_or_an_intent_is_made_of_it():
    things = [Thing("source", digest(n), 1, OLD_S) for n in (101, 102, 103)]
    assert names([held(release(1), of=unit(source=102))], *things) == [digest(103)]


def test_a_buildpack_that_was_uploaded_is_kept_like_a_source():
    packed = held(release(1), of=unit(buildpacks=(f"mine@sha256:{digest(103)}", "https://x/y.tgz")))
    things = [Thing("source", digest(n), 1, OLD_S) for n in (103, 104)]
    assert names([packed], *things) == [digest(104)]


def test_output_of_a_build_stays_with_its_release_or_thirty_days():
    def result(id: str, days: float) -> Thing:
        return Thing("build", id, 1, NOW_S - days * DAY_S, APP, digest(1))

    things = result("b1", 400), result("b2", 29), result("b3", 31)
    assert names([held(release(1))], *things) == ["b3"]


def test_caches_beyond_their_bound_are_told_by_how_much():
    stock = Stock((), cache_bytes={"uv": 7, "npm": 3})
    assert excess_bytes(stock, Retention(cache_bytes_max=5)) == 2


# --- the property --------------------------------------------------------------------------------

STATUSES: tuple[ReleaseStatus, ...] = ("pending", "succeeded", "failed", "superseded")
CODES = st.integers(0, 9)


@st.composite
def histories(draw: st.DrawFn) -> tuple[list[Held], tuple[Thing, ...]]:
    """Apps that share layers, some destroyed, some mid-deploy, some with leftovers running."""
    helds: list[Held] = []
    things: list[Thing] = [
        Thing(kind, digest(n), 1, draw(st.sampled_from((OLD_S, NOW_S))))
        for kind in ("code", "deps")
        for n in range(10)
    ]
    for number in range(draw(st.integers(1, 4))):
        app = AppId(f"app-{number}")
        rows = [
            release(v, draw(st.sampled_from(STATUSES)), app, slug(draw(CODES), draw(CODES)))
            for v in range(draw(st.integers(0, 6)), 0, -1)
        ]
        numbers = [r.version for r in rows]
        used = frozenset(draw(st.lists(st.sampled_from(numbers)))) if numbers else frozenset[int]()
        back_to = draw(st.sampled_from([None, *numbers]))
        source = draw(st.integers(100, 106))
        live = draw(st.booleans())
        owner = unit(app, source, rollback_to=back_to) if live else None
        helds.append(Held(app, owner, tuple(rows), used))
        if draw(st.booleans()):
            layers = (digest(draw(CODES)), digest(draw(CODES)))
            made_of = digest(draw(st.sampled_from((source, 99))))
            things.append(Thing("build", f"new-{number}", 1, OLD_S, app, made_of, layers))
    things += [Thing("source", digest(n), 1, OLD_S) for n in range(99, 108)]
    return helds, tuple(things)


@settings(max_examples=400)
@given(histories(), st.integers(1, 3))
def test_nothing_that_is_needed_is_ever_removed(world, count):
    helds, things = world
    retention = Retention(releases=count)
    gone = {(g.app, g.version) for h in helds for g in let_go(h, retention)}
    after = [
        msgspec.structs.replace(
            h, releases=tuple(r for r in h.releases if (h.app, r.version) not in gone)
        )
        for h in helds
    ]
    removed = {(r.kind, r.name) for r in removable(after, Stock(things), NOW_S, retention).removals}
    for h in helds:
        served = [r for r in h.releases if r.status == "succeeded"]
        needed = [r for r in h.releases if r.version in h.used]
        if h.unit is not None:
            needed += [*served[:count], *h.releases[:1]]
            needed += [r for r in h.releases if r.status == "pending"]
            needed += [r for r in h.releases if r.version == h.unit.intent.rollback_to]
            assert ("source", h.source) not in removed
        for r in needed:
            assert (h.app, r.version) not in gone
            assert ("code", r.slug.code) not in removed
            assert not {("deps", layer) for layer in r.slug.layers} & removed
            assert ("source", r.source) not in removed
        for thing in things:
            if thing.kind == "build" and (thing.app, thing.source) == (h.app, h.source):
                assert not {(k, n) for k in ("code", "deps") for n in thing.layers} & removed
    young = {(t.kind, t.name) for t in things if t.at_s == NOW_S}
    assert not young & removed
