"""Notices go to public https addresses, or where the operator allows: nowhere else, however it is written."""

import socket
from typing import Any

import pytest

from ledger.errors import DeliveryFailed, WebhookRefused
from ledger.services.notices.address import MOST_ADDRESSES, Target, parse_target, resolve_target

NOBODY: frozenset[str] = frozenset()


def names(*addresses: str) -> Any:
    """A resolver that knows these addresses of every name."""

    def resolve(host: str, port: int, **_: Any) -> list[Any]:
        families = [socket.AF_INET6 if ":" in address else socket.AF_INET for address in addresses]
        return [
            (family, socket.SOCK_STREAM, 6, "", (address, port))
            for family, address in zip(families, addresses, strict=True)
        ]

    return resolve


@pytest.mark.parametrize(
    ("url", "target"),
    [
        ("https://hooks.example", Target("https", "hooks.example", 443, "/", "")),
        ("https://Hooks.Example:8443/a/b?t=1", Target("https", "hooks.example", 8443, "/a/b", "t=1")),
        ("https://8.8.8.8/x", Target("https", "8.8.8.8", 443, "/x", "")),
        ("https://[2001:4860:4860::8888]/", Target("https", "2001:4860:4860::8888", 443, "/", "")),
        ("https://h.example/%E4%BF%A1", Target("https", "h.example", 443, "/%E4%BF%A1", "")),
    ],
)
def test_a_public_https_url_is_taken(url: str, target: Target) -> None:
    assert parse_target(url, NOBODY) == target


@pytest.mark.parametrize(
    "url",
    [
        "",
        "hooks.example",
        "ftp://hooks.example/",
        "http://hooks.example/",
        "http://127.0.0.1/",
        "https:///path",
        "https://user@hooks.example/",
        "https://user:pass@hooks.example/",
        "https://hooks.example/#part",
        "https://hooks.example\\@127.0.0.1/",
        "https://hooks.example /",
        "https://hooks.example/\r\nHost: other",
        "https://hooks.example:0/",
        "https://hooks.example:99999/",
        "https://hooks.example./",
        "https://信.example/",
        "https://hooks.example/信",
        "https://hooks.example/%41",
        "https://hooks.example/%zz",
        "https://127.0.0.1/",
        "https://10.1.2.3/",
        "https://192.168.1.1/",
        "https://169.254.169.254/latest/meta-data",
        "https://100.64.0.1/",
        "https://0.0.0.0/",
        "https://224.0.0.1/",
        "https://[::1]/",
        "https://[::]/",
        "https://[fe80::1]/",
        "https://[fc00::1]/",
        "https://[::ffff:127.0.0.1]/",
        "https://[64:ff9b::7f00:1]/",
        "https://[2002:7f00:1::]/",
        "https://[2002:808:808::]/",
        "https://192.88.99.1/",
        "https://192.0.0.9/",
        "https://192.31.196.1/",
        "https://192.52.193.1/",
        "https://192.175.48.1/",
        "https://[2001::7f00:1]/",
        "https://[2001:0:808:808:0:0:80ff:fffe]/",
        "https://[2001:1::1]/",
        "https://[2001:db8::1]/",
        "https://[2620:4f:8000::1]/",
        "https://[3ffe::1]/",
        "https://[3fff::1]/",
        "https://[5f00::1]/",
        "https://[fec0::1]/",
        "https://[::7f00:1]/",
        "https://[64:ff9b:1::1]/",
        "https://[100:0:0:1::1]/",
        "https://hooks.example/" + "a" * 1024,
    ],
)
def test_any_other_url_is_refused_without_being_quoted(url: str) -> None:
    with pytest.raises(WebhookRefused) as caught:
        parse_target(url, NOBODY)
    assert not url or url not in str(caught.value)


def test_what_the_operator_allows_may_be_http_on_loopback_and_https_anywhere() -> None:
    allow = frozenset({"127.0.0.1", "intranet", "10.1.2.3"})
    assert parse_target("http://127.0.0.1:8080/hook", allow).authority == "127.0.0.1:8080"
    assert parse_target("https://10.1.2.3/", allow).authority == "10.1.2.3"
    with pytest.raises(WebhookRefused, match="loopback only"):
        parse_target("http://10.1.2.3/", allow)
    target = parse_target("http://intranet/", allow)
    assert resolve_target(target, allow, names("127.0.0.1")) == [(socket.AF_INET, "127.0.0.1")]
    with pytest.raises(WebhookRefused, match="loopback only"):
        resolve_target(target, allow, names("10.0.0.1"))


@pytest.mark.parametrize(
    "addresses",
    [
        ("127.0.0.1",),
        ("10.0.0.8",),
        ("169.254.169.254",),
        ("8.8.8.8", "192.168.0.1"),
        ("::1",),
        ("::ffff:10.0.0.1",),
        ("2001:4860:4860::8888", "fe80::1"),
        ("not an address",),
    ],
    ids=lambda addresses: "+".join(addresses),
)
def test_a_name_with_any_address_that_is_not_public_is_refused(addresses: tuple[str, ...]) -> None:
    target = parse_target("https://hooks.example/", NOBODY)
    with pytest.raises(WebhookRefused):
        resolve_target(target, NOBODY, names(*addresses))


def test_an_allowed_name_may_have_private_addresses_and_no_multicast_ones() -> None:
    allow = frozenset({"hooks.example"})
    target = parse_target("https://hooks.example/", allow)
    assert resolve_target(target, allow, names("10.0.0.8", "10.0.0.8")) == [(socket.AF_INET, "10.0.0.8")]
    with pytest.raises(WebhookRefused, match="nobody's"):
        resolve_target(target, allow, names("224.0.0.1"))


def test_a_name_without_addresses_or_with_too_many_is_no_place_to_go() -> None:
    target = parse_target("https://hooks.example/", NOBODY)

    def unknown(*_: Any, **__: Any) -> Any:
        raise socket.gaierror

    for resolve in (names(), unknown):
        with pytest.raises(DeliveryFailed) as caught:
            resolve_target(target, NOBODY, resolve)
        assert caught.value.reason == "unresolved"
    with pytest.raises(WebhookRefused, match="addresses"):
        resolve_target(target, NOBODY, names(*(f"8.8.4.{number}" for number in range(MOST_ADDRESSES + 1))))
