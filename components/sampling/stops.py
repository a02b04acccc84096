"""Stop strings: where a text ends that is written token by token, and what of it may be shown before that.

A stop string may lie across several tokens, and end in the middle of one. So the search is over bytes and not over
ids, and text that could be the beginning of a stop string is held back until it is clear what it becomes.
"""

from __future__ import annotations

from collections.abc import Sequence

STOPS = 8
STOP_BYTES = 200


def check_stops(stops: Sequence[str]) -> tuple[str, ...]:
    """The stop strings without doubles, in their order.

    Raises:
        ValueError: too many, an empty one, one that is too long, or one that is no text.
    """
    if isinstance(stops, str):
        raise ValueError("Stop strings have to be a list of texts; put the one text into a list.")
    found = tuple(dict.fromkeys(stops))
    if len(found) > STOPS:
        raise ValueError(f"There are {len(found)} stop strings and the limit is {STOPS}; remove some.")
    for stop in found:
        if not isinstance(stop, str):
            raise ValueError(f"A stop string has to be text, not {type(stop).__name__}; pass a string.")
        if not stop:
            raise ValueError("A stop string is empty, so every text would end at once; remove it.")
        try:
            size = len(stop.encode("utf-8"))
        except UnicodeEncodeError as problem:
            raise ValueError("A stop string holds half of a broken character; remove it.") from problem
        if size > STOP_BYTES:
            raise ValueError(f"A stop string has {size} bytes and the limit is {STOP_BYTES}; shorten it.")
    return found


def held_back(data: bytes, stops: Sequence[bytes]) -> int:
    """How many bytes at the end of `data` may not be shown yet.

    They could become a stop string, or they are the beginning of a character that is not whole.

    >>> held_back(b"one\\nUs", [b"\\nUser:"])
    3
    """
    longest = max((len(stop) for stop in stops), default=0)
    held = next(
        (size for size in range(min(longest - 1, len(data)), 0, -1)
         if any(stop.startswith(data[-size:]) for stop in stops)),
        0,
    )
    return max(held, _open_character(data))


def _open_character(data: bytes) -> int:
    """Bytes at the end that begin a character of UTF-8 which is not whole yet."""
    for back in range(1, min(3, len(data)) + 1):
        byte = data[-back]
        if byte & 0b1100_0000 == 0b1000_0000:  # goes on with a character; its first byte is further left
            continue
        size = 2 if 0xC2 <= byte <= 0xDF else 3 if 0xE0 <= byte <= 0xEF else 4 if 0xF0 <= byte <= 0xF4 else 1
        return back if size > back else 0
    return 0


class StopWatch:
    """Follows a text as it is written, token by token.

    It stops with the same token as `StopStringCriteria` of transformers, which `generate(stop_strings=...)` uses: as
    soon as a stop string ends in the newest token, also where it has begun in the prompt. The library leaves the stop
    string in the text; here the text is cut exactly in front of it.

    Attributes:
        stop: the stop string that has ended the text, or None.
    """

    def __init__(self, stops: Sequence[str] = (), *, before: bytes = b"") -> None:
        """
        Args:
            stops: see `check_stops`.
            before: UTF-8 bytes of the prompt; only as much of its end is kept as a stop string could reach into.
        """
        self._stops = [stop.encode("utf-8") for stop in check_stops(stops)]
        longest = max((len(stop) for stop in self._stops), default=0)
        self._data = bytearray(before[len(before) - min(len(before), max(0, longest - 1)):])
        self._from = len(self._data)
        self._cut: int | None = None
        self.stop: str | None = None

    def push(self, piece: bytes) -> bool:
        """Take in the bytes of one more token; True where the text ends with it."""
        if self._cut is not None:
            return True
        old = len(self._data)
        self._data += piece
        found = [
            (place, stop)
            for stop in self._stops
            if (place := self._data.find(stop, max(0, old - len(stop) + 1))) >= 0
        ]
        if found:
            # Of several, the one that begins first cuts; of those, the longest.
            self._cut, stop = min(found, key=lambda one: (one[0], -len(one[1])))
            self.stop = stop.decode("utf-8")
        return bool(found)

    @property
    def shown(self) -> str:
        """What may be shown while the text is being written."""
        if self._cut is not None:
            return self.text
        # What lies in the prompt belongs to nobody's answer, but it may be where a stop string begins.
        held = held_back(bytes(self._data), self._stops)
        return bytes(self._data[self._from : max(self._from, len(self._data) - held)]).decode("utf-8", "replace")

    @property
    def text(self) -> str:
        """The whole text, cut exactly in front of the stop string where one has come."""
        end = len(self._data) if self._cut is None else max(self._from, self._cut)
        return bytes(self._data[self._from : end]).decode("utf-8", "replace")
