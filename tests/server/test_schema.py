"""What OpenAPI says of the server is what it does."""

import os
from typing import Any

import pytest
import schemathesis
from fastapi.testclient import TestClient
from hypothesis import HealthCheck, given
from hypothesis import settings as hypothesis_settings
from schemathesis import GenerationMode
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    negative_data_rejection,
    response_headers_conformance,
    response_schema_conformance,
    status_code_conformance,
    unsupported_method,
)

_EXAMPLES = int(os.environ.get("PHOTOCHROM_SCHEMA_EXAMPLES", "5"))
_CHECKS = [
    not_a_server_error,
    status_code_conformance,
    content_type_conformance,
    response_schema_conformance,
    response_headers_conformance,
    negative_data_rejection,
    unsupported_method,
]
"""All but those that take whatever suits the schema for a photo."""


_PLAIN = ("GET /healthz", "GET /metrics", "GET /api/v1/models", "GET /api/v1/limits")
_OF_PHOTOS = (
    "POST /api/v1/photos",
    "POST /api/v1/archives",
    *(f"{method} /api/v1/photos/{{id}}" for method in ("GET", "PATCH", "DELETE")),
    *(f"{method} /api/v1/photos/{{id}}/hints" for method in ("GET", "PUT", "DELETE")),
    *(f"GET /api/v1/photos/{{id}}/{part}" for part in ("picture", "file")),
)
_OF_BATCHES = ("GET /api/v1/jobs/{job}", "GET /api/v1/jobs/{job}/result", "DELETE /api/v1/jobs/{job}")
_UPLOADS = ("POST /api/v1/colorize", "POST /api/v1/batch")


@pytest.fixture(scope="module")
def schema(client: TestClient) -> Any:
    """What OpenAPI says, with the server that runs already, which is not to be started once more for each example."""

    async def running(scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] == "lifespan":
            for event in ("startup", "shutdown"):
                await receive()
                await send({"type": f"lifespan.{event}.complete"})
        else:
            await client.app(scope, receive, send)

    schema = schemathesis.openapi.from_dict(client.get("/openapi.json").json())
    schema.app = running
    return schema


@pytest.mark.slow
@pytest.mark.parametrize(
    ("operation", "mode"),
    [
        *((operation, GenerationMode.POSITIVE) for operation in _PLAIN + _OF_PHOTOS + _OF_BATCHES + _UPLOADS),
        ("POST /api/v1/colorize", GenerationMode.NEGATIVE),
    ],
)
def test_the_server_does_what_it_says(
    client: TestClient, schema: Any, operation: str, mode: GenerationMode, gray_photo: bytes
) -> None:
    method, _, path = operation.partition(" ")
    photo = client.post("/api/v1/photos", content=gray_photo).json()["id"]

    @given(case=schema[path][method].as_strategy(generation_mode=mode))
    @hypothesis_settings(max_examples=_EXAMPLES, deadline=None, suppress_health_check=list(HealthCheck))
    def answered(case: Any) -> None:
        if "{id}" in path and method != "DELETE":  # that of a photo which is there
            case.path_parameters["id"] = photo
        if path.endswith("archives") and isinstance(case.body, dict):
            for chosen in case.body.get("photos", []):
                chosen["id"] = photo
        case.call_and_validate(checks=_CHECKS, headers={"Host": "testserver"})

    answered()
