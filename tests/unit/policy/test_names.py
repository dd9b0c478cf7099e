"""App names, given and made up."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from setpoint.model.errors import Invalid
from setpoint.policy import names


@pytest.mark.parametrize("name", ["shop", "a-b", "my-app-2", "a" * 30])
def test_ordinary_names_are_accepted(name):
    names.check_app(name)


@pytest.mark.parametrize(
    "name",
    ["", "ab", "a" * 31, "Shop", "2shop", "shop-", "-shop", "sh_op", "fn--shop", "shop\n", "größe"],
)
def test_other_names_are_refused_with_the_rule(name):
    with pytest.raises(Invalid) as refused:
        names.check_app(name)
    assert refused.value.hint == names.RULE
    assert refused.value.message.isprintable()


@given(st.text(max_size=40))
def test_every_suggestion_is_a_valid_name_and_depends_only_on_the_token(token):
    suggested = names.suggest(token)

    names.check_app(suggested)
    assert names.suggest(token) == suggested


def test_suggestions_differ():
    assert len({names.suggest(str(n)) for n in range(100)}) > 95


@given(st.text())
def test_shortened_text_is_one_printable_line(text):
    shown = names.shortened(text)

    assert shown == "" or shown.isprintable()
    assert len(shown) <= 40
