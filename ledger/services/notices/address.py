"""Where notices may be sent to: rules for a webhook's URL and for the addresses that its name resolves to.

A subscriber names a URL, and this machine connects to it: without rules he could have it knock on doors
inside the operator's network. So a URL is https; its name must resolve to public addresses only, all of
them, and the connection goes to an address that was checked, so that a name which resolves differently the
second time gains nothing. A host that the operator put in `[notices] allow` may have any address, and plain
http too where that is loopback.
"""

import re
import socket
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv6Address, IPv6Network, ip_address, ip_network
from typing import Any
from urllib.parse import unquote, urlsplit

from ledger.errors import DeliveryFailed, WebhookRefused
from ledger.formats.http_signature import encode_path

URL_LIMIT = 1024
"""Characters of a webhook's URL."""
MOST_ADDRESSES = 16
"""Addresses of one name that are looked at; a name with more is refused."""

_PRINTABLE = re.compile(r"[!-~]+")
_LABEL = r"[a-z0-9_](?:[a-z0-9_-]{0,61}[a-z0-9_])?"
_HOST = re.compile(rf"{_LABEL}(?:\.{_LABEL})*")
_QUERY = re.compile(r"[A-Za-z0-9._~!$&'()*+,;=:@/?%-]*")
_PORTS = {"http": 80, "https": 443}
_NAT64 = IPv6Network("64:ff9b::/96")
_GLOBAL_UNICAST = IPv6Network("2000::/3")
_NOT_PUBLIC = tuple(
    map(
        ip_network,
        (
            "192.0.0.0/24",  # protocol assignments
            "192.31.196.0/24",  # AS112, answers of nobody's own
            "192.52.193.0/24",  # multicast tunnels
            "192.88.99.0/24",  # relays to 6to4
            "192.175.48.0/24",  # AS112
            "2001::/23",  # protocol assignments, Teredo among them
            "2001:db8::/32",  # documentation
            "2002::/16",  # 6to4: leads to whatever IPv4 address it holds
            "2620:4f:8000::/48",  # AS112
            "3ffe::/16",  # was for tests, and is given to nobody
            "3fff::/20",  # documentation
        ),
    )
)
"""Of IANA's special-purpose registries, what some or all Pythons' `is_global` takes for public."""

Address = IPv4Address | IPv6Address
Resolve = Callable[..., Sequence[Any]]
"""`socket.getaddrinfo`, or what a test puts in its place."""


@dataclass(frozen=True, slots=True)
class Target:
    """A webhook's URL in its parts. `host` is lowercase, an IPv6 address without brackets; `path` is as the
    request line has it; `query` has no `?`."""

    scheme: str
    host: str
    port: int
    path: str
    query: str

    @property
    def authority(self) -> str:
        """The `Host` header."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return host if self.port == _PORTS[self.scheme] else f"{host}:{self.port}"


def parse_target(url: str, allow: frozenset[str]) -> Target:
    """The parts of a webhook's URL, if notices may be sent there as far as the URL itself tells.

    Raises `WebhookRefused`, which never quotes the URL: its path or query may be a secret.
    """
    if len(url) > URL_LIMIT or _PRINTABLE.fullmatch(url) is None or any(c in url for c in '"<>\\^`{|}#@'):
        raise WebhookRefused(
            f"a webhook is at most {URL_LIMIT} characters of plain ASCII, without user, password or fragment"
        )
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:
        raise WebhookRefused("the webhook is not a URL") from None
    scheme, host = parts.scheme, parts.hostname or ""
    if scheme not in _PORTS or port == 0:
        raise WebhookRefused("a webhook is an https URL")
    literal = _literal(host)
    if literal is None and (len(host) > 253 or _HOST.fullmatch(host) is None):
        raise WebhookRefused("the webhook's host is neither a name nor an address")
    if scheme == "http" and host not in allow:
        raise WebhookRefused("http is for hosts on loopback that the operator allows; use https")
    path = parts.path or "/"
    if encode_path(unquote(path)) != path or _QUERY.fullmatch(parts.query) is None:
        raise WebhookRefused(
            "the webhook's path and query must be percent-encoded, and nothing more than needed"
        )
    target = Target(scheme, host, port or _PORTS[scheme], path, parts.query)
    if literal is not None:
        _check(literal, target, allow)
    return target


def resolve_target(
    target: Target, allow: frozenset[str], resolve: Resolve = socket.getaddrinfo
) -> list[tuple[int, str]]:
    """The addresses to connect to, as (family, address), in the resolver's order; each was checked.

    Raises `DeliveryFailed` (`unresolved`), and `WebhookRefused` when any address is one that notices are
    not sent to.
    """
    try:
        found = resolve(target.host, target.port, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError):
        raise DeliveryFailed("unresolved", "the webhook's host does not resolve") from None
    addresses: list[tuple[int, str]] = []
    for family, _, _, _, place in found:
        address = _literal(str(place[0]))
        if address is None:
            raise WebhookRefused("the webhook's host resolves to what is no address")
        _check(address, target, allow)
        if (family, str(place[0])) not in addresses:
            addresses.append((family, str(place[0])))
    if not addresses:
        raise DeliveryFailed("unresolved", "the webhook's host has no address")
    if len(addresses) > MOST_ADDRESSES:
        raise WebhookRefused(f"the webhook's host has over {MOST_ADDRESSES} addresses")
    return addresses


def _literal(text: str) -> Address | None:
    try:
        return ip_address(text)
    except ValueError:
        return None


def _check(address: Address, target: Target, allow: frozenset[str]) -> None:
    inner = _inner(address)
    if target.scheme == "http":
        if not inner.is_loopback:
            raise WebhookRefused("http is for loopback only; use https")
        return
    if target.host in allow:
        if inner.is_multicast or inner.is_unspecified:
            raise WebhookRefused("the webhook's address is nobody's")
        return
    if not _is_public(inner):
        raise WebhookRefused(
            "the webhook's address is not a public one, and the operator does not allow its host"
        )


def _is_public(address: Address) -> bool:
    if not address.is_global or address.is_multicast or address.is_reserved:
        return False
    if isinstance(address, IPv6Address) and address not in _GLOBAL_UNICAST:
        return False
    return not any(address in network for network in _NOT_PUBLIC)


def _inner(address: Address) -> Address:
    """The IPv4 address that an IPv6 one stands for on this machine or behind its NAT64."""
    if isinstance(address, IPv4Address):
        return address
    if address.ipv4_mapped is not None:
        return address.ipv4_mapped
    return IPv4Address(int(address) & 0xFFFFFFFF) if address in _NAT64 else address
