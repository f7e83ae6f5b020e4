"""An invented city's credit records by the million: which record stands where is a function of its number.

    population = Population(subjects=1_000_000, records=5_000_000, seed=1, start=ms, ...)
    statement = population.statement(123_456)

Any record can be made without the others, so that several processes make them side by side, and a step (a
repair, a removal) knows the id of the record that it refers to. Everything follows from the seed and `start`.

Records are spread over the whole log: the steps of a story stand a fixed distance apart. Who is recorded is
drawn for each story, seven in ten evenly and three in ten with a skew that gives the most recorded of a
million subjects some hundreds of five million records, while a few in a hundred have none.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import date, timedelta
from hashlib import blake2b
from typing import Any

from ledger.domain.kinds import kind_of, parse_body
from ledger.formats.statement import Reference, Statement, new_id
from scripts.samples.codes import uscc

STEPS = 5
"""Places that a story may take: its record and what follows from it."""
_ROUNDS = 10
"""Stories that stand one after the other on the same distance."""
_A_MILLISECOND = 1_000
"""Records signed in one millisecond."""

Body = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Draw:
    """What was drawn for a story: independent numbers below 2^32, and who is recorded."""

    number: int
    subject: int
    a: int
    b: int
    c: int


@dataclass(frozen=True, slots=True)
class Population:
    """`authorities`: code and name; `issuer` the member that publishes; `start` ms of the first signing."""

    subjects: int
    records: int
    seed: int
    start: int
    today: date
    log: str
    issuer: str
    authorities: Sequence[tuple[str, str]]
    _distance: int = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "_distance", max(1, -(-self.records // (STEPS * _ROUNDS))))

    def statement(self, number: int) -> Statement:
        """Record `number` (0 to `records` - 1); its body is one that the log takes."""
        story, place, first = self._place(number)
        draw = self._draw(first)
        name, make = story[place]
        body = make(self, draw, _Days(self.today, draw))
        refers = () if place == 0 else (Reference(self.issuer, self.id_of(first)),)
        kind = kind_of(name)
        keys = kind.keys_of(self.issuer, parse_body(kind, body))
        at = self._signed(number)
        return Statement(self.id_of(number), name, self.log, self.issuer, at, keys, body, None, refers)

    def id_of(self, number: int) -> str:
        """The id of record `number`."""
        return new_id(self._signed(number), self._hash(number)[:10])

    def organisation(self, subject: int) -> Body:
        """A subject as a body names it."""
        return {"type": "organisation", "uscc": subject_code(subject), "name": subject_name(subject)}

    def authority(self, drawn: int) -> Body:
        """One of the authorities."""
        code, name = self.authorities[drawn % len(self.authorities)]
        return {"uscc": code, "name": name}

    def _place(self, number: int) -> "tuple[Story, int, int]":
        """The story that a record belongs to, its place there, and the number of the story's record."""
        row, column = divmod(number, self._distance)
        place = row % STEPS
        first = (row - place) * self._distance + column
        story = _story(self._draw(first).a)
        if place < len(story):
            return story, place, first
        # Where a story is shorter, the places after it are stories of one record.
        return _alone(self._draw(number).a), 0, number

    def _draw(self, number: int) -> Draw:
        drawn = self._hash(number)
        words = [int.from_bytes(drawn[at : at + 4], "big") for at in range(10, 30, 4)]
        part = words[0] / 2**32
        # Seven in ten evenly; u to the power of 3/2 is small for many u.
        subject = part if words[1] % 10 < 7 else part**1.5
        return Draw(number, int(subject * self.subjects), words[2], words[3], words[4])

    def _hash(self, number: int) -> bytes:
        return blake2b(b"%d/%d" % (self.seed, number), digest_size=32).digest()

    def _signed(self, number: int) -> int:
        return self.start + number // _A_MILLISECOND


def subject_code(number: int) -> str:
    """The code of the `number`-th invented organisation of a benchmark."""
    return uscc("9", "1", "990199", number)


def subject_name(number: int) -> str:
    """Its name."""
    return f"云岭市样例{number}有限公司"


