"""What the rules of credit records, joint punishment and personal data refuse."""

from ledger.errors.base import AccessError, Conflict, InputError, NotFound


class ListUnknown(InputError):
    code = "list_unknown"
    zh = "目录中没有这个名单。"
    en = "The catalogue has no such list."


class MeasureUnknown(InputError):
    code = "measure_unknown"
    zh = "现行目录中没有这项措施。"
    en = "The catalogue's edition in force has no such measure."


class DecisionDateRefused(InputError):
    code = "decision_date_refused"
    zh = "决定日期不在规则允许的范围内。"
    en = "The date of the decision is outside what the rules allow."


class TooManySubjects(InputError):
    code = "too_many_subjects"
    zh = "一次核查的主体过多。"
    en = "Too many subjects in one check."


class NotEntitled(AccessError):
    """The step exists, and somebody else is to take it."""

    code = "not_entitled"
    zh = "该单位无权对此记录作此操作。"
    en = "This member is not entitled to take this step on this record."


class ListAuthorityMissing(AccessError):
    code = "list_authority_missing"
    zh = "该单位没有认定此名单的职权。"
    en = "This member has no authority to enter anybody in this list."


class AuthorisationMissing(AccessError):
    code = "authorisation_missing"
    zh = "查询自然人须有本人授权或法定依据代码。"
    en = "Asking about a natural person needs that person's authorisation, or the code of a legal basis."


class AuthorisationExpired(AccessError):
    code = "authorisation_expired"
    zh = "授权不在有效期内或已撤回。"
    en = "The authorisation is not in force at this time, or was withdrawn."


class AuthorisationOutOfScope(AccessError):
    code = "authorisation_out_of_scope"
    zh = "授权范围不含此次查询。"
    en = "The authorisation does not cover this question."


class AuthorisationExhausted(AccessError):
    code = "authorisation_exhausted"
    zh = "授权的使用次数已用完。"
    en = "The authorisation has been used as often as it allows."


class StepRefused(Conflict):
    """A step that the state of a record, or of a case, does not allow.

    `reason` is the stable code of the refusal (`minimum_not_passed`), `rule` the rule with its source;
    `detail` and `zh` say both with the state.
    """

    code = "step_refused"
    zh = "该记录的当前状态不允许此操作。"
    en = "The record's present state does not allow this step."

    def __init__(self, detail: str = "", *, reason: str = "", rule: str = "", zh: str = "") -> None:
        super().__init__(detail, zh=zh)
        self.reason = reason
        self.rule = rule


class ReferenceUnknown(NotFound):
    code = "reference_unknown"
    zh = "所指的陈述不存在。"
    en = "The statement that this one refers to does not exist."


class EditionRefused(Conflict):
    code = "edition_refused"
    zh = "该目录版本不能发布。"
    en = "This edition of the catalogue cannot be published."
