"""Many subjects in one check: one checkpoint, one look each, each line answered or refused by itself."""

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import pytest
from bodies import GRANTED
from checking import DUTY, MATTER, REPRESENTATIVE, looks, record

from ledger.errors import MatterUnknown, ParameterInvalid, PurposeMissing, TooManySubjects
from ledger.formats.answer import answer_digest
from ledger.formats.bundle import parse_bundle
from ledger.formats.envelope import BATCH_TYPE, parse_envelope
from ledger.formats.statement import parse_manifest
from ledger.formats.tags import organisation_tag
from ledger.merkle import index_key
from ledger.services.answers import BatchAnswer, RelatedQuery, SubjectQuery, document_of, item_bytes
from ledger.services.checking.batch import MOST_PROVED, MOST_SUBJECTS

if TYPE_CHECKING:
    from conftest import City
else:
    City = Any

Uscc = Callable[[int], str]


def organisation(code: str, name: str | None = None) -> SubjectQuery:
    return SubjectQuery("organisation", code, name)


def check_many(city: City, queries: list[SubjectQuery], matter: str = MATTER, **members: Any) -> BatchAnswer:
    city.checkpoint()
    answer: BatchAnswer = city.credit.check_many(
        queries, matter, members.pop("asked", city.asked()), **members
    )
    return answer


@pytest.fixture
def listed(city: City, uscc: Uscc) -> list[SubjectQuery]:
    """Six organisations, every second one listed."""
    queries = []
    for number in range(6):
        city.company = uscc(1000 + number)
        if number % 2 == 0:
            city.enter("wage-arrears", case=f"云岭列〔2026〕{number}号")
        queries.append(organisation(city.company))
    return queries


def test_each_subject_is_answered_in_its_place_as_a_single_check_would(
    city: City, listed: list[SubjectQuery]
) -> None:
    answer = check_many(city, listed)
    for query, item in zip(listed, answer.items, strict=True):
        single = city.credit.check(query, MATTER, city.asked())
        assert item.findings is not None
        assert item.findings.decision == single.decision
        assert (item.findings.hits, item.findings.keys) == (single.hits, single.keys)
        assert (item.findings.subject, item.findings.no_longer) == (single.subject, single.no_longer)
        assert answer.frame.checkpoint == single.checkpoint
        assert answer.frame.catalogue == single.catalogue
    assert answer.bundle is None


def test_with_proofs_one_bundle_proves_every_key(city: City, listed: list[SubjectQuery]) -> None:
    answer = check_many(city, listed, proofs=True)
    assert answer.bundle is not None
    keys = [
        (key.name, key.tag)
        for item in answer.items
        if item.findings is not None
        for key in item.findings.keys
    ]
    assert len(keys) == 6
    assert city.proves(answer.bundle, *keys)
    assert [entry.proven.index for entry in parse_bundle(answer.bundle).entries] == [0, 1, 2]
    assert [item.findings.completeness[0].shown for item in answer.items if item.findings] == [1, 0] * 3


def test_each_subject_is_looked_at_once_under_one_manifest_with_its_own_digest(
    city: City, listed: list[SubjectQuery]
) -> None:
    answer = check_many(city, listed)
    events = looks(city)
    assert len(events) == 6
    [manifest] = answer.logged
    assert (manifest.first_index, manifest.size) == (1, 6)
    envelope = parse_envelope(manifest.manifest)
    assert envelope.payload_type == BATCH_TYPE
    assert parse_manifest(envelope.payload).size == 6
    for item, event in zip(answer.items, events, strict=True):
        assert item.findings is not None
        assert item.logged is not None
        assert (item.logged.id, event.body["action"]) == (event.id, "check")
        assert event.body["answer"] == answer_digest(item_bytes(answer.frame, item.findings))
    assert [event.body["outcome"] for event in events] == ["done", "none"] * 3


