"""Errors as RFC 9457 problem documents.

    {"type": "urn:xinzheng:error:id_reused", "title": "This issuer already used this id for other bytes.",
     "status": 409, "detail": "...", "code": "id_reused", "zh": "...", "en": "..."}

A batch that was refused for one of its lines has `line` (1-based), `cause` (that line's own code) and
`cause_zh` besides; a refused step has `reason` (a stable code) and `rule`.
What the server itself got wrong is logged with a number, and the answer holds only that number.
"""

import json
import logging
import secrets
from typing import Any

from flask import Flask, Response
from pydantic import ValidationError
from werkzeug.exceptions import HTTPException

from ledger import errors

MEDIA_TYPE = "application/problem+json"
ACCEPT_SIGNATURE = (
    'sig1=("@method" "@path" "@query" "content-digest");created;nonce;keyid;alg="sm2-sm3"'  # RFC 9421, 5.1
)
RETRY_AFTER_SECONDS = "1"

# The first class that fits decides; a subclass stands before its base.
STATUS: tuple[tuple[type[errors.LedgerError], int], ...] = (
    (errors.HeadersTooLarge, 431),
    (errors.TooLarge, 413),
    (errors.TooManyRows, 413),
    (errors.TooManySubjects, 413),
    (errors.MediaTypeUnsupported, 415),
    (errors.MethodNotAllowed, 405),
    (errors.ConfigurationError, 500),
    (errors.InputError, 400),
    (errors.RequestUnsigned, 401),
    (errors.RequestSignatureMalformed, 401),
    (errors.RequestExpired, 401),
    (errors.NonceReplayed, 401),
    (errors.ContentDigestMismatch, 400),
    (errors.AccessError, 403),
    (errors.SealedErased, 410),
    (errors.NotFound, 404),
    (errors.Conflict, 409),
    (errors.Unavailable, 503),
    (errors.ChainRefused, 502),
    (errors.BackendMissing, 503),
    (errors.LedgerError, 500),
)
# What Flask and Werkzeug refuse by themselves, in our words.
_FROM_HTTP: dict[int, type[errors.LedgerError]] = {
    404: errors.RouteUnknown,
    405: errors.MethodNotAllowed,
    408: errors.Unavailable,
    413: errors.TooLarge,
    414: errors.HeadersTooLarge,
    415: errors.MediaTypeUnsupported,
    431: errors.HeadersTooLarge,
}

_log = logging.getLogger("xinzheng.api")


def status_of(error: errors.LedgerError) -> int:
    """The HTTP status of an error of ours."""
    if isinstance(error, errors.BatchLineInvalid):
        return status_of(error.cause)
    return next(status for kind, status in STATUS if isinstance(error, kind))


def problem(error: errors.LedgerError) -> Response:
    """The problem document of `error`; says nothing of our insides when the fault is ours."""
    status = status_of(error)
    detail = error.detail or error.en
    if status == 500:
        incident = secrets.token_hex(6)
        _log.error("incident %s: %s", incident, error.code, exc_info=error)
        detail = f"The service failed; its log names the cause under incident {incident}."
    document: dict[str, Any] = {
        "type": f"urn:xinzheng:error:{error.code}",
        "title": error.en,
        "status": status,
        "detail": detail,
        "code": error.code,
        "zh": error.zh,
        "en": error.en,
    }
    if isinstance(error, errors.BatchLineInvalid):
        document["line"] = error.line
        document["cause"] = error.cause.code
        document["cause_zh"] = error.cause.zh
    if isinstance(error, errors.StepRefused):
        document["reason"] = error.reason
        document["rule"] = error.rule
    response = Response(json.dumps(document, ensure_ascii=False), status, mimetype=MEDIA_TYPE)
    if status == 401:
        response.headers["Accept-Signature"] = ACCEPT_SIGNATURE
        response.headers["WWW-Authenticate"] = "Signature"
    elif status == 503 or isinstance(error, errors.NotYetPublished):
        response.headers["Retry-After"] = RETRY_AFTER_SECONDS
    return response


def parameter_error(error: ValidationError) -> Any:
    """Raise `ParameterInvalid` for what pydantic refused: names the members, never repeats their values.

    An unknown member is not named either: its name is the caller's text, and could be anybody's number.
    """
    found = error.errors(include_url=False, include_context=False, include_input=False)[:8]
    raise errors.ParameterInvalid("; ".join(_finding(each["loc"], each["type"]) for each in found)) from None


def _finding(place: tuple[int | str, ...], kind: str) -> str:
    known = place[:-1] if kind == "extra_forbidden" else place
    name = ".".join(str(part) for part in known) or "the request"
    return f"{name} has a member that is not known" if kind == "extra_forbidden" else f"{name}: {kind}"


def _from_http(error: HTTPException) -> Response:
    refused = _FROM_HTTP.get(error.code or 500)
    if refused is None:
        refused = errors.InputError if 400 <= (error.code or 500) < 500 else errors.LedgerError
    response = problem(refused())
    if error.code == 405:
        allow = error.get_response().headers.get("Allow")
        if allow:
            response.headers["Allow"] = allow
    return response


def _from_bug(error: Exception) -> Response:
    """Anything not raised on purpose: the traceback stays with us."""
    incident = secrets.token_hex(6)
    # The message of a foreign exception may quote a request's values, so only its type and place are kept.
    place = error.__traceback__
    while place is not None and place.tb_next is not None:
        place = place.tb_next
    where = "?" if place is None else f"{place.tb_frame.f_code.co_filename}:{place.tb_lineno}"
    _log.error("incident %s: %s at %s", incident, type(error).__name__, where)
    return problem(errors.LedgerError(f"incident {incident}"))


def register_problems(app: Flask) -> None:
    """Make every error of `app` a problem document."""
    app.register_error_handler(errors.LedgerError, problem)
    app.register_error_handler(HTTPException, _from_http)
    app.register_error_handler(Exception, _from_bug)
