"""What runs here is rehearsed with, here and elsewhere, and no secret leaves with it."""

from pathlib import Path

from tests.acceptance.plane import EXAMPLES, fresh_plane

CANARY = "canary3Hd6MxW1sKfYp8Ju"


def test_a_snapshot_of_what_runs_is_rehearsed_and_holds_no_secret(tmp_path: Path) -> None:
    """The app prints its secret as it fails, and somebody types it into a command."""
    chatty, saved, what_if = tmp_path / "chatty", tmp_path / "vault.json", tmp_path / "what-if.txt"
    chatty.mkdir()
    (chatty / "Procfile").write_text('web: echo "with $GREETING"; exit 3\n')
    what_if.write_text("fault supervisor dies\nscale vault web=2\nsettle\n")
    with fresh_plane() as plane:
        plane.ok("deploy", str(EXAMPLES / "hello-web"), "-a", "vault")
        plane.ok("config", "vault", f"GREETING={CANARY}")
        failed = plane.cli("deploy", str(chatty), "-a", "vault")
        assert failed.code == 3
        assert CANARY in failed.out + failed.err
        plane.cli("run", "vault", f"login {CANARY}")
        plane.ok("rehearse", "--from-live", "--snapshot", str(saved))
        live = plane.ok("rehearse", "--from-live", "-a", "vault", str(what_if))
        refused = plane.cli("rehearse", "--from-live", "--snapshot", str(saved))
        runs = plane.ok("ps", "vault").out
    elsewhere = plane.ok("rehearse", "--from", str(saved), str(what_if))
    assert CANARY not in saved.read_text() + live.out + elsewhere.out
    assert "GREETING" in saved.read_text()
    assert saved.stat().st_mode & 0o777 == 0o600
    for told in (live.out, elsewhere.out):
        assert "begins with one app of Setpoint" in told
        assert "2 intended: web.1 ready, web.2 ready" in told
        assert "v3 failed" in told
    assert "web.2" not in runs
    assert (refused.code, "File exists" in refused.err) == (2, True)
