"""What a file may declare, and what is refused with its place in the file."""

import pytest

from setpoint.formats.setpoint_toml import BYTES_MAX, parse
from setpoint.model.declared import DeclaredDomains, DeclaredMaintenance, DeclaredProbe
from setpoint.model.errors import Invalid, OverLimit

WHOLE = """
# the shop
[apps.shop]
maintenance = false
why = "the shop is for the fair"
domains = ["www.example.com"]
egress = { to = ["internet", "10.0.3.0/24"], why = "the warehouse has the stock" }

[apps.shop.processes.web]
min = 1
max = 3
concurrency = 20
probe = { path = "/health", timeout_s = 2, once = false }
size = "standard-2x"
why = "the fair is on Saturday"

[apps.shop.functions.hello]
count = 2

[apps.shop.config]
GREETING = { env = "SHOP_GREETING", why = "a warmer word" }
KEY = { kept = true }

[[decisions]]
title = "three, for the fair"
why = "Cold starts were most of p99."
bet = "above 200 rps"
revisit = "30d"
on = ["shop:web.max", "shop:config.*"]

[[decisions]]
title = "two regions"
on = "shop"
"""


def test_a_file_is_read_whole():
    read = parse(WHOLE, {"SHOP_GREETING": "hello"})
    (shop,) = read.apps
    assert (shop.name, shop.maintenance, shop.why) == (
        *("shop", DeclaredMaintenance(on=False), "the shop is for the fair"),
    )
    web, hello = shop.processes["web"], shop.functions["hello"]
    assert (web.min, web.max, web.size, web.why) == (1, 3, "standard-2x", "the fair is on Saturday")
    assert (hello.min, hello.max, hello.size) == (2, 2, None)
    assert (web.concurrency, hello.probe) == (20, None)
    assert web.probe == DeclaredProbe("/health", 2.0, once=False)
    assert shop.domains == DeclaredDomains(("www.example.com",))
    assert shop.egress is not None
    assert (shop.egress.to[1], shop.egress.why) == ("10.0.3.0/24", "the warehouse has the stock")
    greeting, key = shop.config["GREETING"], shop.config["KEY"]
    assert (greeting.value, greeting.why) == ("hello", "a warmer word")
    assert (key.env, key.value) == ("", None)
    first, second = read.decisions
    assert first.text == "three, for the fair\n\nCold starts were most of p99."
    assert first.on == ("shop:web.max", "shop:config.*")
    assert (second.text, second.on) == ("two regions", ("shop",))


def test_an_empty_file_declares_nothing():
    assert parse("", {}).apps == ()


@pytest.mark.parametrize(
    ("text", "fact"),
    [
        ("apps = ", "cannot read the file: "),
        ("a = " + "[" * 2000, "cannot read the file: "),
        ("app.shop.why = 'x'", "app: known here are apps, decisions"),
        ("apps = 1", "apps: it is no table"),
        ("apps.shop = 1", "apps.shop: it is no table"),
        ("apps.shop.domains = 3", "apps.shop.domains: it is a list of texts"),
        ("apps.shop.domains = ['a.example', 3]", "apps.shop.domains: it is a list of texts"),
        ("apps.shop.domains = {why = 'x'}", "apps.shop.domains: hosts is missing"),
        ("apps.shop.domains = {host = []}", "apps.shop.domains.host: known here are hosts, why"),
        ("apps.shop.addons = {}", "apps.shop.addons: Setpoint has none yet"),
        ("apps.shop.egress = {to = 3}", "apps.shop.egress.to: it is a list of texts"),
        ("apps.shop.probes.web = {}", "apps.shop.probes: say each of its process"),
        ("apps.shop.scale = 3", "apps.shop.scale: known here are processes"),
        ("apps.shop.maintenance = 'on'", "apps.shop.maintenance: it is true or false"),
        ("apps.shop.maintenance = { why = 'x' }", "apps.shop.maintenance: on is missing"),
        ("apps.shop.maintenance = { on = 1 }", "apps.shop.maintenance: it is true or false"),
        ("apps.shop.release_phase = true", "release_phase: it is how many seconds it may take"),
        ("apps.shop.release_phase = 'long'", "release_phase: it is how many seconds it may take"),
        ("apps.shop.release_phase = { s = 1 }", "release_phase.s: known here are run_s_max, why"),
        ("apps.shop.buildpacks = 3", "apps.shop.buildpacks: it is a list of texts"),
        ("apps.shop.buildpacks = { use = [3] }", "apps.shop.buildpacks.use: it is a list of texts"),
        ("apps.shop.access = {}", "apps.shop.access: say who may do what with: setpoint access"),
        ("apps.shop.why = 3", "apps.shop.why: it is no text"),
        ("apps.shop.processes.web = 3", "apps.shop.processes.web: it is no table"),
        ("apps.shop.processes.web.min = true", "web.min: it is a whole number"),
        ("apps.shop.processes.web.max = 1.5", "web.max: it is a whole number"),
        ("apps.shop.processes.web.size = 3", "apps.shop.processes.web: Expected"),
        ("apps.shop.processes.web.probe = 3", "web.probe: it is no table"),
        ("apps.shop.processes.web.probe.url = '/'", "web.probe.url: known here are path"),
        ("apps.shop.processes.web.probe.once = 3", "apps.shop.processes.web: Expected"),
        ("apps.shop.processes.web.quantity = 3", "web.quantity: known here are min"),
        ("apps.shop.processes.web = {min = 1, count = 2}", "web.count: it is min and max at once"),
        ("apps.shop = {processes.a.min = 1, functions.a.min = 1}", "it is among the processes too"),
        ("apps.shop.config.A = 'hunter22'", "apps.shop.config.A: a value never stands in the file"),
        ("apps.shop.config.A = {value = 'hunter22'}", "config.A.value: a value never stands"),
        ("apps.shop.config.A = {}", "say either"),
        ("apps.shop.config.A = {kept = false}", "say either"),
        ("apps.shop.config.A = {env = 'B', kept = true}", "say either"),
        ("apps.shop.config.A = {env = 'B'}", "B is not set in the environment"),
        ("decisions = 1", "decisions: write each as [[decisions]]"),
        ("[[decisions]]\nbet = 'x'", "decisions[0].title: it is one line of words"),
        ("[[decisions]]\ntitle = 'x'\non = 3", "decisions[0].on: it is a list of texts"),
        ("[[decisions]]\ntitle = 'x'\ndue = 3", "decisions[0].due: known here are"),
        ('apps."a\\u001b[31m".why = 3', "apps.a\\x1b[31m.why: it is no text"),
    ],
)
def test_what_cannot_be_meant_is_refused_with_its_place(text, fact):
    with pytest.raises(Invalid) as refused:
        parse(text, {"OTHER": "1"})
    assert fact in str(refused.value)
    assert "hunter22" not in str(refused.value)


def test_a_file_is_bounded():
    with pytest.raises(OverLimit, match="larger than 1024 KiB"):
        parse("#" * (BYTES_MAX + 1), {})
    with pytest.raises(OverLimit, match="101 apps, at most 100"):
        parse("\n".join(f"apps.a{n}.why = ''" for n in range(101)), {})
