"""Findings about an answer document, and the words for their reasons; beside the nine verdicts of a bundle.

`look`: the operator logged this look, and with this very answer. `keys`: what was asked is what subject and
matter require. `conclusion`: the decision agrees with what the bundle shows. `file`, where the certificate's
bundle is given: this very file is the one that was logged.
"""

from dataclasses import dataclass, field

from ledger.verify.verdicts import SENTENCES, Outcome

LOOK, KEYS, CONCLUSION, FILE = "look", "keys", "conclusion", "file"
PARTS = (LOOK, KEYS, CONCLUSION, FILE)
"""The verdicts about an answer, in the order in which they are shown."""
ROLE_NAMES = {
    "legal-representative": "法定代表人",
    "responsible-person": "主要负责人",
    "actual-controller": "实际控制人",
}
PART_NAMES = {
    LOOK: ("查询留痕", "look"),
    KEYS: ("查询键", "keys"),
    CONCLUSION: ("结论", "conclusion"),
    FILE: ("整个文件", "file"),
}


@dataclass(frozen=True, slots=True)
class AnswerFinding:
    """One result of one check of an answer; `counts` are what its sentence is filled with."""

    part: str
    outcome: Outcome
    reason: str
    counts: dict[str, int | str] = field(default_factory=dict)

    @property
    def zh(self) -> str:
        """The reason's sentence in Chinese."""
        return sentence_of(self.reason)[0].format(**self.counts)

    @property
    def en(self) -> str:
        """The reason's sentence in English."""
        return sentence_of(self.reason)[1].format(**self.counts)


def sentence_of(reason: str) -> tuple[str, str]:
    """A reason's sentence in Chinese and English, with places for counts."""
    return ANSWER_SENTENCES.get(reason) or SENTENCES[reason]


