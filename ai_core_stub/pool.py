"""Worker processes that analyse, a bounded queue before them, and new ones for those that die."""

import asyncio
import contextlib
import multiprocessing
import os
import signal
from collections.abc import AsyncIterator, Callable
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from multiprocessing.context import BaseContext

from ai_core_stub import worker
from ai_core_stub.jobs import Done, Job, Recipe
from service_kit.heap import HeapOrder, Told
from service_kit.json_log import JsonLog

_RETRY_S = 1.0
_HEAP_S = 10.0
# else each worker starts a thread per core for matrices of a few rows, at twice the CPU
_THREADS = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "NUMBA_NUM_THREADS")


class QueueFullError(Exception):
    """As many analyses wait as may wait."""


class WorkerDiedError(Exception):
    """The worker ended while it analysed: out of memory, most often."""


class AnalysisTimeoutError(Exception):
    """The analysis took longer than it may."""


class Worker:
    """One process that does one thing at a time, and after `end` nothing more."""

    def __init__(self, context: BaseContext, *, follow_heap: bool) -> None:
        self._executor = ProcessPoolExecutor(1, mp_context=context, initializer=worker.begin, initargs=(follow_heap,))
        self.pid: int | None = None

    async def warm_up(self, recipe: Recipe) -> None:
        """Start the process. Raises BrokenProcessPool when it dies at that."""
        self.pid = await asyncio.get_running_loop().run_in_executor(self._executor, worker.warm_up, recipe)

    def start(self, job: Job) -> "asyncio.Future[Done]":
        """Begin an analysis. Raises BrokenProcessPool when the process has died before."""
        return asyncio.get_running_loop().run_in_executor(self._executor, worker.analyse, job)

    async def heap(self, order: HeapOrder, *, patience_s: float = _HEAP_S) -> Told:
        """What the process answers, once its analysis has ended, and the reason where it does not do so in time."""
        told = asyncio.get_running_loop().run_in_executor(self._executor, worker.heap, order)
        try:
            return await asyncio.wait_for(told, patience_s)
        except TimeoutError:
            why = f"it was busy for more than {patience_s:g} s"
        except (BrokenProcessPool, RuntimeError):
            why = "it ended"
        return {"pid": self.pid, "role": "worker", "missing": why}

    def end(self, *, wait: bool = False) -> None:
        """Kill the process, whatever it does; with `wait`, what the executor had of the system is given back too."""
        if self.pid is not None:
            with contextlib.suppress(ProcessLookupError):
                os.kill(self.pid, signal.SIGKILL)
        self._executor.shutdown(wait=wait, cancel_futures=True)


class Pool:
    """Gives jobs to idle workers, oldest job first. Use `running_pool` to get one."""

    def __init__(
        self,
        *,
        recipe: Recipe,
        workers: int,
        queue_limit: int,
        timeout_s: float,
        log: JsonLog,
    ) -> None:
        self._follows_heaps = False
        self._recipe = recipe
        self._size = workers
        self._limit = queue_limit
        self._timeout_s = timeout_s
        self._log = log
        self._context = _context()
        self._alive: set[Worker] = set()
        self._idle: asyncio.Queue[Worker] = asyncio.Queue()
        self._starts: set[asyncio.Task[None]] = set()
        self.waiting = 0
        self.on_waiting: Callable[[int], None] = lambda _: None

    @property
    def pids(self) -> tuple[int, ...]:
        """The processes of the workers that live now."""
        return tuple(member.pid for member in self._alive if member.pid is not None)

    async def run(self, job: Job) -> Done:
        """Analyse in a worker, after the jobs that came before.

        Raises QueueFullError at once, WorkerDiedError or AnalysisTimeoutError when the worker dies or takes too long,
        and TableError.
        """
        if self._idle.empty() and self.waiting >= self._limit:
            raise QueueFullError
        while True:
            member = await self._next_idle()
            try:
                future = member.start(job)
            except BrokenProcessPool:  # it died while it had nothing to do, so the job has lost nothing
                self._replace(member)
                continue
            return await self._finish(member, future)

    async def _next_idle(self) -> Worker:
        self._wait(1)
        try:
            return await self._idle.get()
        finally:
            self._wait(-1)

    def _wait(self, change: int) -> None:
        self.waiting += change
        self.on_waiting(self.waiting)

    async def _finish(self, member: Worker, future: "asyncio.Future[Done]") -> Done:
        usable = False
        try:
            done = await asyncio.wait_for(future, self._timeout_s)
            usable = True
        except BrokenProcessPool as error:
            raise WorkerDiedError(f"worker {member.pid} died while it analysed") from error
        except TimeoutError as error:
            raise AnalysisTimeoutError(f"the analysis took longer than {self._timeout_s:g} s") from error
        except Exception:
            usable = True  # the analysis failed, and the worker is as good as before
            raise
        else:
            return done
        finally:
            if usable:
                self._idle.put_nowait(member)
            else:  # also when the request was cancelled: the worker would go on with what nobody waits for
                self._replace(member)

    def _replace(self, member: Worker) -> None:
        self._log.write("warning", "a worker is replaced", pid=member.pid)
        self._alive.discard(member)
        member.end()
        task = asyncio.get_running_loop().create_task(self._start_until_it_works())
        self._starts.add(task)
        task.add_done_callback(self._starts.discard)

    async def _start_until_it_works(self) -> None:
        while True:
            try:
                await self._start()
            except (BrokenProcessPool, OSError) as error:
                self._log.write("error", "a worker does not start", exception=repr(error))
                await asyncio.sleep(_RETRY_S)
            else:
                return

    async def _start(self) -> None:
        member = Worker(self._context, follow_heap=self._follows_heaps)
        try:
            await member.warm_up(self._recipe)
        except BaseException:
            member.end()
            raise
        self._alive.add(member)
        self._idle.put_nowait(member)

    async def heaps(self, order: HeapOrder) -> list[Told]:
        """What each worker answers; one that starts later does as the others were told."""
        if order is not HeapOrder.TELL:
            self._follows_heaps = order is HeapOrder.FOLLOW
        return await asyncio.gather(*(member.heap(order) for member in tuple(self._alive)))

    async def start(self) -> None:
        """Have every worker warm."""
        await asyncio.gather(*(self._start() for _ in range(self._size)))

    def end(self) -> None:
        """Kill every worker."""
        for task in self._starts:
            task.cancel()
        for child in multiprocessing.active_children():
            child.kill()
        for member in self._alive:
            member.end(wait=True)


@contextlib.asynccontextmanager
async def running_pool(
    *, recipe: Recipe, workers: int, queue_limit: int, timeout_s: float, log: JsonLog
) -> AsyncIterator[Pool]:
    """A pool whose workers are warm; none is left afterwards."""
    pool = Pool(
        recipe=recipe,
        workers=workers,
        queue_limit=queue_limit,
        timeout_s=timeout_s,
        log=log,
    )
    try:
        await pool.start()
        yield pool
    finally:
        pool.end()


def _context() -> BaseContext:
    # SHAP holds the GIL, so threads would not do; forked from a process that has SHAP, a worker is there in
    # milliseconds and takes a quarter of the memory that it takes when it imports SHAP itself
    for name in _THREADS:
        os.environ.setdefault(name, "1")
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(["ai_core_stub.preload"])
    return context
