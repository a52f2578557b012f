"""Rung A5: a background thread fills slots, some batches ahead of training."""

from collections.abc import Callable, Iterator, Sequence
from queue import SimpleQueue
from threading import Thread
from typing import Generic, TypeVar

T = TypeVar("T")


class Filler(Generic[T]):
    """Slots filled in a thread and handed over in order; as many ahead as there are slots.

    `fill` runs in the thread and returns False at the end. What it raises is raised again in
    `filled`, after the batches before it. Leaving the context stops the thread and waits for it,
    also when the consumer stops early; an error in a batch that nobody asked for is then dropped.
    """

    def __init__(self, slots: Sequence[T], fill: Callable[[T], bool]) -> None:
        self._fill = fill
        self._free: SimpleQueue[T | None] = SimpleQueue()  # None: stop
        self._full: SimpleQueue[T | BaseException | None] = SimpleQueue()  # None: the end
        self._stopped = False
        for slot in slots:
            self._free.put(slot)
        self._thread = Thread(target=self._run, name="filler", daemon=True)

    def __enter__(self) -> "Filler[T]":
        try:
            self._thread.start()
            return self
        except BaseException:  # an interrupt: `__exit__` is not called then
            self._end()
            raise

    def __exit__(self, *_: object) -> None:
        self._end()

    def filled(self) -> Iterator[T]:
        """The filled slots in order; each is to be given back by `release`."""
        while (item := self._full.get()) is not None:
            if isinstance(item, BaseException):
                raise item
            yield item

    def release(self, slot: T) -> None:
        """Give a slot back to be filled again."""
        self._free.put(slot)

    def _end(self) -> None:
        self._stopped = True  # before the sentinel: free slots may stand in front of it
        self._free.put(None)
        if self._thread.is_alive():  # else it is over, or will fill nothing
            self._thread.join()

    def _run(self) -> None:
        try:
            while (slot := self._free.get()) is not None and not self._stopped:
                if not self._fill(slot):
                    break
                self._full.put(slot)
        except BaseException as error:  # whatever it is, the consumer must not wait for ever
            self._full.put(error)
        else:
            self._full.put(None)
