"""What the services are asked: by whom, about whom, why, and how far the answer must be proved."""

from dataclasses import dataclass
from typing import Literal, Protocol

Level = Literal["published", "anchored", "final"]
"""How far the checkpoint under an answer must be proved."""
RelatedRole = Literal["legal-representative", "responsible-person", "actual-controller"]
"""As what a person stands behind an organisation."""
ITSELF = "itself"
"""The role of the subject asked about among the keys asked for."""
View = Literal["shared", "whole"]
"""What of a subject is shown: what counts and may be shared, or every record as of the day (auditors)."""


class Principal(Protocol):
    """The member that asks: its USCC and its roles in the registry."""

    @property
    def member(self) -> str: ...

    @property
    def roles(self) -> frozenset[str]: ...


@dataclass(frozen=True, slots=True)
class RelatedQuery:
    """A person behind the organisation that is asked about: the role, and the resident ID, which `repr`
    hides. `authorisation` is that person's own, where it is not the question's."""

    role: RelatedRole
    code: str
    authorisation: str | None = None

    def __repr__(self) -> str:
        return f"RelatedQuery({self.role})"


@dataclass(frozen=True, slots=True)
class SubjectQuery:
    """Who is asked about: an organisation by USCC or a person by resident ID.

    `name`, where given, is compared with the names in the records; `related` are persons behind an
    organisation; `authorisation` is this subject's own, where it is not the question's. `repr` hides them,
    so that a person's number does not reach a traceback or a log line.
    """

    type: Literal["organisation", "person"]
    code: str
    name: str | None = None
    related: tuple[RelatedQuery, ...] = ()
    authorisation: str | None = None

    def __repr__(self) -> str:
        return f"SubjectQuery({self.type})"


@dataclass(frozen=True, slots=True)
class Asked:
    """The frame of every question: who asks, at which desk, for what purpose, on what legal basis.

    `authorisation` names the proof that the person asked about agreed, where the law wants one; `basis_code`
    is the catalogue's code of a legal basis that stands in its place.
    """

    principal: Principal
    operator: str
    purpose: str
    basis: str
    authorisation: str | None = None
    basis_code: str | None = None
