"""Plain stand-ins for the worker's gRPC messages.

`azure_functions_runtime` builds and reads these through a module handed to it; it needs their names, keyword
fields and `WhichOneof`, and nothing of protobuf. A field that was not given reads as `None`, as an unset message
field does.
"""

from typing import Any, ClassVar


class Message:
    """Keyword fields; anything else reads as None."""

    def __init__(self, **fields: Any) -> None:
        self.__dict__.update(fields)

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)
        return None


class WorkerInitResponse(Message): ...


class FunctionMetadataResponse(Message): ...


class FunctionLoadResponse(Message): ...


class FunctionEnvironmentReloadResponse(Message): ...


class InvocationResponse(Message): ...


class RpcFunctionMetadata(Message): ...


class RpcException(Message): ...


class RpcHttp(Message): ...


class RpcRetryOptions(Message): ...


class WorkerMetadata(Message): ...


class NullableString(Message): ...


class NullableBool(Message): ...


class NullableDouble(Message): ...


class NullableTimestamp(Message): ...


class Timestamp(Message): ...


class StatusResult(Message):
    Failure = 0
    Success = 1
    Cancelled = 2


class BindingInfo(Message):
    """Directions and data types as the wire format numbers them."""

    out = 1
    inout = 2
    undefined = 0
    string = 1
    binary = 2
    stream = 3


setattr(BindingInfo, "in", 0)  # a keyword in Python


class SameSite:
    Lax = 1
    Strict = 2
    ExplicitNone = 3


setattr(SameSite, "None", 0)  # a keyword in Python: the attribute is absent


class RpcHttpCookie(Message):
    SameSite: ClassVar[type[SameSite]] = SameSite


class TypedData:
    """One value of one kind. Unlike the others, an unset field raises: the worker probes for it."""

    KINDS = ("string", "json", "bytes", "stream", "http", "int", "double")

    def __init__(self, **kind: Any) -> None:
        self.__dict__.update(kind)

    def WhichOneof(self, _group: str) -> str | None:  # noqa: N802  protobuf's name
        """The kind that is set, or None for an empty value."""
        return next((kind for kind in self.KINDS if kind in self.__dict__), None)

    @property
    def value(self) -> Any:
        """The value itself, whatever its kind; None when empty."""
        kind = self.WhichOneof("data")
        return None if kind is None else self.__dict__[kind]


class ParameterBinding(Message):
    """A named value that goes into or comes out of a function."""

    def WhichOneof(self, _group: str) -> str:  # noqa: N802  protobuf's name
        """Always by value: shared memory and deferred bindings are not used here."""
        return "data"
