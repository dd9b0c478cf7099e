"""Any history: provenance equals what the log says, and merging loses nobody's write."""

import contextlib
from collections.abc import Callable

import msgspec
from hypothesis import given, settings
from hypothesis import strategies as st

from setpoint.model.app import AppIntent, Formation, Source
from setpoint.model.errors import Conflict, NotFound
from setpoint.model.paths import flatten
from setpoint.store.sqlite import open_in_memory
from tests.support.memory import DIGEST, OTHER_DIGEST, SHOP, created, ref, run, write

Edit = Callable[[AppIntent], AppIntent]


def configure(key: str, version: int | None) -> Edit:
    def edit(intent: AppIntent) -> AppIntent:
        kept = {k: v for k, v in intent.config.items() if k != key}
        added = {} if version is None else {key: ref(version, f"s-{key}")}
        return msgspec.structs.replace(intent, config=kept | added)

    return edit


def scale(process: str, low: int, more: int) -> Edit:
    def edit(intent: AppIntent) -> AppIntent:
        formation = intent.formation | {process: Formation(low, low + more)}
        return msgspec.structs.replace(intent, formation=formation)

    return edit


def deploy(digest: str, version: str) -> Edit:
    return lambda intent: msgspec.structs.replace(intent, source=Source(digest, version))


edits = st.one_of(
    st.builds(configure, st.sampled_from("ABC"), st.none() | st.integers(1, 3)),
    st.builds(scale, st.sampled_from(["web", "worker"]), st.integers(0, 3), st.integers(0, 3)),
    st.builds(deploy, st.sampled_from([DIGEST, OTHER_DIGEST]), st.sampled_from(["", "v1"])),
)
histories = st.lists(st.tuples(edits, st.integers(0, 3)), max_size=15)
"""Edits, each made from a document that is some revisions old."""


@settings(deadline=None, max_examples=60)
@given(histories)
def test_fields_rebuilt_from_the_log_are_the_fields_there_are(history):
    async def story():
        store = open_in_memory()
        seen = [await created(store)]
        for edit, age in history:
            base = seen[max(0, len(seen) - 1 - age)]
            with contextlib.suppress(Conflict, NotFound):
                seen.append(await write(store, base, edit(base.intent)))
        fields = await store.fields(SHOP)
        unit = await store.unit(SHOP)
        assert unit is not None
        assert {f.path for f in fields} == set(flatten(unit.intent))
        await store.rebuild_fields()
        assert await store.fields(SHOP) == fields
        assert [e.cursor for e in await store.events(0)] == list(range(1, len(seen) + 1))
        await store.close()

    run(story())


@settings(deadline=None, max_examples=60)
@given(histories)
def test_every_live_value_is_what_the_change_that_set_it_said(history):
    async def story():
        store = open_in_memory()
        seen = [await created(store)]
        for edit, age in history:
            base = seen[max(0, len(seen) - 1 - age)]
            with contextlib.suppress(Conflict, NotFound):
                seen.append(await write(store, base, edit(base.intent)))
        said = {c.change.seq: {t.path: t for t in c.touches} for c in await store.changes(SHOP)}
        leaves = flatten(seen[-1].intent)
        for field in await store.fields(SHOP):
            new = said[field.change][field.path].new
            assert new == leaves[field.path] or str(new).startswith("secret v")
        for formation in seen[-1].intent.formation.values():
            assert formation.min <= formation.max
        await store.close()

    run(story())
