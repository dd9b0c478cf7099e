"""What is intended besides code and numbers, and what those who watch are told."""

from tests.mutants.mutant import Mutant

LEAVES = (
    Mutant(
        "domains-dropped",
        "an app answers at the hosts that it was given",
        "planning/routes.py",
        "    return (_home(draft), *draft.unit.intent.domains)",
        "    return (_home(draft),)",
    ),
    Mutant(
        "old-papers",
        "a host is served with the certificate that was brought for it last",
        "planning/routes.py",
        "        certificates.served(draft),\n",
        "        getattr(getattr(draft.observed.route, 'route', None), 'certificates', ())"
        " or certificates.served(draft),\n",
    ),
    Mutant(
        "papers-run-out",
        "that a certificate ends soon is told",
        "planning/certificates.py",
        "        _fall_short(draft, name, one, left_s)\n",
        "        pass\n",
    ),
    Mutant(
        "asks-as-ever",
        "a web process is asked what somebody said that it be asked",
        "planning/processes.py",
        "        probe=draft.unit.intent.probe_of(type_.name, type_.kind),\n",
        "        probe=None,\n",
    ),
    Mutant(
        "open-as-ever",
        "processes may connect to whom somebody said",
        "planning/processes.py",
        "        egress=draft.unit.intent.egress or INTERNET,\n",
        "        egress=INTERNET,\n",
    ),
    Mutant(
        "left-in-no-pipeline",
        "with a pipeline goes what says that apps are in it",
        "intents/pipelines.py",
        "    writes = [UnitWrite(_coupled(u.intent, None), u.rev) for u in apps]\n",
        "    writes = [UnitWrite(_coupled(u.intent, None), u.rev) for u in apps if False]\n",
        by="tests/unit/api/test_pipelines.py",
    ),
)

FEED = (
    Mutant(
        "told-twice",
        "who watches is told of each event once",
        "views/feed.py",
        "        self._kept += events\n",
        "        self._kept += (*events, *events[-1:])\n",
    ),
    Mutant(
        "told-of-a-part",
        "who watches is told of every event",
        "views/feed.py",
        "        self._kept += events\n",
        "        self._kept += events[1:] or events\n",
    ),
    Mutant(
        "silent-when-quiet",
        "a quiet feed says that it is there",
        "views/feed.py",
        "                        await _either(rung, told_s + BOOKMARK_S)",
        "                        await rung",
        by="tests/unit/views/test_feed.py",
    ),
)
