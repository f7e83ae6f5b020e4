"""Why a step is refused: a stable code, a sentence, and the rule with its source."""

from ledger.errors import AccessError, Conflict, NotEntitled, StepRefused

NOT_ENTITLED = "not_entitled"
_REPAIR = "信用信息修复管理办法 (NDRC Order 36)"
_OBJECTION = "异议处理: local rules on social credit (Shenzhen, Shanghai, Zhejiang)"
_LOG = "a step refers to the record that it continues, and repeats it"

REFUSALS: dict[str, tuple[str, str]] = {
    "record_unknown": ("the step refers to no record that stands before it in the log", _LOG),
    "other_record": (
        "the step does not repeat the record's subject, related persons, authority and number",
        _LOG,
    ),
    "wrong_kind": ("a record of this kind has no such step", _LOG),
    NOT_ENTITLED: (
        "the step is another member's to take",
        "the issuer answers, reports, decides and withdraws; the operator expires, reviews and matches",
    ),
    "before_record": ("the step is dated before the record itself", "a step follows what it changes"),
    "back_dated": ("the step is dated before the last step that was taken", "steps are taken in order"),
    "record_ended": (
        "the record's life has ended",
        "what was repaired, withdrawn, lifted, replaced or has expired is not changed any more",
    ),
    "not_published": ("the record is not published", f"{_REPAIR}: repair ends a publication"),
    "already_objected": ("an objection against the record is open already", _OBJECTION),
    "not_objected": ("no objection against the record is open", _OBJECTION),
    "not_repairable": ("the record is not one of dishonesty, so there is nothing to repair", _REPAIR),
    "minimum_not_passed": (
        "the minimum publication has not passed",
        f"{_REPAIR}: minimum publication by class",
    ),
    "not_corrected": (
        "the violation is not reported as corrected and the duties as performed",
        f"{_REPAIR}: repair needs correction and performance",
    ),
    "repair_pending": ("an application for repair is under way already", _REPAIR),
    "repair_not_applied": (
        "no application for repair waits for this",
        f"{_REPAIR}: applied, accepted, decided",
    ),
    "repair_not_accepted": (
        "no application for repair was accepted",
        f"{_REPAIR}: applied, accepted, decided",
    ),
    "not_over": (
        "the term of publication is not over",
        f"{_REPAIR}: publication ends with its term, and not while the violation is reported as uncorrected",
    ),
    "already_performed": (
        "what became of the commitment was reported before",
        "信用承诺: performance is reported once",
    ),
    "related_missing": (
        "a record that replaces another names at least its related persons",
        "else those left out would not see that the record was replaced; withdraw it instead",
    ),
    "case_not_open": ("the case is not waiting for a review", "联合惩戒: a case is reviewed once"),
    "case_not_approved": (
        "the case was not approved",
        "联合惩戒: initiate, review, match, apply, feedback, lift",
    ),
    "case_not_matched": (
        "the case was not matched yet",
        "联合惩戒: initiate, review, match, apply, feedback, lift",
    ),
    "case_ended": (
        "the case was returned, lifted or has ended",
        "联合惩戒: what was lifted is not taken up again",
    ),
}


def refusal(code: str, state: str, more: str = "") -> Conflict | AccessError:
    """The error of a refusal: `NotEntitled` or `StepRefused`; `more` says dates and numbers."""
    sentence, rule = REFUSALS[code]
    detail = f"{sentence}{f' ({more})' if more else ''}; it is {state}; rule: {rule}"
    if code == NOT_ENTITLED:
        return NotEntitled(detail)
    return StepRefused(detail, reason=code, rule=rule)