def test_what_is_wrong_with_one_subject_is_said_of_it_alone(
    city: City, listed: list[SubjectQuery], resident: Callable[[int], str]
) -> None:
    number = resident(1)
    wrong = number[:-1] + ("1" if number[-1] != "1" else "2")
    bad = [
        organisation("X"),
        organisation(""),
        organisation(listed[0].code[:-1] + ("1" if listed[0].code[-1] != "1" else "2")),
        SubjectQuery("person", wrong),
        SubjectQuery("person", number, related=(RelatedQuery(REPRESENTATIVE, number),)),
    ]
    answer = check_many(city, [listed[0], *bad, listed[1]])
    codes = [item.refusal.code if item.refusal else None for item in answer.items]
    assert codes == [
        None,
        "identifier_invalid",
        "identifier_invalid",
        "check_digit_wrong",
        "check_digit_wrong",
        "parameter_invalid",
        None,
    ]
    assert [item.findings is None for item in answer.items] == [code is not None for code in codes]
    assert len(looks(city)) == 2
    assert number not in repr(answer)
    assert wrong not in repr(answer)


def test_a_subject_that_stands_twice_is_looked_at_once_and_its_names_compared_each(
    city: City, listed: list[SubjectQuery]
) -> None:
    code = listed[0].code
    answer = check_many(city, [organisation(code, "云岭某公司"), listed[1], organisation(code, "云岭别公司")])
    first, _, second = answer.items
    assert first.findings is not None
    assert second.findings is not None
    assert (first.same_as, second.same_as) == (None, 0)
    assert (first.findings.name_matches, second.findings.name_matches) == ("yes", "no")
    assert first.findings.decision == second.findings.decision == "restrict"
    assert (first.logged is None, second.logged is None) == (False, True)
    assert len(looks(city)) == 2


@pytest.mark.parametrize(
    ("count", "proofs", "error"),
    [
        (0, False, ParameterInvalid),
        (MOST_SUBJECTS + 1, False, TooManySubjects),
        (MOST_PROVED + 1, True, TooManySubjects),
    ],
    ids=["none", "10,001", "501 with proofs"],
)
def test_no_subject_and_too_many_are_refused_before_any_is_looked_at(
    city: City, uscc: Uscc, count: int, proofs: bool, error: type[Exception]
) -> None:
    with pytest.raises(error):
        check_many(city, [organisation(uscc(1))] * count, proofs=proofs)
    assert looks(city) == []


def test_ten_thousand_are_answered(city: City, uscc: Uscc) -> None:
    queries = [organisation(uscc(5000 + number)) for number in range(MOST_SUBJECTS)]
    answer = check_many(city, queries)
    assert {item.findings.decision for item in answer.items if item.findings} == {"clear"}
    assert len({item.logged.index for item in answer.items if item.logged}) == MOST_SUBJECTS
    assert city.logs["access"].store.size() == MOST_SUBJECTS + len(answer.logged)


def test_five_hundred_are_proved(city: City, uscc: Uscc) -> None:
    queries = [organisation(uscc(5000 + number)) for number in range(MOST_PROVED)]
    answer = check_many(city, queries, proofs=True)
    assert answer.bundle is not None
    keys = [(key.name, key.tag) for item in answer.items if item.findings for key in item.findings.keys]
    assert len(keys) == MOST_PROVED
    assert city.proves(answer.bundle, *keys)


def test_a_bundle_over_many_shows_what_bears_on_the_matter_and_names_the_rest(city: City) -> None:
    city.enter("wage-arrears")
    record(city, "licence.published")
    answer = check_many(city, [organisation(city.company)], proofs=True)
    [item] = answer.items
    assert item.findings is not None
    assert (item.findings.other_entries, len(item.findings.hits)) == (1, 1)
    assert [(gone.entry.index, gone.reason) for gone in item.findings.no_longer] == [(1, "not_shown")]
    assert answer.bundle is not None
    assert [entry.proven.index for entry in parse_bundle(answer.bundle).entries] == [0]
    [plain] = check_many(city, [organisation(city.company)]).items
    assert plain.findings is not None
    assert plain.findings.no_longer == ()


