"""Signed statements by the thousand, made before the clock starts."""

from os import urandom
from time import time

from ledger.domain.kinds import kind_of, parse_body
from ledger.formats.envelope import STATEMENT_TYPE, sign_batch, sign_envelope
from ledger.formats.statement import Statement, format_statement, new_id
from scripts.demo_steps.scene import DOMAIN, Member
from scripts.samples.access import access_events
from scripts.samples.codes import uscc
from scripts.samples.world import World

LISTED = "wage-arrears"


def now_ms() -> int:
    """The present in milliseconds since 1970."""
    return int(time() * 1000)


def event_payloads(world: World, issuer: str, count: int) -> list[bytes]:
    """Access events as statements, each about an organisation or nobody."""
    payloads = []
    for event in access_events(world, count):
        subject = event.pop("subject")
        if subject is not None and "uscc" in subject:
            event["subject"] = {"type": "organisation", "uscc": subject["uscc"]}
        payloads.append(_payload("access.event.recorded", "access", issuer, event))
    return payloads


def subject_code(number: int) -> str:
    """The code of the `number`-th invented organisation of a benchmark."""
    return uscc("9", "1", "990199", number)


def listing_payloads(issuer: str, authority: str, first: int, count: int) -> list[bytes]:
    """Entries in a serious-dishonesty list, each about another organisation, from number `first` on."""
    body: dict[str, object] = {
        "list": LISTED,
        "authority": {"uscc": authority, "name": "云岭市人力资源和社会保障局"},
        "basis": "《保障农民工工资支付条例》",
        "grounds": "克扣、无故拖欠农民工工资，数额较大",
        "from": "2026-01-05",
        "until": None,
    }
    payloads = []
    for number in range(first, first + count):
        subject = {
            "type": "organisation",
            "uscc": subject_code(number),
            "name": f"云岭市样例{number}有限公司",
        }
        case = f"云岭列〔2026〕{number}号"
        payloads.append(
            _payload("credit.list.entered", "credit", issuer, body | {"subject": subject, "case": case})
        )
    return payloads


def signed_entries(payloads: list[bytes], member: Member) -> list[bytes]:
    """Each statement in an envelope of its own."""
    return [sign_envelope(STATEMENT_TYPE, payload, member.signer) for payload in payloads]


def signed_batch_body(payloads: list[bytes], log: str, member: Member) -> bytes:
    """The statements as one signed batch: a manifest's line and a line for each."""
    at = now_ms()
    manifest, entries = sign_batch(
        payloads,
        log=f"{DOMAIN}/{log}",
        issuer=member.uscc,
        id=new_id(at, urandom(10)),
        at=at,
        signer=member.signer,
    )
    return b"\n".join([manifest, *entries, b""])


def _payload(kind_name: str, log: str, issuer: str, body: dict[str, object]) -> bytes:
    kind = kind_of(kind_name)
    at = now_ms()
    keys = kind.keys_of(issuer, parse_body(kind, body))
    return format_statement(
        Statement(new_id(at, urandom(10)), kind_name, f"{DOMAIN}/{log}", issuer, at, keys, body, None, ())
    )
