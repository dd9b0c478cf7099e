"""A project's requirements.txt, screened before any tool sees it. Pure.

The resolver would run git, fetch any address, follow `-r` out of the tree and believe index
options. So only what names a package of the index gets through: `-r` and `-c` inside the source
are put in place, and everything else is refused with its line. Hashes are kept apart: the resolver
would replace a wrong one by the index's own.
"""

import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field

from setpoint.drivers.builders.errors import CannotBuild

FILE = "requirements.txt"
BYTES_MAX = 1024 * 1024
FILES_MAX = 50
LINES_MAX = 5000

Read = Callable[[str], bytes | None]

_OPTION = re.compile(r"(--[a-z][a-z-]*|-[A-Za-z])(?:\s*=\s*|\s+)?(.*)")
_NAME = re.compile(r"([A-Za-z0-9](?:[A-Za-z0-9._-]*[A-Za-z0-9])?)\s*(?:\[[^\]]*\])?\s*")
_HASH = re.compile(r"\s--hash(?:=|\s+)([a-z0-9]+:[0-9a-f]+)")
_FURTHER_OPTION = re.compile(r"\s--?[A-Za-z]")
_COMMENT = re.compile(r"(^|\s+)#.*$")
_PATH = re.compile(r"[./~\\]|.*\.(whl|zip|tar\.gz|tgz)$")
_INCLUDE = {"-r": False, "--requirement": False, "-c": True, "--constraint": True}
_HARMLESS = {"--prefer-binary", "--only-binary", "--require-hashes"}
"""they ask for what happens anyway: wheels first, hashes always checked"""
_INDEX = {
    *("-i", "--index-url", "--extra-index-url", "-f", "--find-links"),
    *("--no-index", "--trusted-host"),
}


@dataclass(frozen=True)
class Requirement:
    """One package as asked for. `name`: normalised; `line`: without options; `hashes`: or empty."""

    name: str
    line: str
    hashes: frozenset[str] = frozenset()

    @property
    def specifier(self) -> str:
        match = _NAME.match(self.line)
        assert match is not None
        return self.line[match.end() :].partition(";")[0].replace(" ", "")


@dataclass(frozen=True)
class Requirements:
    """What a project needs. `constraints` only bound versions; `prerelease`: `--pre` was there."""

    wanted: tuple[Requirement, ...] = ()
    constraints: tuple[Requirement, ...] = ()
    prerelease: bool = False


def screen(path: str, read: Read, allowed_indexes: frozenset[str] = frozenset()) -> Requirements:
    """`read` gives a file's bytes by its path inside the source, or None. Raises CannotBuild."""
    screening = _Screening(read, allowed_indexes)
    screening.file(path, constraint=False)
    return Requirements(tuple(screening.wanted), tuple(screening.constraints), screening.prerelease)


def listed(where: str, lines: Iterable[str]) -> Requirements:
    """Requirement lines of a file that is none of these. Raises CannotBuild."""
    wanted = tuple(_requirement(where, line) for line in lines)
    if len(wanted) > LINES_MAX:
        raise CannotBuild(f"{where} asks for more than {LINES_MAX} packages")
    return Requirements(wanted)


@dataclass
class _Screening:
    read: Read
    allowed_indexes: frozenset[str]
    wanted: list[Requirement] = field(default_factory=list[Requirement])
    constraints: list[Requirement] = field(default_factory=list[Requirement])
    prerelease: bool = False
    seen: set[tuple[str, bool]] = field(default_factory=set[tuple[str, bool]])

    def file(self, path: str, *, constraint: bool) -> None:
        if (path, constraint) in self.seen:
            return
        self.seen.add((path, constraint))
        if len(self.seen) > FILES_MAX:
            raise CannotBuild(
                f"{path} is the {FILES_MAX + 1}st requirements file; that is too many"
            )
        for number, line in _logical_lines(_text(path, self.read(path))):
            at = f"{path} line {number}"
            if line.startswith("-"):
                self._option(path, at, line, constraint)
            else:
                kept = self.constraints if constraint else self.wanted
                kept.append(_requirement(at, line))
        if len(self.wanted) + len(self.constraints) > LINES_MAX:
            raise CannotBuild(f"{path} asks for more than {LINES_MAX} packages")

    def _option(self, path: str, at: str, line: str, constraint: bool) -> None:
        match = _OPTION.fullmatch(line)
        option, value = (match[1], match[2].strip()) if match else (line, "")
        if option in _INCLUDE:
            target = _inside(at, path, value)
            self.file(target, constraint=constraint or _INCLUDE[option])
        elif option == "--pre":
            self.prerelease = True
        elif option in _INDEX and value not in self.allowed_indexes:
            raise CannotBuild(
                f"{at}: the package index is the operator's choice, not {option}'s",
                f"remove {option}; the operator sets indexes with UV_DEFAULT_INDEX and UV_INDEX",
            )
        elif option not in _INDEX and option not in _HARMLESS:
            raise _refused_option(at, option)


