"""`/openapi.json`, and `/docs`: the API's description as one page of our own, which needs no network.

The page holds no script and loads nothing: it is rendered from the document, so that it is also readable in
a government network without access to a content delivery network.
"""

from html import escape
from typing import TYPE_CHECKING, Any, cast

from flask import Blueprint, Flask, Response, current_app

from ledger.formats import strictjson

if TYPE_CHECKING:
    from flask_openapi3.openapi import OpenAPI

_STYLE = """
body{font:16px/1.5 system-ui,"Noto Sans CJK SC",sans-serif;max-width:64rem;margin:2rem auto;padding:0 1rem}
h2{margin-top:2.5rem;border-bottom:1px solid #ccc}
details{border:1px solid #ccc;border-radius:4px;margin:.5rem 0;padding:.4rem .8rem}
summary{cursor:pointer}code,pre{font-family:ui-monospace,monospace;font-size:.92em}
.m{display:inline-block;min-width:3.5rem;font-weight:700}table{border-collapse:collapse;width:100%}
td,th{border:1px solid #ddd;padding:.25rem .5rem;text-align:left;vertical-align:top}
pre{background:#f6f6f6;padding:.6rem;overflow:auto}
"""


def register_docs(app: Flask) -> None:
    """Serve the document and the page."""
    described = Blueprint("openapi", __name__)
    page = Blueprint("docs", __name__)
    described.add_url_rule("/openapi.json", "document", _document)
    page.add_url_rule("/docs", "page", _page)
    app.register_blueprint(described)
    app.register_blueprint(page)


def _document() -> Response:
    return Response(strictjson.dumps(_described()), mimetype="application/json")


def _page() -> Response:
    document = _described()
    parts = [
        '<!doctype html><html lang="en"><meta charset="utf-8">',
        '<meta name="viewport" content="width=device-width,initial-scale=1">',
        f"<title>{escape(document['info']['title'])}</title><style>{_STYLE}</style>",
        f"<h1>{escape(document['info']['title'])}</h1><p>{escape(document['info']['description'])}</p>",
        '<p>Machine-readable: <a href="/openapi.json">/openapi.json</a> (OpenAPI 3.1).</p>',
    ]
    group = None
    for path, item in document["paths"].items():
        for method, operation in item.items():
            tag = (operation.get("tags") or ["other"])[0]
            if tag != group:
                group = tag
                parts.append(f"<h2>{escape(tag)}</h2>")
            parts.append(_operation(method, path, operation))
    parts.append("<h2>Schemas</h2>")
    for name, schema in sorted(document.get("components", {}).get("schemas", {}).items()):
        parts.append(
            f"<details id='{escape(name)}'><summary>{escape(name)}</summary>{_schema(schema)}</details>"
        )
    response = Response("".join(parts), mimetype="text/html")
    response.headers["Content-Security-Policy"] = "default-src 'none'; style-src 'unsafe-inline'"
    return response


def _described() -> dict[str, Any]:
    return cast("OpenAPI", current_app._get_current_object()).api_doc  # type: ignore[attr-defined]


def _operation(method: str, path: str, operation: dict[str, Any]) -> str:
    signed = "" if operation.get("security") == [] else " · signed"
    rows = "".join(
        f"<tr><td><code>{escape(p['name'])}</code></td><td>{escape(p['in'])}</td>"
        f"<td>{'required' if p.get('required') else ''}</td>"
        f"<td>{escape(p.get('description') or '')}</td></tr>"
        for p in operation.get("parameters", [])
    )
    parameters = f"<table><tr><th>name<th>in<th><th>what</tr>{rows}</table>" if rows else ""
    body = "".join(
        f"<p>Body <code>{escape(kind)}</code>: {_reference(content.get('schema', {}))}</p>"
        for kind, content in (operation.get("requestBody") or {}).get("content", {}).items()
    )
    answers = "".join(
        f"<li><code>{escape(status)}</code> {escape(answer.get('description', ''))}</li>"
        for status, answer in operation.get("responses", {}).items()
    )
    return (
        f"<details><summary><span class=m>{escape(method.upper())}</span> <code>{escape(path)}</code> "
        f"{escape(operation.get('summary') or '')}{signed}</summary>"
        f"<p>{escape(operation.get('description') or '')}</p>{parameters}{body}<ul>{answers}</ul></details>"
    )


def _reference(schema: dict[str, Any]) -> str:
    name = str(schema.get("$ref", "")).rsplit("/", 1)[-1]
    return f"<a href='#{escape(name)}'>{escape(name)}</a>" if name else escape(str(schema.get("type", "any")))


def _schema(schema: dict[str, Any]) -> str:
    import json

    return f"<pre>{escape(json.dumps(schema, indent=1, ensure_ascii=False))}</pre>"
