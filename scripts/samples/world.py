"""The invented city of Yunling (云岭市): its authorities, companies and people, drawn from one seed."""

import random
from dataclasses import dataclass
from datetime import date, timedelta

from scripts.samples.codes import resident_id, uscc

CITY_REGION = "990100"
_DISTRICTS = ("990101", "990102", "990103", "990121", "990122")

_FIRST = "云岭青岚澜霁芷沐穗黛筠漪颢晗澍璟"
_SECOND = "禾桐砚棠杉珂泓翎箬岫麓蘅汀榆栎萤"
_TRADES = (
    "建材", "食品", "物流", "电子科技", "环保工程", "餐饮管理", "医药", "农业开发",
    "机械制造", "信息技术", "物业服务", "运输", "印务", "建筑工程", "劳务", "园林绿化",
)  # fmt: skip
_FORMS = (("有限公司", "1", "9"), ("股份有限公司", "1", "9"), ("经营部", "2", "9"), ("合作社", "3", "9"))
_SURNAMES = "钱孙李周吴郑王冯陈褚卫蒋沈韩杨朱秦尤许何吕施张孔曹严华金魏陶姜"
_GIVEN = "砚棠泓翎岫蘅榆栎萤澍璟颢晗沐霁筠漪芷黛穗"

_AUTHORITIES = (
    "大数据管理局", "行政审批局", "市场监督管理局", "税务局", "人力资源和社会保障局", "住房和城乡建设局",
    "交通运输局", "生态环境局", "应急管理局", "中级人民法院", "财政局", "卫生健康委员会", "公安局",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Organisation:
    """An organisation: code (USCC), name, and who represents it."""

    uscc: str
    name: str
    representative: "Person | None" = None


@dataclass(frozen=True, slots=True)
class Person:
    """A natural person: name and resident ID. Invented, but treated as personal everywhere."""

    name: str
    number: str


class World:
    """Everybody in the samples. The same (seed, today) gives the same world.

    `authorities[0]` runs the data exchange, `authorities[1]` issues certificates and `authorities[2]`
    supervises the market: the three members of the demo.
    """

    def __init__(self, seed: int, today: date, *, organisations: int = 1600, people: int = 500) -> None:
        self.seed = seed
        self.today = today
        random_ = self.draws("world")
        self.people = [_person(random_, i) for i in range(people)]
        self.organisations = [_company(random_, i, self.people) for i in range(organisations)]
        self.authorities = [
            Organisation(uscc("1", "1", CITY_REGION, 10_000 + 37 * i), f"云岭市{name}")
            for i, name in enumerate(_AUTHORITIES)
        ]

    def draws(self, purpose: str) -> random.Random:
        """A generator of its own for each purpose, so that one part's draws do not move another's."""
        return random.Random(f"xinzheng/{self.seed}/{purpose}")  # noqa: S311 - samples, not secrets

    def day(self, random_: random.Random, oldest: int, newest: int = 1) -> date:
        """A day between `oldest` and `newest` days ago."""
        return self.today - timedelta(days=random_.randint(newest, oldest))


def _person(random_: random.Random, index: int) -> Person:
    name = random_.choice(_SURNAMES) + "".join(random_.sample(_GIVEN, random_.choice((1, 2, 2))))
    born = date(1955, 1, 1) + timedelta(days=random_.randrange(50 * 365))
    return Person(name, resident_id(random_.choice(_DISTRICTS), born, index % 1000))


def _company(random_: random.Random, index: int, people: list[Person]) -> Organisation:
    form, kind, department = random_.choice(_FORMS)
    brand = "".join(random_.sample(_FIRST, 1) + random_.sample(_SECOND, 2))
    name = f"云岭市{brand}{random_.choice(_TRADES)}{form}"
    # The code's organisation part is unique by `index`; the step keeps neighbours from looking alike.
    code = uscc(department, kind, random_.choice(_DISTRICTS), 20_000_000 + 4_099 * index)
    return Organisation(code, name, random_.choice(people))