def _refused_option(at: str, option: str) -> CannotBuild:
    if option in ("-e", "--editable"):
        hint = "remove it: your own code is importable from the source's root anyway"
        return CannotBuild(f"{at}: editable installs are not supported", hint)
    if option == "--no-binary":
        hint = "remove it: dependencies are installed from wheels"
        return CannotBuild(f"{at}: {option} is not supported", hint)
    return CannotBuild(f"{at}: option {option} is not supported", "remove it")


def _requirement(at: str, line: str) -> Requirement:
    hashes = frozenset(_HASH.findall(line))
    bare = _HASH.sub("", line).strip()
    shown = bare[:80]
    match = _NAME.match(bare)
    rest = bare[match.end() :] if match else bare
    if "://" in bare or rest.startswith("@"):
        kind = "version control" if re.search(r"(git|hg|svn|bzr)\+", bare) else "a direct address"
        raise CannotBuild(
            f"{at}: packages from {kind} are not supported: {shown}",
            "name a package of the index, or put its code into the source",
        )
    if match is None or _PATH.match(bare):
        raise CannotBuild(
            f"{at}: {shown!r} is not a package of the index",
            "name packages like flask>=3; code inside the source is importable anyway",
        )
    if "${" in bare:
        raise CannotBuild(f"{at}: variables are not replaced: {shown}", "write the value itself")
    if _FURTHER_OPTION.search(bare):
        raise CannotBuild(f"{at}: options behind a package are not supported: {shown}")
    return Requirement(normalised(match[1]), bare, hashes)


def normalised(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


def _text(path: str, data: bytes | None) -> str:
    if data is None:
        raise CannotBuild(f"there is no {path} in the source")
    if len(data) >= BYTES_MAX:
        raise CannotBuild(f"{path} is longer than {BYTES_MAX // 1024} KiB")
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError:
        raise CannotBuild(f"{path} is not UTF-8", "save it as UTF-8") from None
    odd = next((c for c in text if not c.isprintable() and c not in "\t\r\n"), None)
    if odd is not None:
        raise CannotBuild(f"{path} holds the character {odd!r}", "save it as plain UTF-8 text")
    return text


def _logical_lines(text: str) -> Iterator[tuple[int, str]]:
    """(number of its first line, text), comments gone and continuations joined."""
    joined, start = "", 0
    lines = text.replace("\r\n", "\n").replace("\r", "\n").split("\n")
    for number, raw in enumerate(lines, start=1):
        line = _COMMENT.sub("", raw)
        start = start if joined else number
        if line.endswith("\\"):
            joined += line[:-1] + " "
            continue
        whole, joined = (joined + line).strip(), ""
        if whole:
            yield start, whole
    if joined.strip():
        yield start, joined.strip()


def _inside(at: str, path: str, target: str) -> str:
    """`target` as seen from the file `path`; both are inside the source. Raises CannotBuild."""
    if "://" in target:
        raise CannotBuild(f"{at}: {target[:80]} is not part of the source", "put it in there")
    parts = path.split("/")[:-1]
    for part in target.split("/"):
        if part == ".." and parts:
            parts.pop()
        elif part == ".." or target.startswith(("/", "~")) or not target:
            raise CannotBuild(f"{at}: {target[:80]!r} lies outside the source")
        elif part not in ("", "."):
            parts.append(part)
    return "/".join(parts)
