"""The operator's own statements, signed in this process and appended as everybody's are."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from ledger.domain import build_statement
from ledger.domain.fields import Body
from ledger.errors import AccessError, BatchLineInvalid, LedgerError, NotEntitled
from ledger.formats.envelope import STATEMENT_TYPE, sign_batch, sign_envelope
from ledger.formats.statement import Reference, Statement, format_statement, new_id
from ledger.gm import Signer
from ledger.log.appender import Appender
from ledger.log.clock import Clock


@dataclass(frozen=True, slots=True)
class Draft:
    """A statement to be made: its kind, what it says, and what it refers to."""

    kind: str
    body: Body
    refers: tuple[Reference, ...] = ()


class Pen:
    """A member's hand in one log; thread-safe. `issuer` is its USCC, `signer` its registered key."""

    def __init__(
        self,
        appender: Appender,
        issuer: str,
        signer: Signer,
        clock: Clock,
        randomness: Callable[[int], bytes],
    ) -> None:
        self.issuer = issuer
        self.clock = clock
        self._appender = appender
        self._signer = signer
        self._randomness = randomness

    def state(
        self, kind: str, body: Body, refers: Sequence[Reference] = (), *, id: str | None = None
    ) -> Reference:
        """Sign and append one statement; returns what others refer to it with.

        Raises what `Appender.submit` raises.
        """
        statement = self._statement(Draft(kind, body, tuple(refers)), id)
        self._appender.submit(sign_envelope(STATEMENT_TYPE, format_statement(statement), self._signer))
        return Reference(statement.issuer, statement.id)

    def state_all(self, drafts: Sequence[Draft]) -> list[LedgerError | None]:
        """Sign and append several under one manifest; for each the error that kept it out, if one did.

        A draft that is refused is left out and the rest tried again, so that it keeps no other one back.
        Raises what concerns all of them: `AccessError` about the key, `Unavailable`.
        """
        refused: dict[int, LedgerError] = {}
        left = list(range(len(drafts)))
        while left:
            try:
                self._append([drafts[place] for place in left])
            except BatchLineInvalid as error:
                # The manifest is line 1; who may not sign at all gets none of them in.
                mine = isinstance(error.cause, AccessError) and not isinstance(error.cause, NotEntitled)
                if error.line < 2 or mine:
                    raise error.cause from error
                refused[left.pop(error.line - 2)] = error.cause
                continue
            break
        return [refused.get(place) for place in range(len(drafts))]

    def _append(self, drafts: Sequence[Draft]) -> None:
        statements = [self._statement(draft) for draft in drafts]
        at = self.clock()
        manifest, entries = sign_batch(
            [format_statement(statement) for statement in statements],
            log=self._appender.origin,
            issuer=self.issuer,
            id=new_id(at, self._randomness(10)),
            at=at,
            signer=self._signer,
        )
        self._appender.submit_batch([manifest, *entries])

    def _statement(self, draft: Draft, id: str | None = None) -> Statement:
        at = self.clock()
        return build_statement(
            draft.kind,
            draft.body,
            log=self._appender.origin,
            issuer=self.issuer,
            id=id or new_id(at, self._randomness(10)),
            at=at,
            refers=draft.refers,
        )
