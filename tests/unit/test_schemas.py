"""The published schemas: one per kind, generated from the models, and saying what they check."""

import json
from typing import Any

import pytest
from bodies import BODIES
from flask_openapi3.openapi import OpenAPI
from jsonschema_rs import Draft202012Validator

from api.problems import register_problems
from api.routes import schemas
from ledger.domain import KINDS
from ledger.domain.schemas import TITLES, schema_of, summaries
from ledger.errors import KindUnknown


@pytest.fixture
def client() -> Any:
    app = OpenAPI(__name__)
    register_problems(app)
    app.register_api(schemas.blueprint)
    return app.test_client()


def test_every_kind_has_titles_and_a_schema() -> None:
    assert set(TITLES) == set(KINDS)
    assert [each["kind"] for each in summaries()] == list(KINDS)
    with pytest.raises(KindUnknown):
        schema_of("credit.rumour.spread")


@pytest.mark.parametrize("kind", BODIES)
def test_a_schema_takes_the_usual_body_and_refuses_what_the_model_refuses(kind: str) -> None:
    schema = schema_of(kind)
    validator = Draft202012Validator(schema)
    body = BODIES[kind]
    assert validator.is_valid(body)
    assert not validator.is_valid({**body, "more": 1})
    for name, field in KINDS[kind].model.model_fields.items():
        if field.is_required():
            missing = {key: value for key, value in body.items() if key != (field.alias or name)}
            assert not validator.is_valid(missing), name


def test_a_schema_is_titled_described_and_names_the_official_columns() -> None:
    schema = schema_of("credit.penalty.published")
    assert schema["title"] == "行政处罚 · Administrative penalty"
    assert schema["description"].startswith("`credit.penalty.published`")
    assert schema["properties"]["decided_on"]["title"] == "CF_JDRQ"
    assert schema["properties"]["decided_on"]["format"] == "date"
    assert schema["x-statement"]["sealed"] == {"organisation": "optional", "person": "required"}


def test_the_kinds_and_their_schemas_are_served_to_everybody(client: Any) -> None:
    listed = client.get("/v1/schemas").get_json()["schemas"]
    assert [each["kind"] for each in listed] == list(KINDS)
    for each in listed:
        answer = client.get(each["schema"])
        assert answer.status_code == 200
        assert answer.content_type == "application/schema+json"
        assert json.loads(answer.data) == schema_of(each["kind"])


def test_a_kind_that_does_not_exist_is_not_found(client: Any) -> None:
    assert client.get("/v1/schemas/credit.rumour.spread").status_code == 404
