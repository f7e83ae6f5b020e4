"""The Flask application: wires routes, authentication, limits, metrics and errors, and knows nothing else.

    app = create_app(deployment)

`deployment` is an open `ledger.deployment.Deployment`. The handlers in `api.routes` parse, call and map;
what is decided here for all of them is who is calling, how large a request may be, and what an error says.
"""

import threading
import time
from collections import Counter
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from flask import Flask, Response, g, request
from flask.json.provider import JSONProvider
from flask_openapi3.models.info import Info
from flask_openapi3.openapi import OpenAPI

from api.auth import Authenticator, check_body
from api.docs import register_docs
from api.metrics import Metrics
from api.nonces import NonceStore
from api.problems import parameter_error, problem, register_problems
from api.roles import RULES, Rule
from api.routes import BLUEPRINTS
from api.routes.sheets import forget_sheets
from api.schema import amend_document
from ledger.errors import HeadersTooLarge, MediaTypeUnsupported, Overloaded, RoleMissing, TooLarge
from ledger.formats import strictjson

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIEnvironment

    from ledger.deployment import Deployment

EXTENSION = "xinzheng"
QUERY_LIMIT = 4 << 10
HEADERS_LIMIT = 16 << 10
PATH_LIMIT = 1 << 10
BODY_TURN_SECONDS = 0.05
"""How long a request may wait until fewer bodies of its sender are being read."""
VERSION = "1.0.0"


class StrictJson(JSONProvider):
    """JSON as everywhere in this project: no duplicate keys, no floats, no lone surrogates."""

    def loads(self, s: str | bytes, **_: Any) -> Any:
        return strictjson.loads(s if isinstance(s, bytes) else s.encode("utf-8", "surrogatepass"))

    def dumps(self, obj: Any, **_: Any) -> str:
        return strictjson.dumps(obj).decode("utf-8")


class StrictOpenAPI(OpenAPI):
    """flask-openapi3's application with our JSON rules."""

    json_provider_class = StrictJson


class InFlight:
    """WSGI middleware: at most `limit` requests at once in this process, others are told to come back."""

    def __init__(self, app: Flask, limit: int) -> None:
        self._app = app
        self._wsgi = app.wsgi_app
        self._slots = threading.BoundedSemaphore(limit)

    def __call__(self, environ: "WSGIEnvironment", start: "StartResponse") -> Iterable[bytes]:
        if not self._slots.acquire(blocking=False):
            with self._app.app_context():
                refused: Iterable[bytes] = problem(Overloaded())(environ, start)
            return refused
        try:
            return self._wsgi(environ, start)
        finally:
            self._slots.release()


class Bodies:
    """How many bodies of one sender are being read at once in this process."""

    def __init__(self, most: int) -> None:
        self._most = most
        self._changed = threading.Condition()
        self._reading: Counter[str] = Counter()

    def begin(self, sender: str) -> Callable[[], None]:
        """Take a turn, which ends with what this returns, once. Raises `Overloaded`."""
        with self._changed:
            if not self._changed.wait_for(lambda: self._reading[sender] < self._most, BODY_TURN_SECONDS):
                raise Overloaded
            self._reading[sender] += 1
        ended = False

        def end() -> None:
            nonlocal ended
            with self._changed:
                if not ended:
                    ended = True
                    self._reading[sender] -= 1
                    if not self._reading[sender]:
                        del self._reading[sender]
                    self._changed.notify_all()

        return end


def create_app(deployment: "Deployment") -> Flask:
    """The WSGI application over an open deployment; raises nothing of its own."""
    app = StrictOpenAPI(
        __name__,
        info=Info(title="Xinzheng (信证)", version=VERSION, description=_DESCRIPTION),
        doc_ui=False,
        validation_error_status=400,
        validation_error_callback=parameter_error,
        static_folder=None,
        security_schemes={"signature": _SECURITY_SCHEME},
    )
    app.url_map.strict_slashes = True
    app.url_map.redirect_defaults = False
    app.url_map.merge_slashes = False
    nonces = NonceStore(Path(deployment.nonce_path), time.time)
    deployment.prepare()
    forget_sheets(deployment)
    authenticator = Authenticator(deployment.directory, nonces, deployment.clock)
    # A body is read for as long as its sender likes. Who announces one and does not send it, a member or all
    # strangers together, may hold up what he asks himself, and not the threads that serve everybody else.
    bodies = Bodies(max(1, deployment.config.api.threads * 3 // 4))
    metrics = Metrics(deployment)
    app.extensions[EXTENSION] = deployment
    app.extensions["xinzheng.metrics"] = metrics
    register_problems(app)
    for blueprint in BLUEPRINTS:
        app.register_api(blueprint)
    register_docs(app)
    amend_document(app)

    @app.before_request
    def admit() -> None:
        g.started = time.perf_counter()
        _check_sizes(request.environ)
        if request.routing_exception is not None:
            raise request.routing_exception
        rule = RULES.get(request.endpoint or "")
        if rule is None:
            raise RoleMissing("this operation is open to nobody")
        _limit_body(rule)
        g.rule = rule
        if rule.signed:
            g.principal, g.digest = authenticator.authenticate(request.environ, rule)
            if rule.body_limit:
                g.reading = bodies.begin(g.principal.keyid)
                if not rule.streamed:
                    check_body(_read_body(), g.digest)
        elif rule.body_limit:
            g.reading = bodies.begin("")
            _read_body()
        if rule.body_limit and request.mimetype not in rule.media_types:
            raise MediaTypeUnsupported(f"send one of {', '.join(rule.media_types)}")

    @app.teardown_request
    def end_body(_: BaseException | None) -> None:
        if "reading" in g:
            g.reading()

    @app.after_request
    def count(response: Response) -> Response:
        metrics.observe(request.endpoint or "none", response.status_code, time.perf_counter() - g.started)
        response.headers["X-Content-Type-Options"] = "nosniff"
        response.headers.setdefault("Cache-Control", "no-store")
        return response

    app.wsgi_app = InFlight(app, deployment.config.limits.in_flight)  # type: ignore[assignment, method-assign]
    return app


def _read_body() -> bytes:
    """The whole body; ends its sender's turn."""
    body = request.get_data()
    g.reading()
    return body


def _limit_body(rule: Rule) -> None:
    request.max_content_length = rule.body_limit
    announced = request.content_length or "HTTP_TRANSFER_ENCODING" in request.environ
    if announced and not rule.body_limit:
        raise TooLarge("this operation takes no body")


def _check_sizes(environ: "WSGIEnvironment") -> None:
    if len(environ.get("QUERY_STRING", "")) > QUERY_LIMIT or len(environ["PATH_INFO"]) > PATH_LIMIT:
        raise HeadersTooLarge(f"the path is over {PATH_LIMIT} or the query over {QUERY_LIMIT} bytes")
    total = 0
    for name, value in environ.items():
        if name.startswith("HTTP_"):
            total += len(name) + len(value)
    if total > HEADERS_LIMIT:
        raise HeadersTooLarge(f"the headers are over {HEADERS_LIMIT} bytes")


_SECURITY_SCHEME = {
    "type": "http",
    "scheme": "signature",
    "description": (
        'RFC 9421 over "@method" "@path" "@query" and, with a body, "content-digest" (sm3); '
        'parameters created, nonce, keyid and alg="sm2-sm3".'
    ),
}
_DESCRIPTION = (
    "A credit and audit ledger whose every answer can be proved. "
    "Errors are RFC 9457 problem documents with a stable code and a Chinese and an English sentence."
)
