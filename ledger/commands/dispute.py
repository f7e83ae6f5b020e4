"""`dispute`: what members settle on the chain itself.

A member demands of a log's operator a consistency proof between two anchored sizes; the worker answers, the
contract checks. A log that does not answer stands flagged. A proof of misbehaviour is recorded for ever.
"""

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from ledger.commands.common import print_json, say
from ledger.commands.member_acting import Acting, acting_options
from ledger.deployment.governance import time_text
from ledger.errors import ConfigurationError, InputError
from ledger.formats.finality import log_id
from ledger.formats.misbehaviour import (
    INCONSISTENT,
    MAX_PROOF,
    NOT_AS_ANCHORED,
    TWO_ROOTS,
    Beginning,
    Misbehaviour,
    parse_misbehaviour,
)
from ledger.formats.note import SignedNote
from ledger.formats.trust import NamedKey, TrustLog, parse_trust
from ledger.verify.misbehaviour import NOTES, signing_key, verify_misbehaviour
from ledger.verify.question import Question
from ledger.verify.verdicts import FAIL

if TYPE_CHECKING:
    from ledger.chain.disputes import Challenge, Disputes
    from ledger.chain.disputes import Misbehaviour as Recorded

EXIT_NO = 1
STATES = {"open": "待答复", "answered": "已答复", "overdue": "逾期未答复", "late": "逾期答复"}
_log_option = click.option("--log", "origin", required=True, metavar="ORIGIN", help="The log's origin.")


@click.group()
def dispute() -> None:
    """链上争议 · Challenge a log on the chain, answer, and report misbehaviour."""


@dispute.command()
@_log_option
@click.option("--first", type=click.IntRange(1), required=True, help="The smaller anchored size.")
@click.option("--second", type=click.IntRange(1), required=True, help="The larger anchored size.")
@acting_options
def challenge(acting: Acting, origin: str, first: int, second: int) -> None:
    """Demand that the log's operator proves on the chain that SECOND continues FIRST."""
    _show_challenges(acting, [_disputes(acting).challenge(log_id(origin), first, second)])


@dispute.command()
@_log_option
@acting_options
def answer(acting: Acting, origin: str) -> int:
    """Answer what is open against a log of this deployment now; the worker does so by itself."""
    from ledger.log.answering import Answerer

    disputes = _disputes(acting)
    store = next((log.store for log in acting.deployment.logs.values() if log.origin == origin), None)
    if store is None:
        raise ConfigurationError(f"this deployment does not run the log {origin}")
    alarms = Answerer([(origin, store)], lambda: disputes).run()
    _show_challenges(acting, disputes.challenges(log_id(origin)), alarms=list(alarms))
    return EXIT_NO if alarms else 0


@dispute.command()
@_log_option
@acting_options
def status(acting: Acting, origin: str) -> int:
    """Show a log's challenges, its recorded misbehaviour, and whether it is flagged. Exit status 1 if so."""
    disputes = _disputes(acting)
    standing = disputes.standing(log_id(origin))
    recorded = disputes.misbehaviours(log_id(origin))
    flagged = "有标记 flagged" if standing.flagged else "无标记 not flagged"
    if not acting.as_json:
        say(
            f"{origin}: {flagged}；待答复 open {standing.open}, 逾期 overdue {standing.overdue}, "
            f"逾期答复 late {standing.late}, 违规 misbehaviour {standing.misbehaviours}"
        )
    _show_challenges(acting, disputes.challenges(log_id(origin)), recorded, flagged=standing.flagged)
    return EXIT_NO if standing.flagged else 0


@dispute.command()
@click.argument("challenge", type=click.IntRange(0))
@acting_options
def flag(acting: Acting, challenge: int) -> None:
    """Have the chain say that CHALLENGE is past its deadline and unanswered."""
    disputes = _disputes(acting)
    disputes.flag(challenge)
    _show_challenges(acting, [disputes.get(challenge)])


