"""The issuer check: whether a key may say what it signed. Shared by the verifier and the log's admission.

A signature says that a key signed these bytes; who that is, and whether it may say this, is asked here.
Every look-up is by keyid or id in a dictionary, so the check costs the same for ten members as for ten
thousand.
"""

from ledger.formats.statement import Manifest, Statement
from ledger.formats.trust import Trust, Window
from ledger.verify.verdicts import FAIL, ISSUER, UNKNOWN, Finding, Outcome


def check_issuer(trust: Trust, origin: str, content: Statement | Manifest, keyid: str) -> list[Finding]:
    """What speaks against `keyid` having said this in the log `origin`; nothing if nothing does.

    Covers log, key, window at `content.at`, and for a statement the role for its kind.
    """
    found: list[tuple[Outcome, str]] = []
    if content.log != origin:
        found.append((FAIL, "other_log"))
    log = trust.logs.get(origin)
    if log is None:
        found.append((UNKNOWN, "log_not_trusted"))
    holder = trust.holders.get(keyid)
    if holder is None:
        known = content.issuer in trust.members
        found.append((FAIL, "key_not_of_issuer") if known else (UNKNOWN, "key_unknown"))
    elif holder.member is None or holder.member.id != content.issuer:
        found.append((FAIL, "key_of_other"))
    else:
        if not holder.window.holds(content.at):
            found.append((FAIL, _why_not_valid(holder.window, content.at)))
        if log is not None and isinstance(content, Statement):
            role = log.role_for(content.kind)
            if role not in holder.member.roles:
                found.append((FAIL, "role_missing"))
    return [Finding(ISSUER, outcome, reason) for outcome, reason in found]


def _why_not_valid(window: Window, at: int) -> str:
    return "key_revoked" if window.is_revoked(at) else "outside_key_window"
