"""A channel goes to the address that was checked, under the name that was given, and speaks TLS to it."""

import socket
import ssl
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID
from receivers import Receiver

from ledger.errors import DeliveryFailed, WebhookRefused
from ledger.services.notices.address import parse_target
from ledger.services.notices.webhook import Webhooks

HOST = "hooks.example"
ALLOW = frozenset({HOST})


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A self-signed certificate for the host, with its key."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, HOST)])
    now = datetime.now(UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName(HOST)]), critical=False)
        .sign(key, hashes.SHA256())
    )
    path = tmp_path_factory.mktemp("tls") / "host.pem"
    path.write_bytes(
        key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
        + made.public_bytes(serialization.Encoding.PEM)
    )
    return path


@pytest.fixture
def receiver(certificate: Path) -> Iterator[Receiver]:
    with Receiver(tls=certificate) as made:
        yield made


class Names:
    """A name server that gives its answers one after the other, and counts the questions."""

    def __init__(self, *answers: str) -> None:
        self.answers = list(answers)
        self.asked: list[str] = []

    def __call__(self, host: str, port: int, **_: Any) -> list[Any]:
        self.asked.append(host)
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (self.answers.pop(0), port))]


def webhooks(names: Names, certificate: Path | None = None) -> Webhooks:
    trusted = ssl.create_default_context(cafile=certificate) if certificate else None
    return Webhooks(ALLOW, 5.0, tls=trusted, resolve=names)


def test_the_name_is_resolved_once_and_checked_in_the_certificate(
    receiver: Receiver, certificate: Path
) -> None:
    names = Names("127.0.0.1", "127.0.0.2")
    channel = webhooks(names, certificate).open(
        parse_target(f"https://{HOST}:{receiver.port}/hook?a=1", ALLOW)
    )
    channel.post(b"{}", {"X-One": "1"})
    channel.post(b"{}", {})
    channel.close()
    assert names.asked == [HOST]
    assert [(told.path, told.query) for told in receiver.told] == [("/hook", "a=1")] * 2
    assert receiver.told[0].connection == receiver.told[1].connection
    assert receiver.told[0].headers["Host"] == f"{HOST}:{receiver.port}"
    assert receiver.told[0].headers["X-One"] == "1"


def test_a_name_that_turns_private_is_refused_though_it_was_public_before(certificate: Path) -> None:
    names = Names("127.0.0.1")
    target = parse_target("https://other.example:1/", ALLOW)
    with pytest.raises(WebhookRefused):
        webhooks(names, certificate).open(target)


@pytest.mark.parametrize("host", [HOST, "other.example"], ids=["untrusted", "another name"])
def test_a_certificate_that_is_not_trusted_or_for_another_name_ends_it(
    receiver: Receiver, certificate: Path, host: str
) -> None:
    allow = frozenset({host})
    trusted = ssl.create_default_context(cafile=None if host == HOST else certificate)
    hooks = Webhooks(allow, 5.0, tls=trusted, resolve=Names("127.0.0.1"))
    with pytest.raises(DeliveryFailed) as caught:
        hooks.open(parse_target(f"https://{host}:{receiver.port}/", allow))
    assert caught.value.reason == "tls"
    assert receiver.told == []


def test_a_machine_that_does_not_speak_tls_ends_it_in_time() -> None:
    with socket.create_server(("127.0.0.1", 0)) as mute:
        port = mute.getsockname()[1]
        hooks = Webhooks(ALLOW, 0.2, resolve=Names("127.0.0.1"))
        with pytest.raises(DeliveryFailed) as caught:
            hooks.open(parse_target(f"https://{HOST}:{port}/", ALLOW))
    assert caught.value.reason == "timeout"


def test_the_next_address_is_tried_where_one_takes_no_connection(
    receiver: Receiver, certificate: Path
) -> None:
    def two(host: str, port: int, **_: Any) -> list[Any]:
        # Nobody listens on the first.
        return [
            (socket.AF_INET, socket.SOCK_STREAM, 6, "", (address, port))
            for address in ("127.0.0.9", "127.0.0.1")
        ]

    hooks = Webhooks(ALLOW, 5.0, tls=ssl.create_default_context(cafile=certificate), resolve=two)
    hooks.open(parse_target(f"https://{HOST}:{receiver.port}/", ALLOW)).close()
