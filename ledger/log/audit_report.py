"""What an audit finds: one finding for each thing that is not as it must be, and figures of what was read.

A finding names the entry by leaf index, issuer and id, the checkpoint or the page that it is about; it
never holds what a person's entry says. Of findings that follow from one another (every later checkpoint
differs once one does) the first is kept and says how many there are.
"""

from collections.abc import Callable, Iterable
from dataclasses import asdict, dataclass, field
from typing import Any

MOST_FINDINGS = 1000
"""Findings that a report lists; more are only counted."""

Progress = Callable[[str, int, int], None]
"""Called with the step's name, what is done and what there is to do."""

TEXTS: dict[str, tuple[str, str]] = {
    "entry_missing": ("条目缺失。", "The entry is missing."),
    "leaf_differs": (
        "条目内容的哈希与存储的叶子哈希不符：条目或叶子哈希被改动。",
        "The entry's hash is not the stored leaf hash: one of them was changed.",
    ),
    "tile_differs": ("树中存储的哈希与条目不符。", "A stored hash of the tree differs from the entries."),
    "checkpoint_root_differs": (
        "由条目重新计算的根哈希与已签名的检查点不符。",
        "The root recomputed from the entries is not the one in the signed checkpoint.",
    ),
    "checkpoint_row_differs": (
        "检查点的存储字段与其签名文本不符。",
        "A checkpoint's stored fields are not those of its signed note.",
    ),
    "checkpoint_signature": ("检查点的签名无效。", "A checkpoint's signature is not valid."),
    "checkpoint_beyond_entries": (
        "已签名的检查点所含条目多于现存条目：条目被删除。",
        "A signed checkpoint covers more entries than there are: entries were removed.",
    ),
    "checkpoint_missing": (
        "已发布的检查点缺失。",
        "Published checkpoints were removed.",
    ),
    "checkpoint_order": ("检查点的大小或时间倒退。", "The size or the time of checkpoints goes back."),
    "entry_form": ("条目的格式不符合规定。", "The entry is not in the required form."),
    "entry_row_differs": (
        "条目的存储字段（签发单位、编号）与其内容不符。",
        "The entry's stored issuer or id is not that of its bytes.",
    ),
    "entry_repeated": ("同一签发单位的编号重复出现。", "An (issuer, id) occurs twice."),
    "entry_refused": (
        "条目不符合受理规则。",
        "The entry breaks a rule of admission.",
    ),
    "entry_signature": ("条目的签名无效。", "The entry's signature is not valid."),
    "entry_issuer": (
        "签名密钥不属于该签发单位，或当时无权签发。",
        "The signing key was not the issuer's, or was not entitled then.",
    ),
    "entry_time": ("受理时间与签名时间相差过大或倒退。", "The time of acceptance does not fit the entry."),
    "batch_differs": ("批量条目与其清单不符。", "A batch does not agree with its manifest."),
    "index_keys_differ": (
        "存储的索引键与陈述的标签不符。",
        "The stored index keys are not those of the statement's tags.",
    ),
    "index_root_differs": (
        "由条目重新计算的索引根与已签名的检查点不符。",
        "The index root recomputed from the entries is not the one in the signed checkpoint.",
    ),
    "index_page_differs": ("索引页与条目不符。", "A stored index page differs from the entries."),
    "index_not_audited": (
        "索引未能审计：不能认为索引无误。",
        "The index could not be audited, so nothing is known of it.",
    ),
    "block_differs": (
        "存储的路径块与条目或批次不符。",
        "A stored block of paths differs from the entries, or from a batch's root.",
    ),
    "lookup_differs": (
        "叶子哈希查找表与条目不符。",
        "The leaf look-up table differs from the entries.",
    ),
    "index_link_differs": ("条目的索引链接与条目不符。", "An entry's stored links differ from the entries."),
    "sealed_differs": (
        "密封内容无法解开，或与陈述中的摘要不符。",
        "The sealed content does not open, or is not what the statement's digest names.",
    ),
    "sealed_missing": (
        "陈述声明的密封内容不在库中，也没有删除记录。",
        "The sealed content that the statement announces is gone, and no record says that it was erased.",
    ),
    "sealed_key_missing": (
        "密封内容的数据密钥不在库中，也没有销毁记录。",
        "The data key of sealed content is gone, and no record says that it was destroyed.",
    ),
    "erasure_unrecorded": (
        "密封内容已销毁，但访问日志没有相应的删除记录。",
        "Sealed content was destroyed, and the access log holds no erasure of this subject.",
    ),
    "sealed_unannounced": (
        "存有陈述未声明的密封内容。",
        "Sealed content is stored that the entry does not name.",
    ),
    "stray_row": (
        "存有不属于任何条目的密封内容或回执签名。",
        "Sealed content or a receipt signature is stored that belongs to no entry.",
    ),
    "receipt_signature": (
        "保存的回执签名与条目不符：签名、位置或受理时间被改动。",
        "A kept receipt signature does not fit: signature, place or time of acceptance was changed.",
    ),
    "reference_missing": (
        "条目所指的陈述未登记在引用表中。",
        "The table of references lacks one that the entry makes.",
    ),
    "reference_stray": (
        "引用表中有条目并未作出的引用。",
        "The table of references names one that the entry does not make.",
    ),
    "due_differs": (
        "到期表与条目及当时适用的目录不符。",
        "What is kept as due differs from the entry and the edition of the catalogue in force then.",
    ),
    "due_settled_early": (
        "尚未办结的事项被标为已办结。",
        "Something that is still to be done is marked as done.",
    ),
    "integrated_differs": ("整合状态与条目不符。", "The integrated state differs from the entries."),
    "anchor_missing": ("链上没有所记录的锚定。", "The chain does not hold a recorded anchor."),
    "anchor_differs": ("链上的锚定与本地检查点不符。", "The chain's anchor differs from the checkpoint."),
    "anchor_orphan": ("锚定没有对应的检查点。", "An anchor has no checkpoint."),
    "anchor_unrecorded": (
        "链上有本地没有记录的锚定。",
        "The chain holds an anchor that is not recorded here.",
    ),
    "projection_differs": ("业务视图与条目不符。", "A projection differs from the entries."),
    "projection_not_audited": (
        "业务视图未能审计。",
        "A projection could not be audited.",
    ),
}


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that is wrong; `index`, `issuer` and `id` name the entry where it is about one."""

    code: str
    index: int | None
    zh: str
    en: str
    issuer: str | None = None
    id: str | None = None


@dataclass(slots=True)
class AuditReport:
    """What was read and what was wrong with it; an audit without findings is `clean`."""

    origin: str
    level: str
    entries: int = 0
    findings: list[Finding] = field(default_factory=list)
    unlisted: int = 0
    figures: dict[str, int | float] = field(default_factory=dict)

    @property
    def clean(self) -> bool:
        return not self.findings

    def add(
        self,
        code: str,
        index: int | None = None,
        detail: str = "",
        issuer: str | None = None,
        id: str | None = None,
    ) -> None:
        """Note a finding; `detail` is English, and names no person."""
        self.extend([finding(code, index, detail, issuer, id)])

    def extend(self, findings: Iterable[Finding]) -> None:
        for one in findings:
            if len(self.findings) < MOST_FINDINGS:
                self.findings.append(one)
            else:
                self.unlisted += 1

    def count(self, figure: str, more: int = 1) -> None:
        """Add to a figure."""
        self.figures[figure] = self.figures.get(figure, 0) + more

    def absorb(self, other: "AuditReport") -> None:
        """Take over another report's findings and figures."""
        self.extend(other.findings)
        self.unlisted += other.unlisted
        for figure, more in other.figures.items():
            self.figures[figure] = self.figures.get(figure, 0) + more

    def as_dict(self) -> dict[str, Any]:
        """The report as JSON members."""
        return asdict(self) | {"clean": self.clean}


def finding(
    code: str, index: int | None = None, detail: str = "", issuer: str | None = None, id: str | None = None
) -> Finding:
    """A finding with its sentences, which name the entry."""
    zh, en = TEXTS[code]
    place_zh, place_en = "", ""
    if index is not None:
        place_zh, place_en = f"条目 {index}", f"Entry {index}"
        if issuer is not None:
            place_zh += f"（签发单位 {issuer}，编号 {id}）"
            place_en += f" (issuer {issuer}, id {id})"
        place_zh, place_en = place_zh + "：", place_en + ": "
    if detail:
        en = f"{en} {detail[0].upper()}{detail[1:]}."
    return Finding(code, index, place_zh + zh, place_en + en, issuer, id)
