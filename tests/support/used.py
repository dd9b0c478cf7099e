"""Which routes were used by which client of Heroku's, in tests that passed: by the daemon's log."""

import json
import re
from collections import defaultdict
from dataclasses import dataclass, field
from pathlib import Path

RECORD = Path(__file__).parents[2] / "src" / "setpoint" / "cli" / "proven.json"
MODULES = (
    *("test_git_push", "test_heroku_cli", "test_heroku_clients", "test_heroku_pipelines"),
    *("test_heroku_certs", "test_heroku_script", "test_heroku_sending"),
)
"""Of acceptance tests: those that run clients which are not ours."""
AGENTS = {
    r"heroku-cli/(\d+)\.": r"heroku \1",
    r"node-heroku-client/": "heroku-client",
    r"python-requests/": "heroku3",
    r"git/": "git",
}
ANSWERED_RE = re.compile(r"request\.answered .*?\bmethod=(\S+).*?\broute=(\S+).*?\bstatus=(\d+)")
AGENT_RE = re.compile(r"\bagent=(\S+)")


@dataclass
class Used:
    """`by`: clients, by route. `ran`, `failed`: modules of tests."""

    by: dict[str, set[str]] = field(default_factory=lambda: defaultdict(set))
    ran: set[str] = field(default_factory=set[str])
    failed: set[str] = field(default_factory=set[str])
    _read: dict[Path, int] = field(default_factory=dict[Path, int])

    def look(self, log: Path, *, count: bool) -> None:
        """At what was written since the last look. `count` False: it is passed over."""
        for line in self._news(log):
            if count:
                self._take(line)

    def _news(self, log: Path) -> list[str]:
        """The keeper copies a log that has grown too long, and begins it anew."""
        begun = self._read.get(log, 0)
        cut = log.stat().st_size < begun
        parts = [(log.with_name(f"{log.name}.1"), begun), (log, 0)] if cut else [(log, begun)]
        found = list[str]()
        for path, at in parts:
            with path.open(encoding="utf-8", errors="replace") as file:
                file.seek(at)
                found += file.readlines()
                self._read[log] = file.tell()
        return found

    def _take(self, line: str) -> None:
        answered, agent = ANSWERED_RE.search(line), AGENT_RE.search(line)
        if answered is None or agent is None or int(answered[3]) >= 400:
            return
        for pattern, client in AGENTS.items():
            if (found := re.match(pattern, agent[1])) is not None:
                self.by[f"{answered[1]} {answered[2]}"].add(found.expand(client))

    @property
    def whole(self) -> bool:
        return set(MODULES) <= self.ran and not self.failed & set(MODULES)

    def write(self) -> None:
        told = {route: sorted(self.by[route], key=_age) for route in sorted(self.by)}
        RECORD.write_text(json.dumps(told, indent=1) + "\n", encoding="utf-8")


def _age(client: str) -> tuple[str, int]:
    """The newest major first."""
    name, _, major = client.partition(" ")
    return name, -int(major or 0)


USED = Used()
