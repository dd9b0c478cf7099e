"""`python -m setpoint.testing.rehearse FILE`: what `setpoint rehearse` becomes.

A room of its own, so that the command line starts fast and production imports nothing of this.
"""

import argparse
import json
import os
import sys
from collections.abc import Sequence
from pathlib import Path

from setpoint.formats import snapshot
from setpoint.model.errors import Invalid, Refused
from setpoint.model.snapshot import Snapshot
from setpoint.testing.rehearsal import script, telling
from setpoint.testing.rehearsal.play import rehearse

REFUSED, INTERRUPTED = 2, 130


def main(argv: Sequence[str] | None = None) -> int:
    """0: played to its end. 1: something happened that must never. 2: refused. 4: a `settle` ended
    before everything was settled. 130: Ctrl-C."""
    options = _parser().parse_args(argv)
    try:
        return _rehearsed(options)
    except Refused as error:
        told = {"id": "refused", "message": error.message, "hint": error.hint}
        print(json.dumps(told) if options.json else error, file=sys.stderr)
        return REFUSED
    except KeyboardInterrupt:
        print(file=sys.stderr)
        return INTERRUPTED
    except BrokenPipeError:
        # Whoever read us has gone (`| head`); nothing more may be written, not even at exit.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0


def _rehearsed(options: argparse.Namespace) -> int:
    lines = script.read(_text(options.file), options.file)
    start = _snapshot(options.world, options.name) if options.world else None
    return _play(lines, start, options.seed, as_json=options.json)


def _play(
    lines: tuple[script.Line, ...], start: Snapshot | None, seed: int | None, *, as_json: bool
) -> int:
    if as_json:
        return rehearse(lines, lambda event: print(telling.as_json(event)), seed, start)
    transcript = telling.Transcript(print)
    code = rehearse(lines, transcript, seed, start)
    transcript.end()
    return code


def _text(file: str) -> str:
    raw = _read(file, file, script.BYTES_MAX)
    try:
        return raw.decode("utf-8-sig")
    except UnicodeDecodeError:
        raise Invalid(f"cannot read {file}: it is not UTF-8", "save it as UTF-8") from None


def _snapshot(file: str, name: str) -> Snapshot:
    """`name`: what to call it in a message."""
    return snapshot.decode(_read(file, name, snapshot.BYTES_MAX), name)


def _read(file: str, name: str, bytes_max: int) -> bytes:
    """Raises Invalid. '-' is standard input."""
    try:
        if file == "-":
            raw = sys.stdin.buffer.read(bytes_max + 1)
        else:
            with Path(file).open("rb") as opened:
                raw = opened.read(bytes_max + 1)
    except OSError as error:
        raise Invalid(f"cannot read {name}: {error.strerror}") from None
    if len(raw) > bytes_max:
        raise Invalid(f"cannot read {name}: it is larger than {bytes_max // 1024} KiB")
    return raw


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="setpoint rehearse", description=__doc__)
    parser.add_argument("file", metavar="FILE", help="the script, - for standard input")
    parser.add_argument("--json", action="store_true", help="one JSON object per event")
    parser.add_argument("--seed", type=int, help="mix what happens at the same moment")
    parser.add_argument("--world", metavar="FILE", help="a snapshot to begin with")
    parser.add_argument("--name", default="the snapshot", help="what to call it in a message")
    return parser


if __name__ == "__main__":
    sys.exit(main())
