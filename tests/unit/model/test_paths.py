"""Documents as dotted leaves."""

from collections.abc import Iterator

from hypothesis import given
from hypothesis import strategies as st
from msgspec import NODEFAULT, inspect

from setpoint.model.app import (
    AppIntent,
    Certificate,
    Formation,
    SecretRef,
    Source,
    Upkeep,
    Webhook,
)
from setpoint.model.change import Touch
from setpoint.model.ids import Digest
from setpoint.model.paths import (
    compared,
    conflict_scope,
    flatten,
    is_secret,
    merge,
    secret_at,
    touches,
    unflatten,
)
from tests.support.memory import SHOP, shop

NOTHINGS = (inspect.NoneType, inspect.BoolType, inspect.StrType, inspect.VarTupleType)
SAID = {
    *("SecretRef.id", "Formation.size"),
    *("AppIntent.id", "AppIntent.name", "Source.digest", "Drain.to", "Webhook.to"),
    *("Webhook.include", "Certificate.fingerprint", "Coupling.id"),
}
"""refused where they are empty"""

words = st.from_regex(r"[A-Za-z_][A-Za-z0-9_]{0,8}", fullmatch=True)
refs = st.builds(SecretRef, st.uuids().map(str), st.integers(1, 9))
formations = st.builds(Formation, st.integers(0, 5), st.integers(0, 5), st.just("basic"))
sources = st.builds(Source, st.just(Digest("a" * 64)), st.sampled_from(["", "v1", "v2"]))
intents = st.builds(
    shop,
    source=st.none() | sources,
    config=st.dictionaries(words, refs, max_size=4),
    formation=st.dictionaries(words, formations, max_size=3),
    invoke_key=st.none() | refs,
    restarted_at_s=st.none() | st.floats(1, 2e9),
    deleted=st.booleans(),
    buildpacks=st.lists(words, max_size=3).map(tuple),
)


def test_every_key_and_field_is_a_leaf_of_its_own():
    intent = shop(
        config={"FOO": SecretRef("s-1", 3)}, formation={"web": Formation(1, 2)}, deleted=True
    )

    assert flatten(intent) == {
        "name": "shop",
        "config.FOO": SecretRef("s-1", 3),
        "formation.web.min": 1,
        "formation.web.max": 2,
        "formation.web.size": "basic",
        "formation.web.idle_s": 600.0,
        "formation.web.boot_s_max": 60.0,
        "formation.web.concurrency": 10,
        "deleted": True,
    }


def test_what_was_never_said_is_no_leaf():
    assert flatten(shop()) == {"name": "shop"}


def test_zero_instances_is_something_said():
    assert flatten(shop(formation={"web": Formation(0, 0)}))["formation.web.min"] == 0


@given(intents)
def test_a_document_comes_back_from_its_leaves(intent):
    assert unflatten(SHOP, flatten(intent)) == intent


def test_what_may_be_never_said_anywhere_is_so_by_default():
    """Else a document does not come back, and of two who change different fields one fails."""
    seen: set[type] = set()
    lost = [*_not_coming_back(AppIntent, seen)]
    assert {Webhook, Certificate, Formation, Upkeep} <= seen
    assert lost == []


def _not_coming_back(cls: type, seen: set[type]) -> Iterator[str]:
    seen.add(cls)
    for field in inspect.type_info(cls).fields:  # type: ignore[union-attr]
        types, name = [*_flattened(field.type)], f"{cls.__name__}.{field.name}"
        may_be_nothing = any(isinstance(t, NOTHINGS) for t in types) and name not in SAID
        default = None if field.default is NODEFAULT else field.default
        if may_be_nothing and (field.required or default):
            yield name
        for inner in types:
            if isinstance(inner, inspect.StructType) and inner.cls not in seen:
                yield from _not_coming_back(inner.cls, seen)


def _flattened(type_: inspect.Type) -> Iterator[inspect.Type]:
    """With the parts of a union, and what a dict holds."""
    if isinstance(type_, inspect.UnionType):
        for one in type_.types:
            yield from _flattened(one)
    elif isinstance(type_, inspect.DictType):
        yield from _flattened(type_.value_type)
    else:
        yield type_


@given(intents, intents)
def test_touches_turn_one_document_into_the_other(before, after):
    old, new = flatten(before), flatten(after)

    assert merge(old, new, touches(old, new)) == new


@given(intents, intents, st.sampled_from([(), ("source.digest",), ("config.FOO", "name")]))
def test_comparing_documents_is_comparing_all_their_leaves(before, after, restated):
    assert compared(before, after, restated) == touches(flatten(before), flatten(after), restated)


def test_a_secret_is_touched_when_its_id_changes_and_is_told_by_version_only():
    old = flatten(shop(config={"FOO": SecretRef("s-1", 1)}))
    new = flatten(shop(config={"FOO": SecretRef("s-2", 1)}))

    assert touches(old, new) == (Touch("config.FOO", "secret v1", "secret v1"),)


def test_a_restated_leaf_is_touched_though_it_is_equal():
    leaves = flatten(shop(source=Source(Digest("a" * 64))))

    assert [t.path for t in touches(leaves, leaves, ("source.digest",))] == ["source.digest"]
    assert touches(leaves, leaves, ("source.version",)) == ()


def test_digest_and_label_of_a_source_are_one_decision():
    assert conflict_scope("source.digest") == conflict_scope("source.version")


def test_min_and_max_of_one_process_are_one_decision_and_its_size_another():
    assert conflict_scope("formation.web.min") == conflict_scope("formation.web.max")
    assert conflict_scope("formation.web.min") != conflict_scope("formation.worker.min")
    assert conflict_scope("formation.web.size") != conflict_scope("formation.web.min")


@given(intents)
def test_every_reference_stands_at_a_path_that_may_hold_one(intent):
    found = {p: leaf for p, leaf in flatten(intent).items() if isinstance(leaf, SecretRef)}
    assert set(found) == {path for path in flatten(intent) if is_secret(path)}
    assert {path: secret_at(intent, path) for path in found} == found
    assert secret_at(intent, "name") is secret_at(intent, "config.absent-") is None
