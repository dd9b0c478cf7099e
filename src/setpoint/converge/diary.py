"""What passes came to since the last look at everything: who is at rest, and who is no more."""

import msgspec

from setpoint.converge.facts import digest
from setpoint.converge.observer import Sight
from setpoint.model.ids import AppId


class Rest(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """A pass found nothing to do, nor to wait for. `cursor`: what was written of the app up to
    there was read. `held`: the digest of what the world held of it."""

    cursor: int
    held: bytes


class Page(msgspec.Struct, array_like=True):
    """`all_ended`: nobody rested any more when it begins. `rests`: None for who was looked at
    since, or is gone."""

    all_ended: bool = False
    rests: dict[AppId, Rest | None] = {}


class Diary:
    """Each page is read once. What is written twice of an app says what was written last."""

    def __init__(self) -> None:
        self._page = Page()

    def begin(self, sight: Sight) -> None:
        """It was looked at, and is at rest."""
        self._page.rests[sight.unit.id] = Rest(sight.cursor, digest(sight.facts))

    def end(self, app: AppId) -> None:
        """It is to be looked at, or gone."""
        self._page.rests[app] = None

    def turn(self) -> Page:
        """What was written, for a reader; the next page begins."""
        page, self._page = self._page, Page()
        return page

    def put_back(self, page: Page) -> None:
        """Nobody has read it: the next reader finds it before what was written since."""
        if not self._page.all_ended:
            self._page = Page(page.all_ended, page.rests | self._page.rests)
