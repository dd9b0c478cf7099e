"""How many wait, for whom, and when one more gets ready."""

from setpoint.planning.pooling import QUIET_S, RETRY_S, SPARE_BYTES, WAITING, Next, Pool, balance

ROOM = 100 * SPARE_BYTES
LONG_AGO_S = 0.0
NOW_S = 1000.0


def of(*pools: Pool, bytes_max: int = ROOM, taken_s: float = LONG_AGO_S, coming: bool = False):
    return balance(pools, bytes_max, taken_s, coming, NOW_S)


def test_an_empty_pool_gets_one_ready() -> None:
    assert of(Pool("a", 1.0)) == Next(begin="a")


def test_a_full_one_is_left_alone() -> None:
    assert of(Pool("a", 1.0, WAITING)) == Next()


def test_one_gets_ready_at_a_time() -> None:
    assert of(Pool("a", 1.0, 1), Pool("b", 2.0), coming=True) == Next()


def test_the_one_used_last_is_filled_first() -> None:
    assert of(Pool("a", 1.0), Pool("b", 2.0)).begin == "b"


def test_nothing_gets_ready_while_what_was_taken_starts() -> None:
    told = of(Pool("a", 1.0), taken_s=NOW_S - QUIET_S / 4)
    assert told.begin is None
    assert told.look_again_s == QUIET_S * 3 / 4


def test_where_memory_ends_the_least_recently_used_go() -> None:
    pools = (Pool("old", 1.0, WAITING), Pool("new", 2.0, WAITING))
    assert of(*pools, bytes_max=SPARE_BYTES * WAITING).drop == ("old",)
    assert of(*pools, bytes_max=SPARE_BYTES * (WAITING + 1)).drop == ("old",)
    assert of(*pools, bytes_max=2 * SPARE_BYTES * WAITING).drop == ()


def test_without_memory_for_one_nobody_waits() -> None:
    assert of(Pool("a", 1.0), bytes_max=SPARE_BYTES - 1) == Next()


def test_what_never_got_ready_is_tried_again_later() -> None:
    told = of(Pool("a", 1.0, failed_s=NOW_S - 1.0))
    assert (told.begin, told.look_again_s) == (None, RETRY_S - 1.0)
    assert of(Pool("a", 1.0, failed_s=NOW_S - RETRY_S)).begin == "a"


def test_one_that_fails_keeps_no_other_from_getting_ready() -> None:
    assert of(Pool("a", 2.0, failed_s=NOW_S), Pool("b", 1.0)).begin == "b"