@dispute.command()
@click.argument("file", type=click.Path(path_type=Path, dir_okay=False, exists=True))
@acting_options
def report(acting: Acting, file: Path) -> None:
    """Record a proof of misbehaviour on the chain, which checks it itself. It is verified here first."""
    with file.open("rb") as opened:
        proof = parse_misbehaviour(opened.read(MAX_PROOF + 1))
    document = acting.deployment.trust_document()
    if document is None:
        raise ConfigurationError("the registry was not exported yet (xinzheng member export)")
    trust = parse_trust(document)
    verdicts = verify_misbehaviour(proof, trust, Question(now=acting.deployment.clock())).verdicts
    if verdicts[NOTES] != "pass" or verdicts["misbehaviour"] == FAIL:
        raise InputError("the file proves no misbehaviour under this trust file (xinzheng verify says why)")
    recorded = _report(_disputes(acting), proof, trust.logs[proof.origin])
    _show_challenges(acting, [], [recorded])


def _report(disputes: "Disputes", proof: Misbehaviour, log: TrustLog) -> "Recorded":
    """Call the contract's function for this kind; raises `InputError` for one that it has none for."""
    from ledger.chain.disputes import SignedText

    def signed(note: SignedNote) -> "SignedText":
        return SignedText.of(note, _key(note, log).vkey)

    id_, public = log_id(proof.origin), _key(proof.notes[0], log).vkey.public.raw
    if proof.kind == TWO_ROOTS:
        return disputes.report_two_roots(id_, public, *map(signed, proof.notes))
    if proof.kind == INCONSISTENT and isinstance(proof.material, Beginning):
        material = proof.material
        first, second = map(signed, proof.notes)
        return disputes.report_inconsistent(id_, public, first, second, material.root, material.consistency)
    if proof.kind == NOT_AS_ANCHORED:
        return disputes.report_not_as_anchored(id_, public, signed(proof.notes[0]))
    raise InputError(
        f"the contract records no misbehaviour of kind {proof.kind}; the file stands by itself "
        "(xinzheng verify), and a challenge between two anchored sizes can still be raised"
    )


def _key(note: SignedNote, log: TrustLog) -> NamedKey:
    key = signing_key(note, log)
    if key is None:
        raise InputError("a note is signed by no key of the log that the trust file knows")
    return key


def _disputes(acting: Acting) -> "Disputes":
    from ledger.chain.disputes import Disputes

    return Disputes.of(acting.chain())


def _show_challenges(
    acting: Acting, challenges: "list[Challenge]", recorded: "list[Recorded] | None" = None, **more: Any
) -> None:
    if acting.deployment.config.chain.mode == "embedded":
        # Nobody else does, where no worker runs.
        acting.deployment.embedded.save()
    if acting.as_json:
        print_json(
            {
                "challenges": [_challenge(each) for each in challenges],
                "misbehaviours": [_recorded(each) for each in recorded or ()],
                **more,
            }
        )
        return
    for each in challenges:
        say(
            f"质询 challenge {each.id}: {each.first} → {each.second}, 由 by {each.challenger}, "
            f"期限 due {time_text(each.deadline)}: {STATES[each.state]} {each.state}"
        )
    for found in recorded or ():
        say(
            f"违规 misbehaviour {found.id}: {found.kind} {found.first_size}/{found.second_size}, "
            f"记录于 recorded {time_text(found.recorded)}"
        )
    for alarm in more.get("alarms", ()):
        say(f"  {alarm}")


def _challenge(each: "Challenge") -> dict[str, Any]:
    answered = None if each.answered is None else time_text(each.answered)
    return {
        "id": each.id,
        "first": each.first,
        "second": each.second,
        "challenger": each.challenger,
        "opened": time_text(each.opened),
        "deadline": time_text(each.deadline),
        "answered": answered,
        "state": each.state,
    }


def _recorded(each: "Recorded") -> dict[str, Any]:
    return {
        "id": each.id,
        "kind": each.kind,
        "sizes": [each.first_size, each.second_size],
        "roots": [each.first_root.hex(), each.second_root.hex()],
        "notes": [each.first_note.hex(), each.second_note.hex()],
        "public": each.public.hex(),
        "reporter": each.reporter,
        "recorded": time_text(each.recorded),
    }
