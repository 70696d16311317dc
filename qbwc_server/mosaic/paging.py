"""Tells whether a list that is read page by page slid under the reader. Pure.

A page begins with the last object of the page before it. Where it does not, something
before it was deleted or added while the list was read, and an object may have slid past
us: it would look as if it had been deleted. Then the list is read again.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

MOST_READINGS = 4
"""How often a list is read that slides each time; then it is known not to be whole."""


@dataclass(slots=True)
class Pages:
    """One reading of a list in pages.

    `offset` is what the next page is asked from. `complete` says that the list came to
    its end, `slid` that it changed and this reading is of no use.
    """

    offset: int = 0
    complete: bool = False
    slid: bool = False
    _end: int = 0
    _last: int | None = None
    _overlaps: bool = False
    _met: set[int] = field(default_factory=set)

    def take(self, ids: Sequence[int], total: int | None) -> None:
        """Go on by the ids of a page, and the total that came with it, if any did.

        A page shorter than asked for proves nothing: Mosaic may have a ceiling of its
        own. Only one without anything new, or the promised number, is the end.
        """
        fresh = ids
        if self._overlaps:
            if not ids or ids[0] != self._last:
                self.slid = True
                return
            fresh = ids[1:]
        if fresh and self._met.issuperset(fresh):
            # The same page again: asked for ever, it would answer for ever.
            self.slid = True
            return
        self._met.update(fresh)
        self._end += len(fresh)
        if not fresh or self._end == total:
            self.complete = total is None or self._end >= total
            self.slid = not self.complete
            return
        self._last = ids[-1]
        # Pages of one object cannot overlap and go on.
        self._overlaps = len(ids) > 1
        self.offset = self._end - self._overlaps
