"""Who may do what."""

import msgspec
import pytest

from setpoint.model.account import ROLES, SCOPES
from setpoint.model.change import Actor
from setpoint.model.errors import Forbidden, NotFound
from setpoint.policy.access import NEEDS, SCOPE_OF, admit, authorise, no_such_app, role_on
from setpoint.testing.builders import intent, unit

ANA = "ana@example.com"


def actor(scope, reach="all"):
    return Actor("ana", ANA, scope, reach)


def shop(owner="bo@example.com", **roles):
    """`roles`: by the name before the at."""
    access = {f"{name}@example.com": role for name, role in roles.items()}
    document = msgspec.structs.replace(intent(), access=access)
    return msgspec.structs.replace(unit(document), owner=owner)


@pytest.mark.parametrize("verb", sorted(NEEDS))
def test_each_verb_is_open_to_its_scope_and_closed_below_it(verb):
    needed = SCOPES.index(SCOPE_OF[NEEDS[verb]])

    for scope in SCOPES[needed:]:
        authorise(actor(scope), verb, "shop")
    for scope in SCOPES[:needed]:
        with pytest.raises(Forbidden, match=f"cannot {verb} 'shop'"):
            authorise(actor(scope), verb, "shop")


@pytest.mark.parametrize("verb", sorted(v for v in NEEDS if NEEDS[v] in ROLES))
def test_each_verb_is_open_to_its_role_and_closed_below_it(verb):
    needed = ROLES.index(NEEDS[verb])
    ana = actor("admin", "granted")

    for role in ROLES[needed:]:
        admit(ana, verb, shop(ana=role))
    for role in ROLES[:needed]:
        with pytest.raises(Forbidden, match=f"cannot {verb} 'shop': ana may {role} there"):
            admit(ana, verb, shop(ana=role))


@pytest.mark.parametrize("verb", sorted(NEEDS))
def test_an_app_one_has_no_role_on_is_no_app(verb):
    with pytest.raises(NotFound) as told:
        admit(actor("admin", "granted"), verb, shop(eve="manage"))

    assert str(told.value) == str(no_such_app(verb, "shop"))


def test_owners_and_administrators_may_manage():
    assert role_on(actor("read", "granted"), shop(owner=ANA)) == "manage"
    assert role_on(actor("read", "all"), shop()) == "manage"


def test_nobody_owns_what_nobody_owns():
    assert role_on(Actor("nobody", "", "read", "granted"), shop(owner="")) is None


@pytest.mark.parametrize("verb", sorted(v for v in NEEDS if NEEDS[v] == "admin"))
def test_what_is_about_the_installation_is_for_administrators(verb):
    with pytest.raises(Forbidden, match="that is for administrators"):
        authorise(actor("admin", "granted"), verb, "it")


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