class _Days:
    """The days of a story, in the order of the law.

    Records are some months old. What was done about them is recent, so that no deadline has passed: in a log
    that has been running the worker has seen to those long ago, and a filled one should find it as idle.
    """

    def __init__(self, today: date, draw: Draw) -> None:
        self._today = today
        self._decided = today - timedelta(days=120 + draw.b % 180)

    def after(self, days: int) -> str:
        """The day so long after the decision."""
        return (self._decided + timedelta(days=days)).isoformat()

    def ago(self, days: int) -> str:
        """The day so long before today."""
        return (self._today - timedelta(days=days)).isoformat()

    @property
    def year(self) -> int:
        return self._decided.year


Maker = Callable[[Population, Draw, _Days], Body]
Story = tuple[tuple[str, Maker], ...]

_VIOLATIONS = (
    ("未按规定公示年度报告", "《企业信息公示暂行条例》第十八条", ["warning"]),
    ("销售不符合强制性标准的产品", "《产品质量法》第四十九条", ["confiscation", "fine"]),
    ("未取得许可从事食品经营", "《食品安全法》第一百二十二条", ["fine"]),
    ("虚假宣传", "《反不正当竞争法》第二十条", ["fine"]),
    ("超标准排放水污染物", "《水污染防治法》第八十三条", ["fine"]),
    ("未为从业人员提供劳动防护用品", "《安全生产法》第九十九条", ["warning", "fine"]),
)
_LICENCES = (
    ("食品经营许可证", "准予从事食品销售。", "general"),
    ("道路运输经营许可证", "准予从事普通货物运输。", "general"),
    ("建筑业企业资质证书", "准予从事建筑工程施工总承包三级。", "recognition"),
    ("排污许可证", "准予排放化学需氧量、氨氮。", "general"),
    ("特种设备使用登记证", "准予使用承压类特种设备。", "registration"),
)
_LISTS = (
    ("wage-arrears", "《保障农民工工资支付条例》", "克扣、无故拖欠农民工工资，数额较大"),
    (
        "dishonest-debtor",
        "《最高人民法院关于公布失信被执行人名单信息的若干规定》",
        "有履行能力而拒不履行生效法律文书",
    ),
    ("tax-a", "《纳税信用管理办法》", "上年度纳税信用评价为A级"),
)


def _penalty(population: Population, draw: Draw, days: _Days) -> Body:
    violation, basis, kinds = _VIOLATIONS[draw.c % len(_VIOLATIONS)]
    body: Body = {
        "subject": population.organisation(draw.subject),
        "subject_class": "organisation",
        "document": f"云岭罚〔{days.year}〕{draw.number}号",
        "violation": violation,
        "facts": f"经查，当事人{violation}，事实清楚，证据确凿。",
        "basis": basis,
        "penalty_kinds": kinds,
        "content": "责令改正，予以处罚。",
        "decided_on": days.after(0),
        "authority": population.authority(draw.b),
        "severity": "general",
    }
    if "fine" in kinds:
        body["fine_fen"] = 100_000 * (1 + draw.c % 50)
    return body


def _licence(population: Population, draw: Draw, days: _Days) -> Body:
    name, content, kind = _LICENCES[draw.c % len(_LICENCES)]
    return {
        "subject": population.organisation(draw.subject),
        "subject_class": "organisation",
        "document": f"云岭许〔{days.year}〕{draw.number}号",
        "licence_kind": kind,
        "licence_name": name,
        "licence_number": f"YL{draw.number:09d}",
        "content": content,
        "decided_on": days.after(0),
        "valid_from": days.after(0),
        "valid_until": days.after(365 * (1 + draw.c % 5)),
        "authority": population.authority(draw.b),
        "state": "valid",
    }


def _listing(population: Population, draw: Draw, days: _Days) -> Body:
    code, basis, grounds = _LISTS[draw.c % len(_LISTS)]
    return {
        "list": code,
        "subject": population.organisation(draw.subject),
        "case": f"云岭列〔{days.year}〕{draw.number}号",
        "authority": population.authority(draw.b),
        "basis": basis,
        "grounds": grounds,
        "from": days.after(0),
        "until": days.after(1095),
    }


def _commitment(population: Population, draw: Draw, days: _Days) -> Body:
    return {
        "subject": population.organisation(draw.subject),
        "authority": population.authority(draw.b),
        "document": f"云岭诺〔{days.year}〕{draw.number}号",
        "commitment_kind": "approval",
        "content": "承诺具备许可条件，并按期补交材料。",
        "matter": "administrative-licence",
        "made_on": days.after(0),
        "until": days.after(730),
    }


