"""The operations, one module per thing they are about; a handler parses, calls and maps, no more."""

from flask_openapi3.blueprint import APIBlueprint

from api.routes import (
    anchors,
    bundles,
    cases,
    certificates,
    checks,
    entries,
    health,
    index,
    members,
    overdue,
    proofs,
    quality,
    receipts,
    records,
    schemas,
    sheets,
    subjects,
    subscriptions,
    trails,
    witnesses,
)

BLUEPRINTS: tuple[APIBlueprint, ...] = (
    health.blueprint,
    entries.blueprint,
    proofs.blueprint,
    index.blueprint,
    bundles.blueprint,
    anchors.blueprint,
    checks.blueprint,
    receipts.blueprint,
    trails.blueprint,
    certificates.blueprint,
    members.blueprint,
    schemas.blueprint,
    sheets.blueprint,
    subjects.blueprint,
    cases.blueprint,
    records.blueprint,
    quality.blueprint,
    overdue.blueprint,
    subscriptions.blueprint,
    witnesses.blueprint,
)
