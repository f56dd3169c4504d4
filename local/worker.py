"""Drives Microsoft's worker library in this process: load the app, list its functions, run one."""

import json
import os
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from uuid import uuid4

import azure_functions_runtime

from local import protos
from local.logs import current_function, current_invocation
from local.protos import Message, ParameterBinding, TypedData
from local.settings import BadConfiguration

runtime: Any = azure_functions_runtime  # untyped


class FunctionFailed(Exception):
    """The function raised, or answered something its bindings do not take; `stack` is the worker's trace."""

    def __init__(self, message: str, stack: str) -> None:
        super().__init__(message)
        self.stack = stack


@dataclass(frozen=True)
class Function:
    """An indexed function and its bindings as JSON objects."""

    id: str
    name: str
    trigger: Mapping[str, Any]
    outputs: Mapping[str, Mapping[str, Any]]

    @property
    def kind(self) -> str:
        """`httpTrigger`, `queueTrigger`, `timerTrigger`."""
        return str(self.trigger["type"])


@dataclass(frozen=True)
class Answer:
    """What a function gave back: values by the name of the output binding, `$return` among them."""

    invocation: str
    outputs: Mapping[str, TypedData]


async def load(app: Path) -> list[Function]:
    """Index `function_app.py` of `app` and return its functions. Raises `BadConfiguration` when it cannot load.

    Once per process: the worker library keeps the app in module globals, and Python its modules.
    """
    sys.path.insert(0, str(app))
    os.chdir(app)
    runtime.start_threadpool_executor()
    started = await runtime.worker_init_request(
        Message(
            request=Message(
                worker_init_request=Message(function_app_directory=str(app), capabilities={}),
            ),
            properties={"host": "127.0.0.1", "protos": protos},
        )
    )
    if started.result.status != protos.StatusResult.Success:
        error = started.result.exception
        raise BadConfiguration(f"The app cannot be loaded: {error.message}\n{error.stack_trace}".rstrip())
    listed = await runtime.functions_metadata_request(Message(request=Message(), properties={}))
    return [_function(metadata) for metadata in listed.function_metadata_results or ()]


async def invoke(
    function: Function,
    data: TypedData,
    metadata: Mapping[str, TypedData] | None = None,
    trace_parent: str | None = None,
) -> Answer:
    """Run a function once with its trigger's value. Raises `FunctionFailed`."""
    invocation = str(uuid4())
    current_function.set(function.name)
    current_invocation.set(invocation)
    request = Message(
        invocation_id=invocation,
        function_id=function.id,
        input_data=[ParameterBinding(name=function.trigger["name"], data=data)],
        trigger_metadata=dict(metadata or {}),
        trace_context=Message(
            trace_parent=trace_parent or f"00-{uuid4().hex}-{uuid4().hex[:16]}-00",
            trace_state="",
            attributes={},
        ),
        retry_context=Message(retry_count=0, max_retry_count=0),
    )
    answer = await runtime.invocation_request(
        Message(request=Message(invocation_request=request), properties={})
    )
    if answer.result.status != protos.StatusResult.Success:
        error = answer.result.exception
        raise FunctionFailed(error.message or "The function failed.", error.stack_trace or "")
    outputs = {binding.name: binding.data for binding in answer.output_data or ()}
    if answer.return_value is not None:
        outputs["$return"] = answer.return_value
    return Answer(invocation, {name: data for name, data in outputs.items() if data is not None})


def _function(metadata: Message) -> Function:
    bindings: list[dict[str, Any]] = [json.loads(binding) for binding in metadata.raw_bindings]
    triggers = [binding for binding in bindings if str(binding["type"]).lower().endswith("trigger")]
    if len(triggers) != 1:
        raise BadConfiguration(f"The function {metadata.name} must have exactly one trigger.")
    outputs = {
        str(binding["name"]): binding for binding in bindings if str(binding["direction"]).lower() == "out"
    }
    return Function(str(metadata.function_id), str(metadata.name), triggers[0], outputs)
