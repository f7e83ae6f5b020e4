"""Whatever the document allows, or nearly allows, the service never answers with a 5xx."""

import io
import json
import os
from collections.abc import Iterable
from typing import Any

import hypothesis
import pytest
import schemathesis
from schemathesis.generation import GenerationMode

from ledger.formats.http_signature import body_digest, sign_request

EXAMPLES = 15


@schemathesis.serializer("application/x-ndjson", "application/vnd.dsse.envelope.v1+json")
def json_or_bytes(_: Any, value: Any) -> bytes:
    """Both are lines of JSON; what is generated may be anything."""
    return value if isinstance(value, bytes) else json.dumps(value).encode()


class Signing:
    """Middleware that signs what passes, so that the generated requests reach the handlers."""

    def __init__(self, city: Any) -> None:
        self.city = city
        self.config = city.app.config

    def __call__(self, environ: dict[str, Any], start: Any) -> Iterable[bytes]:
        body = environ["wsgi.input"].read(int(environ.get("CONTENT_LENGTH") or 0))
        environ["wsgi.input"] = io.BytesIO(body)
        member = self.city.members_in_turn()
        headers = sign_request(
            self.city.signers[member],
            environ["REQUEST_METHOD"],
            environ["PATH_INFO"].encode("latin-1").decode("utf-8", "replace"),
            environ.get("QUERY_STRING", ""),
            body_digest(body) if body else None,
            created=self.city.clock() // 1000,
            nonce=os.urandom(16),
        )
        for name, value in headers.items():
            environ["HTTP_" + name.upper().replace("-", "_")] = value
        return self.city.app(environ, start)


@pytest.fixture
def document(city: Any, event: Any) -> Any:
    """The schema over a city that holds one published entry."""
    turn = iter(range(10**9))
    everybody = [city.OPERATOR, city.OFFICER, city.AUDITOR, city.PUBLISHER]
    city.members_in_turn = lambda: everybody[next(turn) % len(everybody)]
    assert city.submit(city.compose("access.event.recorded", event)).status_code == 201
    city.publish()
    return schemathesis.openapi.from_wsgi("/openapi.json", Signing(city))


def test_no_request_makes_a_5xx(document: Any) -> None:
    operations = [each.ok() for each in document.get_all_operations()]
    assert len(operations) >= 19
    for operation in operations:
        for mode in GenerationMode.POSITIVE, GenerationMode.NEGATIVE:
            _try(operation, mode)


def _try(operation: Any, mode: GenerationMode) -> None:
    @hypothesis.given(case=operation.as_strategy(generation_mode=mode))
    @hypothesis.settings(
        max_examples=EXAMPLES,
        deadline=None,
        derandomize=True,
        database=None,
        suppress_health_check=list(hypothesis.HealthCheck),
    )
    def answers(case: Any) -> None:
        response = case.call()
        assert response.status_code < 500, response.text
        if response.status_code >= 400 and response.status_code != 405:
            assert response.headers["content-type"][0] == "application/problem+json"

    try:
        answers()
    except hypothesis.errors.Unsatisfiable:
        # Nothing can be negated in an operation without parameters.
        assert mode is GenerationMode.NEGATIVE
