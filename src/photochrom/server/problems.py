"""Errors as callers see them: problem details by RFC 9457."""

import json
from collections.abc import Collection, Iterable, Mapping
from difflib import get_close_matches
from http import HTTPStatus
from typing import Any, Literal, NamedTuple

from fastapi import Request
from fastapi.exceptions import RequestValidationError
from pydantic import BaseModel, Field
from starlette.exceptions import HTTPException
from starlette.responses import Response

from photochrom.errors import (
    BusyError,
    GoneError,
    InColorError,
    LostError,
    PhotochromError,
    SlowError,
    TooLargeError,
    UnreadableError,
)

MEDIA_TYPE = "application/problem+json"

_MOST_ERRORS = 20
_LONGEST_NAME = 64


class ProblemDetails(BaseModel):
    """What is wrong, and what to do about it."""

    type: str = Field(description="Names the kind of problem; about:blank if the status says it all.")
    title: str = Field(description="The kind in words; the same for each occurrence.")
    status: int = Field(description="The HTTP status.")
    detail: str = Field(description="What is wrong this time, and what to do.")
    errors: list[dict[str, Any]] | None = Field(default=None, description="Which fields are wrong, and how.")


PROBLEM_RESPONSES: dict[int | str, dict[str, Any]] = {
    status: {
        "description": description,
        "content": {MEDIA_TYPE: {"schema": {"$ref": "#/components/schemas/ProblemDetails"}}},
    }
    for status, description in (
        ("4XX", "The request cannot be served as it is."),
        ("5XX", "The server cannot serve it now."),
        (422, "A field is missing, out of range, or does not suit the photo."),
    )
}
"""The OpenAPI description of failures, for routes."""


class Problem(HTTPException):
    """A failure as callers see it."""

    def __init__(
        self,
        status: int,
        detail: str,
        *,
        kind: str | None = None,
        title: str | None = None,
        headers: Mapping[str, str] | None = None,
        errors: list[dict[str, Any]] | None = None,
    ) -> None:
        """Put it together.

        Args:
            detail: What is wrong this time, and what to do.
            kind: Names the kind of problem, if the status does not say it all.
            title: The kind in words; the status's if not given.
        """
        super().__init__(status, detail, headers)
        self.details = ProblemDetails(
            type=f"urn:photochrom:{kind}" if kind else "about:blank",
            title=title or HTTPStatus(status).phrase,
            status=status,
            detail=detail,
            errors=errors,
        )


class _Kind(NamedTuple):
    error: type[PhotochromError]
    status: int
    name: str
    title: str


_KINDS = (
    _Kind(GoneError, 404, "photo-gone", "The photo is gone"),
    _Kind(InColorError, 422, "photo-in-color", "The photo is in color already"),
    _Kind(TooLargeError, 413, "photo-too-large", "The photo has too many pixels"),
    _Kind(UnreadableError, 415, "photo-unreadable", "This is no photo that can be read"),
    _Kind(SlowError, 504, "photo-too-slow", "The photo took too long"),
    _Kind(LostError, 500, "photo-lost", "Coloring the photo failed"),
    _Kind(BusyError, 503, "queue-full", "Too many photos wait"),
    _Kind(PhotochromError, 422, "not-possible", "The photo cannot be colored so"),
)
_RETRY_SECONDS = "5"


def problem_of(error: Exception) -> Problem:
    """The problem for an error; a fault in our code is reported without details."""
    if isinstance(error, Problem):
        return error
    if isinstance(error, RequestValidationError):
        return Problem(422, "a field is missing or out of range; see errors", errors=_field_errors(error))
    if isinstance(error, HTTPException):
        return Problem(error.status_code, error.detail, headers=error.headers)
    for kind in _KINDS:
        if isinstance(error, kind.error):
            headers = {"Retry-After": _RETRY_SECONDS} if kind.status == 503 else None
            return Problem(kind.status, str(error), kind=kind.name, title=kind.title, headers=headers)
    return Problem(500, "internal error; see the server's log")


def _field_errors(error: RequestValidationError) -> list[dict[str, Any]]:
    """The wrong fields and messages, without the values that were sent."""
    return [
        {"field": ".".join(map(str, entry["loc"])), "message": entry["msg"]} for entry in error.errors()[:_MOST_ERRORS]
    ]


def require_known(names: Iterable[str], known: Collection[str], place: Literal["body", "query"] = "body") -> None:
    """Refuse names that mean nothing, such as a misspelt one, which would be passed over.

    Args:
        names: The fields of a form, or the parameters of an address.
        known: Those that the route has.
        place: Where they stand.

    Raises:
        Problem: There is such a name; those that it may have meant are told.
    """
    kind = {"body": "field", "query": "parameter"}[place]
    errors = []
    for name in names:
        if name not in known:
            near = get_close_matches(name[:_LONGEST_NAME], known, n=1)
            there = f"there are: {', '.join(known)}" if known else "this address takes none"
            hint = f"did you mean {near[0]}?" if near else there
            errors.append({"field": f"{place}.{name[:_LONGEST_NAME]}", "message": f"There is no such {kind}; {hint}"})
    if errors:
        raise Problem(422, f"a {kind} is unknown; see errors", errors=errors[:_MOST_ERRORS])


def problem_response(problem: Problem) -> Response:
    """The HTTP response for a problem."""
    content = json.dumps(problem.details.model_dump(exclude_none=True))
    return Response(content, problem.status_code, problem.headers, MEDIA_TYPE)


async def tell(_: Request, error: Exception) -> Response:
    """The response to a request that failed."""
    return problem_response(problem_of(error))
