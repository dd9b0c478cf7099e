"""What a command takes, declared once: for argparse, and for words that can be read without it.

argparse is not imported until it is needed: for help, for complaints, and for every way of writing
that leaves it something to decide. What is read here it would have read in the same way.
"""

TYPE_CHECKING = False
if TYPE_CHECKING:
    import argparse
    from collections.abc import Iterable, Sequence
    from typing import Any

    Adds = argparse.ArgumentParser | argparse._MutuallyExclusiveGroup  # pyright: ignore


class Values:
    """What argparse calls a namespace; `types`, which has one, would have to be imported."""

    def __init__(self, **values: "Any") -> None:
        self.__dict__.update(values)


class Argument:
    """One declaration, as `argparse.add_argument` takes it. `group`: of these, one may be said."""

    def __init__(self, names: tuple[str, ...], options: "dict[str, Any]", group: int) -> None:
        self.names = names
        self.options = options
        self.group = group

    @property
    def dest(self) -> str:
        if "dest" in self.options:
            return self.options["dest"]
        long = next((name for name in self.names if name.startswith("--")), self.names[0])
        return long.lstrip("-").replace("-", "_")

    @property
    def positional(self) -> bool:
        return not self.names[0].startswith("-")

    @property
    def flag(self) -> bool:
        return self.options.get("action") == "store_true"

    @property
    def plain(self) -> bool:
        """A switch, or exactly one word."""
        counts = (None, "?") if self.positional else (None,)
        one_word = self.options.get("nargs") in counts and "const" not in self.options
        return one_word and (self.flag or "action" not in self.options)

    @property
    def default(self) -> "Any":
        return self.options.get("default", False if self.flag else None)


class Group:
    """Of what is added to it, one may be said."""

    def __init__(self, arguments: "Arguments", number: int) -> None:
        self._arguments = arguments
        self._number = number

    def add_argument(self, *names: str, **options: "Any") -> None:
        self._arguments.declared.append(Argument(names, options, self._number))


class Arguments:
    """`declared`: in order."""

    def __init__(self) -> None:
        self.declared: list[Argument] = []
        self._groups = 0

    def add_argument(self, *names: str, **options: "Any") -> None:
        self.declared.append(Argument(names, options, 0))

    def add_mutually_exclusive_group(self) -> Group:
        self._groups += 1
        return Group(self, self._groups)

    def add_to(self, parser: "argparse.ArgumentParser") -> None:
        groups: dict[int, Adds] = {0: parser}
        for one in self.declared:
            if one.group not in groups:
                groups[one.group] = parser.add_mutually_exclusive_group()
            groups[one.group].add_argument(*one.names, **one.options)

    def read(self, words: "Sequence[str]") -> Values | None:
        """None where it takes argparse to tell what is meant, or what is wrong."""
        said = _said(self.declared, words)
        if said is None or not _allowed(self.declared, said):
            return None
        values = {one.dest: one.default for one in self.declared}
        for one, word in said:
            value = True if word is None else _converted(one, word)
            if value is None:
                return None
            values[one.dest] = value
        return Values(**values)


Said = list[tuple[Argument, "str | None"]]


def _said(declared: "Iterable[Argument]", words: "Sequence[str]") -> Said | None:
    """What each word is about; a switch has no word of its own."""
    by_name = {name: one for one in declared for name in one.names if not one.positional}
    places = [one for one in declared if one.positional]
    if not all(one.plain for one in places):
        return None
    said: Said = []
    coming, closed = iter(words), False
    for word in coming:
        one = by_name.get(word)
        if one is None:
            if word.startswith("-") or closed or not places:
                return None
            said.append((places.pop(0), word))
            continue
        # Words on both sides of an option: which of them is which, argparse says.
        closed = any(other.positional for other, _ in said)
        value = None if one.flag else next(coming, "-")
        if not one.plain or (value or "").startswith("-"):
            return None
        said.append((one, value))
    return said


def _allowed(declared: "Iterable[Argument]", said: Said) -> bool:
    """All that has to be said is, and nothing that excludes the other, or is said twice."""
    about = [one for one, _ in said]
    groups = [one.group for one in about if one.group]
    needed = (
        one.options.get("required") or (one.positional and one.options.get("nargs") != "?")
        for one in declared
        if one not in about
    )
    return len({*groups}) == len(groups) and len({*about}) == len(about) and not any(needed)


def _converted(one: Argument, word: str) -> "Any":
    """None for what is no such value."""
    try:
        value = one.options.get("type", str)(word)
    except (TypeError, ValueError):
        return None
    choices = one.options.get("choices")
    return value if choices is None or value in choices else None
