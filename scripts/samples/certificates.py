"""E-certificates with real files: half OFD (GB/T 33190), half PDF, metadata under GB/T 36903's names."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta

from scripts.samples.codes import certificate_identifier, uscc
from scripts.samples.ofd import ofd_document
from scripts.samples.pdf import pdf_document
from scripts.samples.world import Organisation, Person, World

# An invented ministry (region 990000) that defines the types of certificate.
_DEFINING = uscc("1", "1", "990000", 33)
_TYPES = (
    ("营业执照", "011"),
    ("食品经营许可证", "021"),
    ("道路运输经营许可证", "031"),
    ("建筑业企业资质证书", "041"),
    ("职业资格证书", "051"),
)
_FOR_PEOPLE = "051"


@dataclass(frozen=True, slots=True)
class Certificate:
    """One e-certificate: `metadata` under GB/T 36903's names, its holder, and its file."""

    metadata: dict[str, str]
    holder: Organisation | Person
    format: str
    file_name: str
    content: bytes


def certificates(world: World, count: int = 200) -> Iterator[Certificate]:
    """`count` certificates issued by the world's approval bureau, every second one as OFD."""
    random_ = world.draws("certificates")
    issuer = world.authorities[1]
    for index in range(count):
        title, number = random_.choice(_TYPES)
        person = number == _FOR_PEOPLE
        holder: Organisation | Person
        holder = random_.choice(world.people) if person else random_.choice(world.organisations)
        issued = world.day(random_, 700)
        serial = f"{issued:%Y}{index + 1:07d}"
        identifier = certificate_identifier(_DEFINING + number, issuer.uscc, serial, 1)
        until = issued + timedelta(days=5 * 365)
        metadata = {
            "ZZBS": identifier,
            "ZZMC": title,
            "ZZLXDM": _DEFINING + number,
            "ZZBH": f"YL{serial}",
            "ZZBFJG": issuer.name,
            "ZZBFJGDM": issuer.uscc,
            "ZZBFRQ": f"{issued:%Y-%m-%d}",
            "CZZT": holder.name,
            "CZZTDM": holder.number if isinstance(holder, Person) else holder.uscc,
            "CZZTDMLXDM": "111" if person else "001",
            "ZZYXQQSRQ": f"{issued:%Y-%m-%d}",
            "ZZYXQJZRQ": f"{until:%Y-%m-%d}",
        }
        lines = [
            title,
            f"证照编号：{metadata['ZZBH']}",
            f"持证主体：{holder.name}",
            f"颁发机构：{issuer.name}",
            f"颁发日期：{metadata['ZZBFRQ']}",
            f"有效期至：{metadata['ZZYXQJZRQ']}",
            f"证照标识：{identifier}",
        ]
        format_ = "ofd" if index % 2 == 0 else "pdf"
        make = ofd_document if format_ == "ofd" else pdf_document
        yield Certificate(metadata, holder, format_, f"{metadata['ZZBH']}.{format_}", make(lines, issued))
