"""What Business Central answers when it refuses: status, code, message."""

from __future__ import annotations

from http import HTTPStatus


class Refusal(Exception):
    """One refusal: the message goes out with the correlation id behind it.

    `plain`: without that id. `bare`: with an empty body instead.
    """

    def __init__(
        self,
        status: int,
        code: str,
        message: str,
        *,
        headers: dict[str, str] | None = None,
        plain: bool = False,
        bare: bool = False,
    ) -> None:
        super().__init__(message)
        self.status = status
        self.code = code
        self.message = message
        self.headers = headers or {}
        self.plain = plain
        self.bare = bare

    def body(self, correlation: str) -> dict[str, dict[str, str]] | None:
        if self.bare:
            return None
        tail = "" if self.plain else f"  CorrelationId:  {correlation}."
        return {"error": {"code": self.code, "message": self.message + tail}}


def bad_request(message: str, code: str = "BadRequest") -> Refusal:
    return Refusal(HTTPStatus.BAD_REQUEST, code, message)


def dialog(message: str) -> Refusal:
    """An AL `Error()`."""
    return bad_request(message, "Application_DialogException")


def unknown_property(name: str, entity: str) -> Refusal:
    return bad_request(
        f"The property '{name}' does not exist on type 'Microsoft.NAV.{entity}'. "
        "Make sure to only use property names that are defined by the type."
    )


def no_property_named(name: str, entity: str) -> Refusal:
    """The wording for query options."""
    return bad_request(f"Could not find a property named '{name}' on type 'Microsoft.NAV.{entity}'.")


def read_only(name: str) -> Refusal:
    return bad_request(f"Control '{name}' is read-only.")


def too_long(value: str, longest: int) -> Refusal:
    return bad_request(
        f"The length of the string is {len(value)}, but it must be less than or equal to {longest} characters. "
        f"Value: {value}",
        "Application_StringExceededLength",
    )


def not_in_table(field: str, table: str, value: str, related: str) -> Refusal:
    return bad_request(
        f"The field {field} of table {table} contains a value ({value}) that cannot be found in the related "
        f"table ({related}).",
        "Internal_InvalidTableRelation",
    )


def must_have_value(field: str, record: str) -> Refusal:
    return bad_request(
        f"{field} must have a value in {record}. It cannot be zero or empty.",
        "Application_FieldValidationException",
    )


def must_be(field: str, wanted: str, record: str, present: str) -> Refusal:
    return bad_request(
        f"{field} must be equal to '{wanted}'  in {record}. Current value is '{present}'.",
        "Application_FieldValidationException",
    )


def same_key(table: str, key: str, value: str, status: int) -> Refusal:
    return Refusal(
        status,
        "Internal_EntityWithSameKeyExists",
        f"The record in table {table} already exists. Identification fields and values: {key}='{value}'",
    )


def no_record(table: str, fields: str, status: int = HTTPStatus.NOT_FOUND) -> Refusal:
    return Refusal(
        status,
        "Internal_RecordNotFound",
        f"The {table} does not exist. Identification fields and values: {fields}",
    )


def no_segment(segment: str) -> Refusal:
    return Refusal(
        HTTPStatus.NOT_FOUND, "BadRequest_NotFound", f"Resource not found for the segment '{segment}'."
    )


def syntax(message: str = "Bad Request - Error in query syntax") -> Refusal:
    return Refusal(HTTPStatus.NOT_FOUND, "BadRequest_NotFound", message)


def bad_url(message: str) -> Refusal:
    return bad_request(message, "BadRequest_InvalidRequestUrl")


def not_allowed(method: str, set_name: str) -> Refusal:
    return Refusal(
        HTTPStatus.METHOD_NOT_ALLOWED,
        "BadRequest_MethodNotAllowed",
        f"'{method}' requests for '{set_name}' of EdmType 'Entity' are not allowed within Microsoft Dynamics NAV "
        "OData web services.",
    )


def no_token() -> Refusal:
    return bad_request(
        "Could not validate the client concurrency token required by the service. Please provide a valid token in "
        "the client request.",
        "BadRequest_InvalidToken",
    )


def changed() -> Refusal:
    return Refusal(
        HTTPStatus.CONFLICT, "Request_EntityChanged", "Another user has already changed the record."
    )


def not_authenticated() -> Refusal:
    return Refusal(
        HTTPStatus.UNAUTHORIZED,
        "Authentication_InvalidCredentials",
        "The server has rejected the client credentials.",
    )
