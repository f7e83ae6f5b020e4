"""Who is asked about: the subject and the persons behind it, resolved to tags, and the keys to look up."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from ledger.errors import ParameterInvalid
from ledger.services.answers import ITSELF, AskedKey, ShownRelated, SubjectQuery
from ledger.services.evidence import ResolvedSubject, resolve_subject

MOST_RELATED = 16
SUBJECT_INDEX = "subject"


@dataclass(frozen=True, slots=True)
class RelatedSubject:
    """A person behind the subject: the role, the person, and that person's own authorisation if given."""

    role: str
    person: ResolvedSubject
    authorisation: str | None


@dataclass(frozen=True, slots=True)
class Question:
    """One subject asked about. `name` is what the caller calls it; `keys` what is asked for, by role; `tags`
    the distinct tags to look up, the subject's own first. Holds no identity number."""

    subject: ResolvedSubject
    related: tuple[RelatedSubject, ...]
    name: str | None
    authorisation: str | None
    keys: tuple[AskedKey, ...]
    tags: tuple[str, ...]

    @property
    def shown_related(self) -> tuple[ShownRelated, ...]:
        """The related persons as the answer shows them."""
        return tuple(
            ShownRelated(each.role, each.person.shown.code, each.person.shown.tags) for each in self.related
        )

    @property
    def about_persons(self) -> bool:
        """Whether looking needs anybody's permission."""
        return self.subject.shown.type == "person" or bool(self.related)


def resolve_question(query: SubjectQuery, person_tag_keys: Mapping[int, bytes]) -> Question:
    """Check the codes of a question and compute the tags.

    Raises `IdentifierInvalid`, `CheckDigitWrong`, `DateInvalid`, `ParameterInvalid`; none quotes a code.
    """
    subject = resolve_subject(query, person_tag_keys)
    related: tuple[RelatedSubject, ...] = ()
    if query.related:
        if query.type != "organisation":
            raise ParameterInvalid("related persons stand behind an organisation, not behind a person")
        if len(query.related) > MOST_RELATED:
            raise ParameterInvalid(f"at most {MOST_RELATED} related persons may be given")
        related = tuple(
            RelatedSubject(
                each.role,
                resolve_subject(SubjectQuery("person", each.code), person_tag_keys),
                each.authorisation,
            )
            for each in query.related
        )
        if len({(each.role, each.person.shown.tags) for each in related}) != len(related):
            raise ParameterInvalid("a related person stands twice in one role")
    keys = [AskedKey(SUBJECT_INDEX, tag, epoch, ITSELF) for epoch, tag in subject.tags]
    for each in related:
        keys += [AskedKey(SUBJECT_INDEX, tag, epoch, each.role) for epoch, tag in each.person.tags]
    tags = tuple(dict.fromkeys([key.tag for key in keys]))
    return Question(subject, related, query.name, query.authorisation, tuple(keys), tags)


def roles_not_asked(question: Question, asks: Sequence[str]) -> tuple[str, ...]:
    """The roles that a matter asks for, and nobody was given for; a person has nobody behind him."""
    if question.subject.shown.type == "person":
        return ()
    given = {each.role for each in question.related}
    return tuple(role for role in asks if role not in given)
