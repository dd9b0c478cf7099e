"""Config values in what a build says, told by their names: output is kept, read and sent about."""

import re
from collections.abc import Mapping
from dataclasses import dataclass

CHARS_MIN = 8
"""Shorter values are words like `true` or `8080`; told by their names they would hide what is
meant, and whoever can guess them needs no output."""


@dataclass(frozen=True)
class Veil:
    """`names`: what stands for each value."""

    names: Mapping[str, str]
    pattern: re.Pattern[str] | None

    @staticmethod
    def of(environment: Mapping[str, str]) -> "Veil":
        names = {
            part: f"${key}"
            for key, value in environment.items()
            for part in (value, *value.splitlines())
            if len(part) >= CHARS_MIN
        }
        longest_first = sorted(names, key=len, reverse=True)
        parts = "|".join(map(re.escape, longest_first))
        return Veil(names, re.compile(parts) if parts else None)

    def over(self, text: str) -> str:
        if self.pattern is None:
            return text
        return self.pattern.sub(lambda found: self.names[found[0]], text)
