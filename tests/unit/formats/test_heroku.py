"""Heroku's dialect: quantities, ranges, states, and the whole set of fields."""

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from setpoint.formats.heroku import ranges, read, write
from setpoint.model.app import AppIntent, Formation, Unit
from setpoint.model.errors import Invalid
from setpoint.model.ids import AppId, BuildId, Digest, Fence, InstanceId, SetKey
from setpoint.model.process import Bounds, Exit, Instance, Phase, SetFacts
from setpoint.model.release import ProcessType, Release, Slug

SHOP = AppId("5f0c0000-0000-4000-8000-000000000001")
URLS = write.Urls("http://here")
UNIT = Unit(AppIntent(SHOP, "shop"), 1, 2, 3, "dev@example.com", 10.0, 20.0, 5)
WEB = ProcessType("web", "web", "serve")
SLUG = Slug(Digest("c3" * 32), (WEB,), "stack", "/usr/bin/python3")
APP_FIELDS = {
    "acm",
    "archived_at",
    "buildpack_provided_description",
    "build_stack",
    "created_at",
    "generation",
    "git_url",
    "id",
    "internal_routing",
    "maintenance",
    "name",
    "organization",
    "owner",
    "region",
    "released_at",
    "repo_size",
    "slug_size",
    "space",
    "stack",
    "team",
    "updated_at",
    "web_url",
}


def release(version: int, status: str) -> Release:
    return msgspec.convert(
        {
            "app": SHOP,
            "version": version,
            "build": BuildId("b"),
            "source": "a1" * 32,
            "slug": msgspec.to_builtins(SLUG),
            "config": {},
            "description": f"Deploy {version}",
            "change": version,
            "status": status,
        },
        Release,
    )


@pytest.mark.parametrize(
    ("quantity", "bounds"),
    [
        (2, (2, 2)),
        ("2", (2, 2)),
        ("+1", (4, 4)),
        ("-1", (2, 2)),
        ("0..2", (0, 2)),
        (None, (None, None)),
        (-1, (-1, -1)),
        ("many", ("many", "many")),
    ],
)
def test_quantities_are_read_as_clients_send_them(
    quantity: int | str | None, bounds: object
) -> None:
    assert read.bounds(read.FormationChange(quantity), Formation(3, 3)) == bounds


def test_quantity_and_bounds_together_are_refused() -> None:
    with pytest.raises(Invalid, match="both given"):
        read.bounds(read.FormationChange("1", min=0), None)


@pytest.mark.parametrize(
    ("sent", "size"),
    [
        ({"size": "Standard-2X"}, "standard-2x"),
        ({"dyno_size": {"name": "Basic"}}, "basic"),
        ({}, None),
    ],
)
def test_sizes_arrive_in_two_forms_and_any_case(sent: dict[str, object], size: str | None) -> None:
    assert msgspec.convert(sent, read.FormationChange).size_name == size


@pytest.mark.parametrize(
    ("header", "wanted"),
    [
        ("", ranges.Range()),
        ("version ..; order=desc,max=1", ranges.Range("", True, 1)),
        ("version ..; max=15, order=desc", ranges.Range("", True, 15)),
        ("id ..; max=1000;", ranges.Range("", False, 1000)),
        ("id ..; ;", ranges.Range()),
        ("id ]abc-1..; max=2", ranges.Range("abc-1", False, 2)),
        ("id ..; max=0", ranges.Range("", False, 1)),
        ("nonsense \x00 max=x", ranges.Range()),
    ],
)
def test_ranges_are_read_leniently(header: str, wanted: ranges.Range) -> None:
    assert ranges.parse(header) == wanted


@given(st.lists(st.uuids().map(str), unique=True, max_size=30), st.integers(1, 7), st.booleans())
def test_following_next_range_gives_every_item_once(
    ids: list[str], most: int, descending: bool
) -> None:
    header = f"id ..; max={most}{',order=desc' if descending else ''}"
    seen: list[str] = []
    while header:
        page = ranges.page(ranges.parse(header), ids)
        assert page.stop - page.start <= most
        seen += ids[page.start : page.stop]
        header = page.next
    assert seen == ids


