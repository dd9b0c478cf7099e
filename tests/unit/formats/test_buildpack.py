import pytest

from setpoint.formats import buildpack, buildpack_release
from setpoint.formats.buildpack import Buildpack
from setpoint.model.errors import Invalid
from setpoint.model.ids import Digest
from setpoint.model.release import ProcessType

DIGEST = Digest("ab" * 32)


@pytest.mark.parametrize(
    ("url", "name"),
    [
        ("https://example.com/packs/ruby.tar.gz", "ruby"),
        ("https://codeload.example.com/me/pack-x/tar.gz/refs/heads/main", "pack-x"),
        ("https://git.example.com/me/pack-y/archive/refs/tags/v1.tar.gz", "pack-y"),
        ("https://git.example.com/me/pack-z/-/archive/v1/pack-z-v1.tar.gz", "pack-z"),
        ("https://example.com/$(reboot).tgz", "reboot"),
    ],
)
def test_an_address_has_a_name_for_people_and_folders(url: str, name: str) -> None:
    assert buildpack.parse(url) == Buildpack(name, url=url)


def test_an_upload_is_written_down_with_its_digest() -> None:
    text = buildpack.named("my pack!", DIGEST)
    assert text == f"my-pack@sha256:{DIGEST}"
    assert buildpack.parse(text) == Buildpack("my-pack", digest=DIGEST)


@pytest.mark.parametrize(
    ("text", "fact"),
    [
        ("heroku/python", "no https address"),
        ("http://example.com/a.tar.gz", "no https address"),
        ("https://example.com/a.git", "names no tar.gz"),
        ("https://me:pw@example.com/a.tar.gz", "holds a password"),
        ("https://example.com/a.tar.gz?token=1", "has a query"),
        ("https://example.com/a b.tar.gz", "no https address"),
        ("https://[::1/a.tar.gz", "no https address"),
        ("x@sha256:12", "no https address"),
        ("../../etc", "no https address"),
        ("https://example.com/\x1b.tar.gz", "no https address"),
        ("https://example.com/" + "a" * 600 + ".tar.gz", "no https address"),
    ],
)
def test_what_is_no_buildpack_is_refused(text: str, fact: str) -> None:
    with pytest.raises(Invalid, match="cannot use buildpack") as refused:
        buildpack.parse(text)
    assert fact in refused.value.message
    assert "\x1b" not in refused.value.message
    assert "pw" not in refused.value.message or "me:pw" in text


def test_what_release_says() -> None:
    said = b"---\naddons: []\nconfig_vars:\n  RAILS_ENV: production\n  PORTS: 8080\n"
    said += b"default_process_types:\n  web: bin/serve --port $PORT\n  tick: ./tick\n"
    processes, config = buildpack_release.parse(said)
    assert processes == (
        ProcessType("web", "web", "bin/serve --port $PORT"),
        ProcessType("tick", "worker", "./tick"),
    )
    assert config == {"RAILS_ENV": "production", "PORTS": "8080"}
    assert buildpack_release.parse(b"") == ((), {})
    assert buildpack_release.parse(b"--- {}\n") == ((), {})


@pytest.mark.parametrize(
    "said",
    [
        b"a: [",
        b"- web",
        b"\xff",
        b"x" * 70_000,
        b"[" * 5_000,
        b"default_process_types: web",
        b"default_process_types:\n  'we b': x\n",
        b"default_process_types:\n  web: ''\n",
        b"default_process_types:\n  web: [a]\n",
        b"config_vars:\n  'A B': x\n",
        b"!!python/object/apply:os.system ['true']",
    ],
)
def test_release_that_cannot_be_read_is_refused(said: bytes) -> None:
    with pytest.raises(Invalid, match="cannot read what bin/release says"):
        buildpack_release.parse(said)
