"""The words of one line of a script, taken one by one. A Slip says what is wrong with them."""

import re
import shlex
from difflib import get_close_matches

UNITS_S = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0, "d": 86400.0}
_DURATION_RE = re.compile(r"([0-9]{1,6}(?:\.[0-9]{1,3})?)(ms|s|m|h|d)")
_FLAG_RE = re.compile(r"--[a-z]+")


class Slip(Exception):
    """Told as `cannot read FILE line N: <fact>`, with the hint."""

    def __init__(self, fact: str, hint: str = "") -> None:
        super().__init__(fact)
        self.fact = fact
        self.hint = hint


class Words:
    """`--flag VALUE` may stand anywhere after the verb. `usage`: how the line should read."""

    def __init__(self, words: list[str], usage: str) -> None:
        self.usage = usage
        self._words = words

    def option(self, flag: str) -> str | None:
        """Its value, taken out; None where it is not there."""
        if flag not in self._words:
            return None
        at = self._words.index(flag)
        if at + 1 >= len(self._words) or _FLAG_RE.fullmatch(self._words[at + 1]):
            raise self.slip(f"{flag} needs a value")
        value = self._words[at + 1]
        del self._words[at : at + 2]
        return value

    def flag(self, flag: str) -> bool:
        if flag not in self._words:
            return False
        self._words.remove(flag)
        return True

    def take(self, what: str) -> str:
        if not self._words:
            raise self.slip(f"{what} is missing")
        return self._words.pop(0)

    def maybe(self, default: str = "") -> str:
        return self._words.pop(0) if self._words else default

    def rest(self) -> list[str]:
        taken, self._words = self._words, []
        return taken

    def expect(self, word: str) -> None:
        """Exactly this word comes next."""
        found = self.take(f"'{word}'")
        if found != word:
            raise self.slip(f"{quoted(found)} stands where '{word}' should")

    def end(self) -> None:
        if self._words:
            raise self.slip(f"{quoted(self._words[0])} is one word too many")

    def slip(self, fact: str) -> Slip:
        return Slip(fact, f"write: {self.usage}")


def split(text: str) -> list[str]:
    """As a shell would; a comment ends the line. Raises Slip."""
    try:
        return shlex.split(text, comments=True)
    except ValueError:
        raise Slip("a quote is not closed") from None


def quoted(word: str) -> str:
    """Short enough for a message, and printable."""
    return ascii(word[:40])


def duration_s(word: str) -> float:
    """'500ms', '5s', '10m', '2h', '1d'. Raises Slip."""
    found = _DURATION_RE.fullmatch(word)
    if found is None:
        raise Slip(f"{quoted(word)} is no length of time", "for example 500ms, 5s, 10m, 2h")
    return float(found[1]) * UNITS_S[found[2]]


def count(word: str, most: int) -> int:
    """A whole number from 1. Raises Slip."""
    if not word.isdecimal() or not 1 <= int(word[:9]) <= most:
        raise Slip(f"{quoted(word)} is not a whole number from 1 to {most}")
    return int(word)


def nearest(word: str, known: list[str]) -> str:
    """The hint for a word nobody knows."""
    near = get_close_matches(word, known, n=1)
    return f"did you mean: {near[0]}" if near else f"known are: {', '.join(known)}"