@given(st.text())
def test_no_range_header_breaks_a_list(header: str) -> None:
    page = ranges.page(ranges.parse(header), ["a", "b"])
    assert 0 <= page.start <= page.stop <= 2


def test_an_app_has_every_field_of_the_schema() -> None:
    told = msgspec.to_builtins(
        write.app(UNIT, stack="s", web_url="http://shop.localhost/", git_url="", released_at_s=None)
    )
    assert told.keys() >= APP_FIELDS
    assert told["created_at"] == "1970-01-01T00:00:10Z"
    assert told["owner"]["email"] == "dev@example.com"


def test_only_what_served_and_has_its_slug_can_be_gone_back_to() -> None:
    gone = msgspec.structs.replace(release(1, "succeeded"), slug_kept=False)
    rows = (release(3, "failed"), release(2, "succeeded"), gone)
    told = [write.released(UNIT, r, urls=URLS, by="eve@example.com", current=False) for r in rows]
    assert [(r.version, r.eligible_for_rollback) for r in told] == [
        (3, False),
        (2, True),
        (1, False),
    ]
    assert told[0].user.email == "eve@example.com"
    assert told[2].slug is None


def test_only_a_release_with_a_phase_has_output() -> None:
    slug = release(1, "succeeded").slug
    phase = ProcessType("release", "release", "migrate")
    with_phase = msgspec.structs.replace(slug, processes=(*slug.processes, phase))
    rows = [release(1, "failed"), msgspec.structs.replace(release(2, "failed"), slug=with_phase)]
    told = [write.released(UNIT, r, urls=URLS, by="", current=False) for r in rows]
    assert [r.output_stream_url for r in told] == [
        None,
        f"http://here/apps/shop/releases/{told[1].id}/output",
    ]


def test_derived_ids_are_the_same_every_time_and_differ_by_thing() -> None:
    assert write.release_id(UNIT, 1) == write.release_id(UNIT, 1)
    assert write.release_id(UNIT, 1) != write.release_id(UNIT, 2)


@pytest.mark.parametrize(
    ("phase", "exit", "state"),
    [
        (Phase.STARTING, None, "starting"),
        (Phase.READY, None, "up"),
        (Phase.DRAINING, None, "down"),
        (Phase.STOPPING, None, "down"),
        (Phase.GONE, Exit(1, 0.0), "crashed"),
        (Phase.GONE, Exit(0, 0.0, expected=True), "down"),
    ],
)
def test_dynos_speak_heroku_s_states(phase: Phase, exit: Exit | None, state: str) -> None:
    instance = Instance(InstanceId("web.1-x"), 1, phase, 5.0, exit=exit)
    facts = SetFacts(SetKey(SHOP, "web", Digest("d")), Fence(1, 1), Bounds(1, 1), 4, (instance,))
    (dyno,) = write.dynos(UNIT, facts, "serve", "basic")
    assert (dyno.name, dyno.state, dyno.size, dyno.release.version) == ("web.1", state, "Basic", 4)


def test_a_formation_tells_its_bounds_beside_heroku_s_quantity() -> None:
    told = write.formation(UNIT, WEB, Formation(0, 2, "standard-1x"))
    assert (told.quantity, told.min, told.max, told.size) == (2, 0, 2, "Standard-1X")


@pytest.mark.parametrize("text", ["SHA256:" + "ab" * 32, "sha256:" + "ab" * 32, "ab" * 32])
def test_checksums_are_read_with_and_without_their_prefix(text: str) -> None:
    assert read.checksum(text) == "ab" * 32


def test_no_checksum_is_refused() -> None:
    with pytest.raises(Invalid, match="not SHA256"):
        read.checksum("md5:abc")
