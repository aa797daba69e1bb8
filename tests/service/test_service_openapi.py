"""The OpenAPI document is what the server does."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from support.lazy import Lazy, skip_without
from support.services import Service

schemathesis: Any = Lazy("schemathesis")


@pytest.mark.slow
@skip_without("schemathesis")
def test_no_request_is_a_fault_of_the_server(service: Service) -> None:
    from schemathesis.checks import not_a_server_error
    from schemathesis.specs.openapi.checks import (
        content_type_conformance,
        response_schema_conformance,
        status_code_conformance,
    )

    checks = [
        not_a_server_error,
        status_code_conformance,
        content_type_conformance,
        response_schema_conformance,
    ]
    schema = schemathesis.openapi.from_url(f"{service.url}/openapi.json")
    # It answers 501 without a transcript, and 5xx is what the test looks for.
    operations = schema.exclude(path="/v1/audio/transcriptions").get_all_operations()
    for operation in [result.ok() for result in operations]:

        @settings(max_examples=40, deadline=None, suppress_health_check=list(HealthCheck))
        @given(case=operation.as_strategy())
        def call(case: Any) -> None:
            case.call_and_validate(checks=checks)

        call()


def test_the_document_has_every_route_with_its_errors(service: Service) -> None:
    with service.client() as client:
        document = client.get("/openapi.json").json()
    paths = document["paths"]
    assert set(paths) == {
        "/v1/emotion",
        "/v1/classify",
        "/v1/audio/transcriptions",
        "/v1/models",
        "/healthz",
        "/readyz",
        "/metrics",
    }
    assert {"200", "400", "413", "415", "422", "503"} <= set(
        paths["/v1/emotion"]["post"]["responses"]
    )
    assert {"PredictionDocument", "TimelineDocument", "ErrorObject"} <= set(
        document["components"]["schemas"]
    )


def test_every_reference_of_the_document_leads_somewhere(service: Service) -> None:
    with service.client() as client:
        document = client.get("/openapi.json").json()

    def walk(value: Any) -> None:
        if isinstance(value, dict):
            if "$ref" in value:
                name = value["$ref"].removeprefix("#/components/schemas/")
                assert name in document["components"]["schemas"]
            for part in value.values():
                walk(part)
        elif isinstance(value, list):
            for part in value:
                walk(part)

    walk(document)