def _contract(population: Population, draw: Draw, days: _Days) -> Body:
    return {
        "subject": population.organisation(draw.subject),
        "authority": population.authority(draw.b),
        "document": f"云岭合〔{days.year}〕{draw.number}号",
        "project": "城东泵站改造工程",
        "performance": ("performed", "performing", "breached")[draw.c % 3],
        "signed_on": days.after(0),
        "reported_on": days.ago(20),
    }


def _evaluation(population: Population, draw: Draw, days: _Days) -> Body:
    return {
        "subject": population.organisation(draw.subject),
        "authority": population.authority(draw.b),
        "document": f"云岭评〔{days.year}〕{draw.number}号",
        "scheme": "public-credit",
        "grade": "ABBCD"[draw.c % 5],
        "evaluated_on": days.after(0),
        "valid_until": days.after(365),
        "basis": "公共信用综合评价办法",
    }


def _removal(population: Population, draw: Draw, days: _Days) -> Body:
    entered = _listing(population, draw, days)
    return {name: entered[name] for name in ("list", "subject", "case", "authority", "basis")} | {
        "reason": "lifted",
        "removed_on": days.ago(4),
    }


def _step(record: Maker, **members: str | int) -> Maker:
    """A step that repeats what `record` says; whole numbers among `members` are days ago."""

    def make(population: Population, draw: Draw, days: _Days) -> Body:
        made = record(population, draw, days)
        repeated = {"subject": made["subject"], "authority": made["authority"], "number": made["document"]}
        return repeated | {
            name: days.ago(value) if isinstance(value, int) else value for name, value in members.items()
        }

    return make


_PENALTY: Story = (("credit.penalty.published", _penalty),)
_CORRECTED: Story = (*_PENALTY, ("credit.correction.reported", _step(_penalty, corrected="yes", on=0)))
_APPLIED: Story = (
    *_CORRECTED,
    ("credit.repair.applied", _step(_penalty, applied_on=0, commitment="信用修复承诺书")),
)
_REPAIRED: Story = (
    *_APPLIED,
    ("credit.repair.accepted", _step(_penalty, accepted_on=0)),
    ("credit.repair.approved", _step(_penalty, decided_on=0, basis="信用信息修复管理办法")),
)
_OBJECTED: Story = (
    *_PENALTY,
    ("credit.record.objected", _step(_penalty, raised_on=5, grounds="对事实认定有异议。")),
    ("credit.objection.answered", _step(_penalty, answered_on=2, outcome="rejected", reasons="事实清楚。")),
)
_LICENCE: Story = (("credit.licence.published", _licence),)
_LISTING: Story = (("credit.list.entered", _listing),)
_REMOVED: Story = (*_LISTING, ("credit.list.removed", _removal))
_COMMITMENT: Story = (("credit.commitment.made", _commitment),)
_KEPT: Story = (*_COMMITMENT, ("credit.commitment.performed", _step(_commitment, outcome="kept", on=3)))
_CONTRACT: Story = (("credit.contract.reported", _contract),)
_EVALUATION: Story = (("credit.evaluation.published", _evaluation),)

_STORIES: tuple[tuple[int, Story], ...] = (
    (8, _PENALTY),
    (8, _CORRECTED),
    (4, _APPLIED),
    (6, _REPAIRED),
    (4, _OBJECTED),
    (12, _LICENCE),
    (4, _LISTING),
    (8, _REMOVED),
    (6, _KEPT),
    (4, _EVALUATION),
)
_ALONE: tuple[tuple[int, Story], ...] = (
    (14, _PENALTY),
    (26, _LICENCE),
    (2, _LISTING),
    (10, _COMMITMENT),
    (6, _CONTRACT),
    (6, _EVALUATION),
)
"""How many in 64 are of which story."""


def _table(weights: tuple[tuple[int, Story], ...]) -> tuple[Story, ...]:
    return tuple(story for weight, story in weights for _ in range(weight))


_STORY_OF, _ALONE_OF = _table(_STORIES), _table(_ALONE)


def _story(drawn: int) -> Story:
    return _STORY_OF[drawn % len(_STORY_OF)]


def _alone(drawn: int) -> Story:
    return _ALONE_OF[drawn % len(_ALONE_OF)]
