"""Access events of the city's data exchange, in the order in which a gateway would send them."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

from scripts.samples.world import World

_RESOURCES = (
    ("enterprise-registration", "企业登记信息"),
    ("social-insurance", "社会保险参保信息"),
    ("real-estate", "不动产登记信息"),
    ("tax-payment", "纳税信息"),
    ("vehicle", "机动车登记信息"),
    ("household", "户籍信息"),
    ("building-permit", "建设工程规划许可信息"),
)
_PURPOSES = (
    ("政府采购供应商资格审查", "政府采购法第二十二条"),
    ("行政许可受理核验", "行政许可法第三十四条"),
    ("财政补贴申领核验", "预算法第五十七条"),
    ("不动产登记核验", "不动产登记暂行条例第十七条"),
    ("社会救助家庭经济状况核对", "社会救助暂行办法第五十八条"),
)


def access_events(
    world: World, count: int = 20_000, *, until: datetime | None = None
) -> Iterator[dict[str, Any]]:
    """`count` events of the last hours before `until` (default: the start of the world's day, UTC).

    Members: `action`, `resource`, `actor` {member, operator}, `exchange`, `subject` {uscc} or {person: the
    resident ID, to be turned into a tag before it goes anywhere} or None, `purpose`, `basis`, `outcome`,
    `rows`, `bytes`, `happened_at` (UTC, milliseconds).
    """
    random_ = world.draws("access")
    end = until or datetime.combine(world.today, datetime.min.time(), UTC)
    moment = end - timedelta(milliseconds=700 * count)
    for index in range(count):
        moment += timedelta(milliseconds=random_.randint(1, 1300))
        if moment > end:
            moment = end
        resource, _ = random_.choice(_RESOURCES)
        purpose, basis = random_.choice(_PURPOSES)
        member = random_.choice(world.authorities)
        outcome = random_.choices(("done", "none", "refused", "failed"), weights=(88, 9, 2, 1))[0]
        rows = random_.choices((1, random_.randint(2, 500)), weights=(9, 1))[0] if outcome == "done" else 0
        draw = random_.random()
        subject: dict[str, str] | None = None
        if draw < 0.55:
            subject = {"uscc": random_.choice(world.organisations).uscc}
        elif draw < 0.85:
            subject = {"person": random_.choice(world.people).number}
        yield {
            "action": random_.choices(("exchange", "query", "push", "download"), weights=(70, 20, 7, 3))[0],
            "resource": f"yunling/{resource}",
            "actor": {"member": member.uscc, "operator": f"desk-{random_.randint(1, 40):02d}"},
            "exchange": f"ex-{moment:%Y%m%d}-{index:07d}",
            "subject": subject,
            "purpose": purpose,
            "basis": basis,
            "outcome": outcome,
            "rows": rows,
            "bytes": rows * random_.randint(180, 900),
            "happened_at": f"{moment:%Y-%m-%dT%H:%M:%S}.{moment.microsecond // 1000:03d}Z",
        }
