"""Work that is spread over processes, since Python's bookkeeping of many small files does not run in threads."""

from __future__ import annotations

import ctypes
import multiprocessing
import os
import platform
import signal
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Future, ProcessPoolExecutor
from typing import Generic, TypeVar

from onedigest.errors import InputError, Problem
from onedigest.oci.libdeflate import Budget, Inflater

MEMORY = 300 << 20
"""What the members that are inflated at one time may take in all workers together, in bytes."""

_DIE_WITH_PARENT = 1  # PR_SET_PDEATHSIG (prctl(2))

_LINUX = platform.system() == "Linux"

Item = TypeVar("Item")
Result = TypeVar("Result")

Prepare = Callable[[Callable[[int], None]], None]
"""Makes items ready, and tells their numbers as soon as they are."""

_inflater = Inflater(Budget.of_threads(MEMORY))


def inflater() -> Inflater:
    """Return the inflater of this process, which shares its budget with the other workers."""
    return _inflater


def map_in_processes(
    work: Callable[[Item], Result], items: Sequence[Item], count: int, prepare: Prepare = lambda _: None
) -> Iterator[Result]:
    """Yield the results of work on each item, in their order, from at most `count` processes.

    `prepare` is called when the processes are there, which are forked before it may start threads. It tells the items
    that can be worked on already, by their numbers; when it returns, all can. `work` and what it takes and gives are
    pickled. Raises one `InputError` with the problems of all workers, or the first OSError.
    """
    guarded = _Guarded(work)
    if count == 1 or len(items) < 2:
        prepare(lambda _: None)
        yield from _succeeded(map(guarded, items))
        return
    # a fork shares what is imported already; other systems start anew
    context = multiprocessing.get_context("fork" if _LINUX else "spawn")
    budget = Budget.of_processes(MEMORY, context)
    others = set(multiprocessing.active_children())
    pool = ProcessPoolExecutor(min(count, len(items)), context, initializer=_start, initargs=(budget, os.getpid()))
    futures: dict[int, Future[Result | _Failed]] = {}

    def start(number: int) -> None:
        futures[number] = pool.submit(guarded, items[number])

    try:
        list(pool.map(abs, range(count)))  # so that all processes are there
        prepare(start)
        for number in range(len(items)):
            if number not in futures:
                start(number)
        yield from _succeeded(futures[number].result() for number in range(len(items)))
    except (KeyboardInterrupt, GeneratorExit):  # here, or where the results are used
        for process in set(multiprocessing.active_children()) - others:  # nobody waits for what they make
            process.terminate()
        raise
    finally:
        pool.shutdown(cancel_futures=True)


def _succeeded(results: Iterable[Result | _Failed]) -> Iterator[Result]:
    """Yield results up to the first that is none. Raises `InputError` with what is wrong with all of them."""
    problems: list[Problem] = []
    for result in results:
        if isinstance(result, _Failed):
            problems += result.problems
        elif not problems:
            yield result
    if problems:
        raise InputError(dict.fromkeys(problems))


class _Failed:
    """The problems of a worker, since errors with several of them do not survive pickling."""

    def __init__(self, problems: tuple[Problem, ...]) -> None:
        self.problems = problems


class _Guarded(Generic[Item, Result]):
    def __init__(self, work: Callable[[Item], Result]) -> None:
        self._work = work

    def __call__(self, item: Item) -> Result | _Failed:
        try:
            return self._work(item)
        except InputError as error:
            return _Failed(error.problems)


def die_with(parent: int) -> None:
    """End this process when its parent, which has this process ID, ends; at once where it has ended already."""
    if _LINUX:
        ctypes.CDLL(None).prctl(_DIE_WITH_PARENT, signal.SIGKILL)
    if os.getppid() != parent:  # it ended between the fork and the line above, which then waits for a stranger
        os._exit(1)


def _start(budget: Budget, parent: int) -> None:
    """Prepare a worker: it leaves an interrupt to its parent, and does not outlive it."""
    global _inflater  # noqa: PLW0603  the one state of a worker process
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    if signal.getsignal(signal.SIGHUP) is not signal.SIG_IGN:  # as nohup has it
        signal.signal(signal.SIGHUP, signal.SIG_DFL)
    die_with(parent)
    _inflater = Inflater(budget)
