"""The host: puts settings, worker, triggers and HTTP together, and takes them down in order."""

import asyncio
import hashlib
import json
import logging
import os
import signal
import socket
import threading
from collections.abc import Callable
from functools import partial
from pathlib import Path

from aiohttp import web
from azure.core.exceptions import AzureError
from azure.data.tables.aio import TableServiceClient

from local import keys, settings, storage, timers, worker
from local.invoker import Invoker
from local.logs import configure
from local.ports import bind
from local.protos import TypedData
from local.queue_output import QueueOutput, Queues
from local.queues import Listener
from local.routes import BadRoute
from local.settings import BadConfiguration, HostSettings
from local.timers import Timer
from local.web import Web
from local.work import Work
from local.worker import Function

log = logging.getLogger("local.host")

DISABLE_HOMEPAGE = "AzureWebJobsDisableHomepage"
HOST_ID = "AzureFunctionsWebHost__hostid"


class Host:
    """One host process. The app is loaded into this very process, so there can be one only.

    `app` is the folder of `host.json` and `function_app.py`; `port` 0 takes a free one, None the one
    that the settings file names.
    """

    def __init__(self, app: Path, port: int | None = None, settings_file: Path | None = None) -> None:
        self.app = app.resolve()
        self._settings_file = settings_file or self.app / "local.settings.json"
        self._port = port
        self._work = Work()
        self._queues = Queues()
        self.loops: list[asyncio.Task[None]] = []
        self._listeners: list[Listener] = []
        self._timer_tables: TableServiceClient | None = None
        self._runner: web.AppRunner | None = None
        self._timers: dict[str, Timer] = {}
        self.functions: dict[str, Function] = {}
        self.url = ""

    async def start(self) -> None:
        """Bring everything up; when this returns, requests are answered. Raises `BadConfiguration`."""
        config = settings.read_host_json(self.app)
        settings.apply_environment(settings.read_local_settings(self._settings_file))
        configure(config.log_levels)
        # Bound but not listening: callers are refused until the app is loaded, and the app can know its address.
        listening = bind(settings.read_local_port(self._settings_file) if self._port is None else self._port)
        self.url = f"http://127.0.0.1:{listening.getsockname()[1]}"
        os.environ.setdefault("WEBSITE_HOSTNAME", self.url.removeprefix("http://"))
        self.functions = {function.name: function for function in await worker.load(self.app)}
        output = QueueOutput(self._queues, config.queues.base64, self._wake)
        invoker = Invoker(output, config.function_timeout)
        self._listeners = self._queue_listeners(config, invoker)
        try:
            for listener in self._listeners:
                await listener.prepare()
            await self._prepare_timers(invoker)
        except AzureError as error:
            reason = str(error).splitlines()[0]
            raise BadConfiguration(
                f"The storage of {storage.HOST_STORAGE} does not answer: {reason}"
            ) from error
        await self._serve(listening, config, invoker)
        self.loops += [asyncio.create_task(listener.poll()) for listener in self._listeners]
        if os.environ.get("LOCAL_TIMERS", "1") != "0":
            watched = [self._timers[function.name] for function in self._enabled("timerTrigger")]
            self.loops += [asyncio.create_task(timer.watch()) for timer in watched]

    async def stop(self, patience: float) -> int:
        """Take no new work, let what runs finish for `patience` seconds, cancel the rest, close everything.

        Returns how many runs were cancelled.
        """
        for loop in self.loops:
            loop.cancel()
        if self._runner is not None:
            for site in list(self._runner.sites):
                await site.stop()
        await asyncio.gather(*self.loops, return_exceptions=True)
        cancelled = await self._work.drain(patience)
        if self._runner is not None:
            await self._runner.cleanup()
        await self._queues.close()
        if self._timer_tables is not None:
            await self._timer_tables.close()
        return cancelled

    def _queue_listeners(self, config: HostSettings, invoker: Invoker) -> list[Listener]:
        return [
            Listener(function, self._queues, config.queues, invoker, self._work)
            for function in self._enabled("queueTrigger")
        ]

    async def _prepare_timers(self, invoker: Invoker) -> None:
        functions = [function for function in self.functions.values() if function.kind == "timerTrigger"]
        if not functions:
            return
        self._timer_tables = storage.table_service(storage.HOST_STORAGE)
        table = await self._timer_tables.create_table_if_not_exists(timers.TABLE)
        for function in functions:
            self._timers[function.name] = Timer(function, table, host_id(self.app), invoker, self._work)

    async def _serve(self, listening: socket.socket, config: HostSettings, invoker: Invoker) -> None:
        async def run_by_hand(function: Function, text: str) -> None:
            if function.name in self._timers:
                await self._timers[function.name].fire()
            else:
                await invoker.run(function, TypedData(string=text))

        try:
            front = Web(
                self.functions,
                routed=self._enabled("httpTrigger"),
                prefix=config.route_prefix,
                homepage=os.environ.get(DISABLE_HOMEPAGE, "").lower() not in ("true", "1"),
                keys=keys.load(self.app / ".local"),
                invoker=invoker,
                work=self._work,
                run_by_hand=run_by_hand,
            )
        except BadRoute as error:
            raise BadConfiguration(str(error)) from None
        self._runner = web.AppRunner(front.application(), access_log=None, shutdown_timeout=1)
        await self._runner.setup()
        await web.SockSite(self._runner, listening, backlog=256).start()

    def _enabled(self, kind: str) -> list[Function]:
        functions = self.functions.values()
        return [one for one in functions if one.kind == kind and not settings.is_disabled(one.name)]

    def _wake(self, queue_name: str) -> None:
        for listener in self._listeners:
            if listener.queue_name == queue_name:
                listener.wake()


def host_id(app: Path) -> str:
    """What hosts of the same app share on one storage account; `AzureFunctionsWebHost__hostid` overrides."""
    return os.environ.get(HOST_ID) or hashlib.sha256(str(app).encode()).hexdigest()[:32]


async def run(host: Host, patience: float, watch_stdin: bool = False) -> int:
    """Start the host, print one "ready" JSON line, and stop it on SIGTERM or SIGINT; a second signal ends it hard.

    With `watch_stdin` the end of standard input counts as a signal: a host never outlives who started it.
    Returns the exit code: 1 when a listener failed.
    """
    stopping = asyncio.Event()
    loop = asyncio.get_running_loop()

    def signalled() -> None:
        if stopping.is_set():
            os._exit(1)
        stopping.set()

    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, signalled)
    if watch_stdin:
        ended = partial(loop.call_soon_threadsafe, signalled)
        threading.Thread(target=_until_stdin_ends, args=(ended,), daemon=True).start()
    try:
        await host.start()
    except BadConfiguration:
        await host.stop(0)
        raise
    ready = {"url": host.url, "pid": os.getpid(), "functions": sorted(host.functions)}
    print(json.dumps(ready), flush=True)
    signal_seen = asyncio.create_task(stopping.wait())
    await asyncio.wait({signal_seen, *host.loops}, return_when=asyncio.FIRST_COMPLETED)
    failed = [task for task in host.loops if task.done()]
    for task in failed:
        # A poller never ends by itself: going on without it would look healthy and do nothing.
        log.critical("A listener has failed; the host stops.", exc_info=task.exception())
    log.info("stopping")
    cancelled = await host.stop(patience)
    log.info("stopped", extra={"cancelled": cancelled})
    return 1 if failed else 0


def _until_stdin_ends(ended: Callable[[], object]) -> None:
    while os.read(0, 4096):  # not sys.stdin: a thread inside its buffer would trouble the interpreter's exit
        pass
    ended()
