"""Which host is served with what, and who is told that it ends."""

import msgspec

from setpoint.model.app import Certificate, SecretRef
from setpoint.model.condition import ConditionType, find
from setpoint.model.observed import Observed
from setpoint.model.route import Served
from setpoint.model.steps import EnsureRoute
from setpoint.planning.planner import plan
from setpoint.testing import builders

DAY_S = 86_400.0
END_S = 1_000 * DAY_S
PEM = SecretRef("s-pem", 1)


def certificate(*domains: str, pem: SecretRef = PEM, days: float = 90) -> Certificate:
    begins_s = END_S - days * DAY_S
    return Certificate(pem, "ab", begins_s, END_S, domains, "/CN=them", "/CN=us", domains=domains)


def planned(now_s: float, domains: tuple[str, ...] = ("www.example.com",), **own: Certificate):
    document = msgspec.structs.replace(builders.intent(), domains=domains, certificates=own)
    return plan(builders.unit(document), Observed(), builders.capabilities(), now_s)


def served(found) -> tuple[Served, ...]:
    return next(s.route.certificates for s in found.steps if isinstance(s, EnsureRoute))


def test_a_host_of_the_app_is_served_with_what_it_was_given_and_no_other_host_is() -> None:
    found = planned(0, one=certificate("shop.example", "www.example.com"))
    assert served(found) == (Served(("www.example.com",), PEM),)
    assert served(planned(0, domains=(), one=certificate("www.example.com"))) == ()


def test_of_two_for_one_host_the_first_has_it() -> None:
    other = SecretRef("s-other", 1)
    both = {"b": certificate("www.example.com"), "a": certificate("www.example.com", pem=other)}
    assert served(planned(0, **both)) == (Served(("www.example.com",), other),)


def test_one_that_ends_is_told_fourteen_days_before_and_goes_on_being_served() -> None:
    own = {"cert-1": certificate("www.example.com")}
    early = planned(END_S - 20 * DAY_S, **own)
    assert early.unmet == ()
    assert early.alarm_s == 6 * DAY_S
    late = planned(END_S - 3.5 * DAY_S, **own)
    (told,) = late.unmet
    assert (told.path, told.offered) == ("certificates.cert-1", "one that expires in 3 days")
    assert "heroku certs:update CRT KEY --name cert-1 -a shop" in told.because
    condition = find(late.conditions, ConditionType.SATISFIABLE)
    assert condition is not None
    assert (condition.status, condition.reason) == (False, "Substituted")
    over = planned(END_S + 1, **own)
    assert over.unmet[0].offered == "one that has expired"
    assert served(over) == (Served(("www.example.com",), PEM),)
    stalled = find(over.conditions, ConditionType.STALLED)
    assert stalled is not None
    assert not stalled.status


def test_one_of_few_days_is_told_in_its_last_third_and_one_for_nobody_never() -> None:
    short = {"cert-1": certificate("www.example.com", days=6)}
    assert planned(END_S - 2.1 * DAY_S, **short).unmet == ()
    assert len(planned(END_S - 1.9 * DAY_S, **short).unmet) == 1
    idle = msgspec.structs.replace(certificate("www.example.com"), domains=())
    assert planned(END_S + 1, cert=idle).unmet == ()
