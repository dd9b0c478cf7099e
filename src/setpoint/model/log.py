"""Which lines of an app's log somebody wants to read."""

import msgspec


class LogFilter(msgspec.Struct, frozen=True):
    """`source`: 'app' or 'heroku'. `dyno`: 'web.1', or 'web' for all of that type. `since_s`: unix
    seconds. What is empty, or 0, lets everything through."""

    source: str = ""
    dyno: str = ""
    since_s: float = 0.0

    def keeps(self, source: str, dyno: str, at_s: float) -> bool:
        return (
            at_s >= self.since_s
            and self.source in ("", source)
            and self.dyno in ("", dyno, dyno.partition(".")[0])
        )


EVERYTHING = LogFilter()