def test_a_bundle_that_nobody_could_take_is_refused_and_nothing_logged(
    city: City, listed: list[SubjectQuery], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("ledger.services.checking.batch.MOST_SHOWN", 2)
    with pytest.raises(TooManySubjects):
        check_many(city, listed, proofs=True)
    assert looks(city) == []
    assert len(check_many(city, listed[:4], proofs=True).items) == 4


def test_keys_that_agree_in_many_bits_are_proved_however_few_there_are(city: City, uscc: Uscc) -> None:
    by_prefix: dict[int, str] = {}
    for number in range(2000):
        key = index_key("subject", bytes.fromhex(organisation_tag(uscc(number))))
        prefix = int.from_bytes(key[:2], "big") >> 3
        if prefix in by_prefix:
            break
        by_prefix[prefix] = uscc(number)
    pair = [organisation(by_prefix[prefix]), organisation(uscc(number))]
    for query in pair:
        city.company = query.code
        city.enter("wage-arrears")
    for _ in range(2):
        answer = check_many(city, pair, proofs=True)
        assert [item.findings.decision for item in answer.items if item.findings] == ["restrict"] * 2
        for query in pair:
            assert city.credit.check(query, MATTER, city.asked()).decision == "restrict"


def test_a_purpose_is_missing_for_all_or_none(city: City, listed: list[SubjectQuery]) -> None:
    with pytest.raises(PurposeMissing):
        check_many(city, listed, asked=city.asked(purpose=""))
    with pytest.raises(MatterUnknown):
        check_many(city, listed, "moon-landing")
    assert looks(city) == []
    with pytest.raises(PurposeMissing):
        check_many(city, [*listed, SubjectQuery("person", city.person)], asked=city.asked(purpose=""))
    assert [look.body["reason"] for look in looks(city)] == ["purpose_missing"]


# Persons


def grant(city: City, number: str, uses: int) -> str:
    body = {
        **GRANTED,
        "subject": city.subject(number),
        "grantee": city.bureau,
        "matters": [],
        "number": f"sq-{number[-4:]}",
        "uses": uses,
    }
    granted = city.publish("access.authorisation.granted", body, number=number)
    return f"{granted.issuer}:{granted.id}"


def test_persons_are_asked_about_each_on_their_own_word_or_refused_alone(
    city: City, resident: Callable[[int], str], listed: list[SubjectQuery]
) -> None:
    willing, silent = resident(7), resident(8)
    word = grant(city, willing, uses=1)
    queries = [
        SubjectQuery("person", willing, authorisation=word),
        SubjectQuery("person", silent),
        SubjectQuery("person", silent, authorisation=word),
        SubjectQuery("person", silent),
        SubjectQuery("person", silent, authorisation=grant(city, silent, uses=1)),
        listed[0],
    ]
    answer = check_many(city, queries)
    missing, foreign = "authorisation_missing", "authorisation_out_of_scope"
    codes = [item.refusal.code if item.refusal else None for item in answer.items]
    assert codes == [None, missing, foreign, missing, None, None]
    assert [item.same_as for item in answer.items] == [None, None, None, 1, None, None]
    events = [look for look in looks(city) if look.kind == "access.event.recorded"]
    assert [event.body["outcome"] for event in events] == ["refused", "refused", "none", "none", "done"]
    assert [len(event.refers) for event in events] == [0, 0, 1, 1, 0]


def test_one_word_counts_for_as_many_looks_of_a_batch_as_it_allows(
    city: City, resident: Callable[[int], str], uscc: Uscc
) -> None:
    boss = resident(7)
    word = grant(city, boss, uses=2)
    related = (RelatedQuery(REPRESENTATIVE, boss, word),)
    queries = [SubjectQuery("organisation", uscc(100 + n), related=related) for n in range(3)]
    answer = check_many(city, queries, "loan")
    assert [item.refusal.code if item.refusal else None for item in answer.items] == [
        None,
        None,
        "authorisation_exhausted",
    ]
    assert [len(item.logged.related) for item in answer.items if item.logged] == [1, 1]


def test_a_batch_of_persons_on_the_laws_word(city: City, resident: Callable[[int], str]) -> None:
    city.enter("dishonest-debtor", number=resident(1))
    queries = [SubjectQuery("person", resident(number)) for number in range(1, 4)]
    answer = check_many(city, queries, "civil-service", asked=city.asked(basis_code=DUTY), proofs=True)
    assert [item.findings.decision for item in answer.items if item.findings] == [
        "prohibit",
        "clear",
        "clear",
    ]
    assert answer.bundle is not None
    keys = [(key.name, key.tag) for item in answer.items if item.findings for key in item.findings.keys]
    assert len(keys) == 6
    assert city.proves(answer.bundle, *keys)
    assert not any(resident(number) in repr(document_of(answer)) for number in range(1, 4))
