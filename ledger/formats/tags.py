"""Index tags (DESIGN.md 4.5): what an entry can be found by.

Names that are public are hashed plainly; a natural person's number goes through HMAC under a key that only
members hold, one per epoch, never through a plain hash.
"""

from ledger.gm import hmac_sm3, sm3


def tag_of(prefix: str, identifier: str) -> str:
    """The tag (64 hex digits) of a public identifier: SM3(prefix ":" identifier)."""
    return sm3(f"{prefix}:{identifier}".encode()).hex()


def organisation_tag(uscc: str) -> str:
    """The tag of an organisation by its USCC."""
    return tag_of("uscc", uscc)


def resource_tag(resource: str) -> str:
    """The tag of a data resource by its public name."""
    return tag_of("resource", resource)


def person_tag(key: bytes, epoch: int, number: str) -> str:
    """The tag of a natural person: HMAC-SM3(key, u32be(epoch) || "id:" || number with X in upper case)."""
    return hmac_sm3(key, epoch.to_bytes(4, "big") + b"id:" + number.upper().encode()).hex()
