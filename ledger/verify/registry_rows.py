"""The registry's rows while it is made anew: as the contract keeps them, so that a look-up is no search.

A history may hold a hundred thousand keys; each change finds its member, log or key at once.
"""

from dataclasses import dataclass, field

from ledger.formats.registry import RegistryKey, RegistryLog, RegistryMember, RegistryWitness


@dataclass(slots=True)
class MemberRow:
    """A member; accounts and keys (by public key) in the contract's order."""

    id: str
    name: str
    changed: int
    roles: tuple[str, ...]
    active: bool = True
    accounts: list[str] = field(default_factory=list)
    keys: dict[bytes, RegistryKey] = field(default_factory=dict)

    def value(self) -> RegistryMember:
        """The member as a plain value."""
        return RegistryMember(
            self.id,
            self.name,
            self.active,
            self.changed,
            tuple(self.accounts),
            self.roles,
            tuple(self.keys.values()),
        )


@dataclass(slots=True)
class LogRow:
    """A log; its keys and its witnesses' by public key, in the contract's order. A witness's name stands for
    one member, and a member has one name."""

    log_id: bytes
    origin: str
    operator: str
    epochs: int
    indexes: tuple[str, ...]
    roles: dict[str, str] = field(default_factory=dict)
    keys: dict[bytes, RegistryKey] = field(default_factory=dict)
    witnesses: dict[bytes, RegistryWitness] = field(default_factory=dict)
    members_of_names: dict[str, str] = field(default_factory=dict)
    names_of_members: dict[str, str] = field(default_factory=dict)
    threshold: int = 0

    def has_key(self, public: bytes) -> bool:
        """Whether a key is the log's or one of its witnesses'."""
        return public in self.keys or public in self.witnesses

    def may_name(self, name: str, member: str) -> bool:
        """Whether a witness's name stands for this member, or may."""
        return (
            self.members_of_names.get(name, member) == member
            and self.names_of_members.get(member, name) == name
        )

    def add_witness(self, witness: RegistryWitness) -> None:
        self.witnesses[witness.key.public] = witness
        self.members_of_names[witness.name] = witness.member
        self.names_of_members[witness.member] = witness.name

    def value(self) -> RegistryLog:
        """The log as a plain value."""
        return RegistryLog(
            self.log_id,
            self.origin,
            self.operator,
            self.epochs,
            self.indexes,
            dict(self.roles),
            tuple(self.keys.values()),
            tuple(self.witnesses.values()),
            self.threshold,
        )
