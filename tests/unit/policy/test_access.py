"""Who may do what."""

import pytest

from setpoint.model.change import Actor
from setpoint.model.errors import Forbidden
from setpoint.policy.access import NEEDS, authorise, no_such_app


def actor(scope):
    return Actor("ana", "ana@example.com", scope)


@pytest.mark.parametrize("verb", sorted(NEEDS))
def test_each_verb_is_open_to_its_scope_and_closed_below_it(verb):
    ranks = ["read", "write", "admin"]
    needed = ranks.index(NEEDS[verb])

    for scope in ranks[needed:]:
        authorise(actor(scope), verb, "shop")
    for scope in ranks[:needed]:
        with pytest.raises(Forbidden, match=f"cannot {verb} 'shop'"):
            authorise(actor(scope), verb, "shop")


def test_readers_cannot_read_config_vars():
    with pytest.raises(Forbidden, match="has scope 'read', this needs 'write'"):
        authorise(actor("read"), "read the config vars of", "shop")


def test_a_verb_nobody_thought_of_is_a_bug_not_a_permission():
    with pytest.raises(KeyError):
        authorise(actor("admin"), "repaint", "shop")


def test_foreign_text_cannot_disturb_a_message():
    error = no_such_app("see", "x\x1b[31m" + "y" * 100)

    assert error.message.isprintable()
    assert len(error.message) < 80
