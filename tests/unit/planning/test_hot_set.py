"""Which sleeping functions Envoy knows: those used last, and the others go in two moves."""

from hypothesis import given
from hypothesis import strategies as st

from setpoint.model.ids import AppId, Digest, SetKey
from setpoint.planning.hot_set import HASTE_S, Next, Sleeper, balance

LEAVING_S = 60.0


def key(name: str) -> SetKey:
    return SetKey(AppId("app"), name, Digest("a" * 64))


def sleeper(name: str, used_s: float, left_s: float | None = None) -> Sleeper:
    return Sleeper(key(name), used_s, left_s)


def test_as_many_as_there_are_places_stay() -> None:
    known = [sleeper("a", 1.0), sleeper("b", 2.0)]
    assert balance(known, 2, LEAVING_S, 10.0) == Next()


def test_those_used_longest_ago_leave() -> None:
    known = [sleeper("b", 2.0), sleeper("a", 1.0), sleeper("c", 3.0)]
    assert balance(known, 1, LEAVING_S, 10.0) == Next(
        leave=(key("b"), key("a")), look_again_s=LEAVING_S
    )


def test_a_cluster_goes_only_after_a_while() -> None:
    known = [sleeper("a", 1.0, left_s=100.0), sleeper("b", 2.0)]
    assert balance(known, 1, LEAVING_S, 130.0) == Next(look_again_s=30.0)
    assert balance(known, 1, LEAVING_S, 160.0) == Next(drop=(key("a"),))


def test_of_too_many_on_their_way_out_the_first_go_sooner() -> None:
    known = [sleeper(name, 1.0, left_s=100.0 + n) for n, name in enumerate("abc")]
    assert balance(known, 2, LEAVING_S, 101.0).look_again_s == HASTE_S - 1.0
    assert balance(known, 2, LEAVING_S, 100.0 + HASTE_S) == Next(
        drop=(key("a"),), look_again_s=1.0 + LEAVING_S - HASTE_S
    )


def test_where_none_may_stay_each_leaves_as_it_falls_asleep() -> None:
    assert balance([sleeper("a", 5.0)], 0, LEAVING_S, 5.0).leave == (key("a"),)


TIMES = st.floats(0, 200)
SLEEPERS = st.dictionaries(
    st.text("abcdefgh", min_size=1, max_size=3), st.tuples(TIMES, st.none() | TIMES)
).map(lambda found: [sleeper(name, used_s, left_s) for name, (used_s, left_s) in found.items()])


@given(SLEEPERS, st.integers(0, 5))
def test_nobody_who_leaves_was_used_after_one_that_stays(known: list[Sleeper], most: int) -> None:
    decided = balance(known, most, LEAVING_S, 200.0)
    left = set(decided.leave)
    staying = [s for s in known if s.left_s is None and s.key not in left]
    assert len(staying) <= most
    newest_left_s = max((s.used_s for s in known if s.key in left), default=0.0)
    assert all(s.used_s >= newest_left_s for s in staying)


@given(SLEEPERS, st.integers(0, 5))
def test_nothing_is_dropped_that_has_not_left(known: list[Sleeper], most: int) -> None:
    left_s = {s.key: s.left_s for s in known}
    for dropped in balance(known, most, LEAVING_S, 200.0).drop:
        since_s = left_s[dropped]
        assert since_s is not None
        assert 200.0 - since_s >= HASTE_S


@given(SLEEPERS, st.integers(0, 5))
def test_whoever_is_on_the_way_out_is_looked_at_again(known: list[Sleeper], most: int) -> None:
    decided = balance(known, most, LEAVING_S, 200.0)
    waits = [s for s in known if s.left_s is not None and s.key not in decided.drop]
    assert (decided.look_again_s is not None) == bool(waits or decided.leave)
