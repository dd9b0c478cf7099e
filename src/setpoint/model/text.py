"""Foreign text as it may be shown: what an app, a tool or a person wrote never moves a cursor."""


def printable(text: str) -> str:
    """One line: control characters, line breaks included, are spelled out."""
    return "".join(c if c.isprintable() else _escaped(c) for c in text)


def printable_lines(text: str) -> list[str]:
    """As many lines as it has, each printable; none for nothing but white space."""
    return [printable(line.expandtabs(4)) for line in text.strip().splitlines()]


def _escaped(c: str) -> str:
    return c.encode("unicode_escape").decode()
