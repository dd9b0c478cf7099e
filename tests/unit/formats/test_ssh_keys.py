"""Which lines are public SSH keys, and what is said of those that are none."""

import subprocess
from base64 import b64decode, b64encode
from pathlib import Path
from shutil import which

import pytest
from cryptography.hazmat.primitives.asymmetric import ed25519, rsa
from hypothesis import given, settings
from hypothesis import strategies as st

from setpoint.formats import ssh_keys
from setpoint.model.errors import Invalid
from tests.support import ssh

FAILING = "cannot add an SSH key to 'ada@example.com'"
SEED = bytes(range(32))
ED25519 = f"{ssh.public(ed25519.Ed25519PrivateKey.from_private_bytes(SEED))} ada@laptop"
"""The same in every process that collects these tests."""
KIND, BLOB, _ = ED25519.split()


@pytest.mark.parametrize("kind", ssh.MAKERS)
def test_each_kind_is_read_with_its_comment(kind: str) -> None:
    said = ssh.line("ada@laptop at work", kind)
    found = ssh_keys.read(f"{said}\n", FAILING)
    assert (found.line, found.comment) == (said, "ada@laptop at work")


def test_a_key_on_a_stick_is_read() -> None:
    """Its own words: the key, and for which application it is."""

    def packed(*words: bytes) -> str:
        return b64encode(b"".join(len(w).to_bytes(4, "big") + w for w in words)).decode()

    kind = "sk-ssh-ed25519@openssh.com"
    point = b64decode(BLOB)[-32:]
    assert ssh_keys.read(f"{kind} {packed(kind.encode(), point, b'ssh:')} stick", FAILING)


@pytest.mark.parametrize("comment", ["", "ada@laptop", "Größe 名前 🔑", "two  spaces"])
def test_a_comment_is_read_as_it_was_written(comment: str) -> None:
    assert ssh_keys.read(f"{KIND} {BLOB} {comment}", FAILING).comment == comment


@pytest.mark.skipif(which("ssh-keygen") is None, reason="needs ssh-keygen")
@pytest.mark.parametrize("kind", ssh.MAKERS)
def test_the_fingerprint_is_that_of_ssh_keygen(tmp_path: Path, kind: str) -> None:
    file = tmp_path / "id.pub"
    file.write_text(ssh.line("ada", kind))
    words = ["ssh-keygen", "-E", "md5", "-l", "-f", str(file)]
    told = subprocess.run(words, capture_output=True, text=True, check=True).stdout
    assert told.split()[1] == "MD5:" + ssh_keys.read(file.read_text(), FAILING).fingerprint


def refused(said: str) -> str:
    with pytest.raises(Invalid) as caught:
        ssh_keys.read(said, FAILING)
    told = str(caught.value)
    assert told.startswith(FAILING)
    return told


@pytest.mark.parametrize(
    ("said", "fact"),
    [
        ("", "that is no SSH key"),
        (KIND, "that is no SSH key"),
        ("hello world", "does not begin as an SSH key"),
        (f'from="*.example.com" {ED25519}', "does not begin as an SSH key"),
        (f"ssh-dss {BLOB}", "does not begin as an SSH key"),
        (f"ssh-rsa {BLOB} ada", "cannot be read"),
        (f"{KIND} {BLOB[:-8]} ada", "cannot be read"),
        (f"{KIND} {BLOB[:9]}!{BLOB[9:]} ada", "cannot be read"),
        (f"{KIND} größe ada", "cannot be read"),
        (f"{KIND} {BLOB} \x1b[2Jada", "its comment is not valid"),
        (f"{KIND} {BLOB} {'a' * 301}", "its comment is not valid"),
        (f"{ED25519}\n{ED25519}", "several lines"),
        (f"---- BEGIN SSH2 PUBLIC KEY ----\n{BLOB}\n", "ssh-keygen -i -f FILE"),
        ("a" * 100_000, "larger than 16 KiB"),
        (f"{KIND} {BLOB} {'a' * 100_000}", "larger than 16 KiB"),
    ],
)
def test_what_is_no_key_is_refused_with_what_is_wrong(said: str, fact: str) -> None:
    assert fact in refused(said)


@pytest.mark.parametrize("form", ["OpenSSH", "PKCS8", "TraditionalOpenSSL"])
def test_a_private_key_is_refused_and_nothing_of_it_is_repeated(form: str) -> None:
    pem = ssh.private(ssh.MAKERS["ssh-rsa"](), form)
    told = refused(pem)
    assert "that is a private key" in told
    assert not [line for line in pem.splitlines()[1:-1] if line in told]


def test_a_short_rsa_key_is_refused() -> None:
    weak = rsa.generate_private_key(65537, 1024)
    assert "an RSA key of 1024 bits" in refused(ssh.public(weak))


@settings(max_examples=200)
@given(
    st.text() | st.just(ED25519) | st.builds(lambda a, b: f"{KIND} {a} {b}", st.text(), st.text())
)
def test_whatever_is_said_is_read_or_refused(said: str) -> None:
    try:
        found = ssh_keys.read(said, FAILING)
    except Invalid:
        return
    assert found.line == said.strip()