ANSWER_SENTENCES: dict[str, tuple[str, str]] = {
    # look
    "answer_logged": (
        "运营方已将本次查询连同本答复的摘要记入访问日志，日志已签发受理回执。",
        "The operator logged this look with the digest of this very answer, and the log gave its receipt.",
    ),
    "answer_differs": (
        "访问日志所载的答复摘要不是本答复的摘要。",
        "The logged look names the digest of another answer.",
    ),
    "answer_not_named": (
        "访问记录没有载明答复摘要。",
        "The logged look names no answer.",
    ),
    "look_not_a_check": ("所附的访问记录不是核查。", "What was logged is not the look of a check."),
    "look_other_subject": (
        "访问记录所载的主体不是答复的主体。",
        "The logged look is about another subject than the answer.",
    ),
    "look_other_matter": (
        "访问记录所载的事项不是答复的事项。",
        "The logged look is for another matter than the answer.",
    ),
    "look_not_by_operator": (
        "访问记录不是由信任文件所载的运营方签署。",
        "The look was not signed by a member that the trust file calls an operator.",
    ),
    "look_malformed": (
        "访问记录、批次清单或受理回执不是规定的形式。",
        "The logged look, its manifest or the log's receipt is not in the required form.",
    ),
    "look_place": (
        "受理回执所载的位置、摘要或批次与访问记录不符。",
        "Place, hash or batch in the log's receipt do not go with the logged look.",
    ),
    "look_path_missing": (
        "没有批次路径，无法证明访问记录在批次之中。",
        "The batch path is missing, so that the look cannot be shown to be in its batch.",
    ),
    "look_receipt_signature": (
        "日志对受理回执的签名与内容不符。",
        "The log's signature does not match its receipt.",
    ),
    "look_receipt_key_not_valid": (
        "受理回执的时间不在日志密钥的有效期内，或密钥已被吊销。",
        "The receipt's time is outside the log key's validity window, or the key is revoked.",
    ),
    "look_in_future": (
        "访问记录的时间超前现在五分钟以上。",
        "The look is more than 5 minutes ahead of now.",
    ),
    "look_missing": ("没有访问记录的证明。", "There is no proof that the look was logged."),
    # keys
    "keys_required": (
        "所查询的键正是主体与事项所要求的键（{keys} 个）。",
        "The keys asked are those that subject and matter require ({keys}).",
    ),
    "subject_key_differs": (
        "主体的查询键不是由主体代码得出的键。",
        "The subject's key is not the one that its code leads to.",
    ),
    "subject_key_missing": ("没有查询主体自身的键。", "The subject's own key was not asked."),
    "epoch_key_missing": (
        "自然人须逐期查询，缺少 {missing} 期的键。",
        "A person is asked about once per epoch; the key of {missing} epochs is missing.",
    ),
    "person_tags_as_given": (
        "自然人的标签取自答复，未以标签密钥重新计算：它们属于此人，系运营方所述。",
        "The person's tags are as the answer gives them; no tag key was at hand to recompute them: that they "
        "are this person's is the operator's word.",
    ),
    "person_tags_recomputed": (
        "自然人的标签已由号码与标签密钥重新计算，一致。",
        "The person's tags were recomputed from number and tag key, and agree.",
    ),
    "person_key_differs": (
        "自然人的查询键不是由所给号码得出的键。",
        "A person's key is not the one that the number given leads to.",
    ),
    "epoch_tag_key_missing": (
        "所给的标签密钥文件没有该期的密钥。",
        "The tag key file given lacks the key of an epoch.",
    ),
    "role_not_asked": (
        "本事项须查询关联人员（{roles_zh}），答复既未查询，也未说明。",
        "The matter asks about persons behind the subject ({roles}); they were not asked, nor is that said.",
    ),
    "role_left_out": (
        "除答复所说明的未查询人员（{roles_zh}）外，所查询的键正是主体与事项所要求的键（{keys} 个）。",
        "But for whom the answer says it did not ask about ({roles}), the keys are those required ({keys}).",
    ),
    "edition_not_shown": (
        "证据包没有所用目录版本的发布条目，无法判断须查询哪些关联人员。",
        "The bundle does not show the entry of the catalogue's edition, which says whom a matter asks about.",
    ),
    "edition_differs": (
        "目录版本的发布条目与答复所载不符。",
        "The entry of the catalogue's edition is not what the answer says.",
    ),
    "edition_not_in_force": (
        "该目录版本在所查日期尚未施行。",
        "The catalogue's edition was not yet in force on the day asked about.",
    ),
    "edition_not_by_operator": (
        "目录版本不是由信任文件所载的运营方发布。",
        "The edition was not published by a member that the trust file calls an operator.",
    ),
    "tables_differ": (
        "所附的目录表不是该版本的目录表。",
        "The tables of the catalogue that are attached are not those of the edition.",
    ),
    "matter_unknown_to_edition": (
        "该目录版本没有此事项。",
        "The catalogue's edition does not have this matter.",
    ),
    # conclusion
    "conclusion_agrees": (
        "结论与所出示的内容一致：命中 {hits} 条；未出示者已说明缘由（{aside_zh}）。"
        "这些缘由、名单以外的记录是否有影响、适用何种措施，系运营方所述，由所记录的查询为凭。",
        "The decision agrees with what is shown: {hits} hits; entries set aside, by reason: {aside}. These "
        "reasons, whether records other than list entries bear on the matter, and the measures are the "
        "operator's word, which the logged look binds.",
    ),
    "checkpoint_differs": (
        "证据包的检查点不是答复所依据的检查点。",
        "The bundle stands under another checkpoint than the answer.",
    ),
    "hit_not_shown": (
        "命中的条目没有出示（{entries}）。",
        "The entry of a hit is not shown ({entries}).",
    ),
    "hit_differs": (
        "命中的内容与出示的条目不符（{entries}）。",
        "What the answer says of a hit is not what the entry shown says ({entries}).",
    ),
    "hit_of_nobody_asked": (
        "命中的条目不属于所查询的任何键（{entries}）。",
        "The entry of a hit belongs to none of the keys asked ({entries}).",
    ),
    "decision_differs": (
        "结论不是各命中中最重的一项。",
        "The decision is not the gravest of the hits.",
    ),
    "listing_ignored": (
        "出示的名单列入条目在所查日期有效，答复却未按目录规则计入（{entries}）。",
        "A list entry shown was in force on the day, and the answer does not make of it what the catalogue's "
        "rules say ({entries}).",
    ),
    "listing_not_judged": (
        "出示的名单列入条目有效而不影响结论；没有目录规则，无法判断是否恰当（{entries}）。",
        "A list entry in force has no effect here; without the catalogue's rules that cannot be judged "
        "({entries}).",
    ),
    "no_longer_differs": (
        "所称不再计入的条目与键的条目链不符（{entries}）。",
        "An entry that is set aside is not in the chain of a key asked ({entries}).",
    ),
    "end_not_named": (
        "所称已终止的条目没有指明使其终止的陈述（{entries}）。",
        "An entry that is set aside as ended names no statement of the keys asked that ended it ({entries}).",
    ),
    "day_to_come": (
        "所查日期晚于查询之日。",
        "The day asked about is later than the day of the look.",
    ),
    "entries_unaccounted": (
        "有 {count} 条条目既未出示，也未说明缘由。",
        "{count} entries are neither shown nor set aside with a reason.",
    ),
    # file
    "file_logged": (
        "本文件连同版面正是运营方作为电子证照登记的文件，且在有效期内。",
        "This very file, its page included, is the one that the operator logged, and it is in force.",
    ),
    "file_other": (
        "本文件不是所登记的文件：版面或附件已被改动。",
        "This is not the file that was logged: its page or an attachment was changed.",
    ),
    "certificate_not_logged": (
        "证照日志中没有本回执的签发记录。",
        "The certificate log holds no issue of this receipt.",
    ),
    "certificate_not_proven": (
        "所给的证照证据包未能证明本回执的全部记录。",
        "The certificate's bundle does not prove all that is logged of this receipt.",
    ),
    "receipt_changed": (
        "本回执已被撤销、替换或变更。",
        "The receipt was revoked, replaced or changed after it was issued.",
    ),
    "receipt_expired": ("本回执已过有效期。", "The receipt's validity has ended."),
}
