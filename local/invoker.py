"""One way to run a function for every trigger: time limit, log line, output bindings."""

import asyncio
import logging
import time
from collections.abc import Mapping

from azure.core.exceptions import AzureError

from local import worker
from local.protos import TypedData
from local.queue_output import QueueOutput
from local.worker import Answer, Function, FunctionFailed

log = logging.getLogger("local.invocation")


class Invoker:
    """Runs functions and sends what they put on queues."""

    def __init__(self, output: QueueOutput, function_timeout: float | None) -> None:
        self._output = output
        self._timeout = function_timeout

    async def run(
        self,
        function: Function,
        data: TypedData,
        metadata: Mapping[str, TypedData] | None = None,
        trace_parent: str | None = None,
    ) -> Answer:
        """Run to the end, output bindings included, with one log line for the outcome.

        Raises `FunctionFailed`; a timeout counts as such. Cancellation is logged and passed on.
        """
        began = time.monotonic()
        outcome = "cancelled"
        try:
            async with asyncio.timeout(self._timeout):
                answer = await worker.invoke(function, data, metadata, trace_parent)
                await self._output.send(function, answer)
            outcome = "succeeded"
            return answer
        except TimeoutError:
            outcome = "timed out"
            raise FunctionFailed(f"{function.name} took longer than {self._timeout} s.", "") from None
        except AzureError as error:
            outcome = "failed"
            raise FunctionFailed(f"An output of {function.name} cannot be sent: {error}", "") from error
        except FunctionFailed as failure:
            outcome = "failed"
            log.error("%s", failure, extra={"stack": failure.stack})  # noqa: TRY400  the worker's trace says more
            raise
        finally:
            duration = round((time.monotonic() - began) * 1000)
            log.info("invocation %s", outcome, extra={"outcome": outcome, "duration_ms": duration})
