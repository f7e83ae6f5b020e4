"""From the registry's state to a trust file: what cannot stand there keeps nobody else out."""

from dataclasses import replace

import pytest

from ledger.chain.changes import log_id
from ledger.formats.registry import (
    RegistryKey,
    RegistryLog,
    RegistryMember,
    RegistryState,
    RegistryWitness,
    Thresholds,
    trust_of,
)
from ledger.formats.trust import format_trust, parse_trust
from ledger.gm import PrivateKey

ORIGIN = "yunling.example/credit"
GOOD = "11320500MB0000001A"
MEMBER, LOG, WITNESS, WITNESS_2 = (PrivateKey.generate().public.raw for _ in range(4))
NEVER = 1_795_334_400_000
"""Milliseconds where seconds are meant: the year 58861."""


@pytest.fixture
def state() -> RegistryState:
    member = RegistryMember(
        GOOD, "示例局", True, 1, ("0x" + "1" * 40,), ("operator",), (RegistryKey(MEMBER, 1),)
    )
    witnesses = (
        RegistryWitness("a.example", GOOD, RegistryKey(WITNESS, 1)),
        RegistryWitness("b.example", GOOD, RegistryKey(WITNESS_2, 1)),
    )
    log = RegistryLog(log_id(ORIGIN), ORIGIN, GOOD, 1, ("subject",), {}, (RegistryKey(LOG, 1),), witnesses, 1)
    address = "0x" + "2" * 40
    return RegistryState(
        4242, 7, "0x" + "3" * 64, 1_795_334_400, address, address, Thresholds.same(1), (member,), (log,), ()
    )


def test_what_is_in_form_stands_in_the_trust_file(state: RegistryState) -> None:
    trust = trust_of(state)
    assert parse_trust(format_trust(trust)) == trust
    assert (set(trust.logs), set(trust.members)) == ({ORIGIN}, {GOOD})


@pytest.mark.parametrize(
    "bad",
    [
        {"id": "11320500MB0000001B"},
        {"keys": (RegistryKey(PrivateKey.generate().public.raw, 1, until=NEVER),)},
        {"keys": (RegistryKey(PrivateKey.generate().public.raw, 1, revoked=2**64 - 1),)},
    ],
)
def test_a_member_that_is_not_in_form_is_left_out_alone(state: RegistryState, bad: dict[str, object]) -> None:
    other = replace(state.members[0], **({"id": "12350100009900021T", "keys": ()} | bad))  # type: ignore[arg-type]
    trust = trust_of(replace(state, members=(*state.members, other)))
    assert parse_trust(format_trust(trust)) == trust
    assert (set(trust.logs), set(trust.members)) == ({ORIGIN}, {GOOD})


def test_a_log_that_is_not_in_form_is_left_out_alone(state: RegistryState) -> None:
    other = replace(state.logs[0], origin="yunling.example/access", indexes=("Not a name",), witnesses=())
    trust = trust_of(replace(state, logs=(other, *state.logs)))
    assert parse_trust(format_trust(trust)) == trust
    assert set(trust.logs) == {ORIGIN}


def test_a_witness_that_is_not_in_form_is_left_out_alone(state: RegistryState) -> None:
    log = state.logs[0]
    named = replace(log.witnesses[0], name="a witness with spaces")
    trust = trust_of(replace(state, logs=(replace(log, witnesses=(named, log.witnesses[1])),)))
    assert parse_trust(format_trust(trust)) == trust
    witnesses = trust.logs[ORIGIN].witnesses
    assert witnesses is not None
    assert [key.vkey.name for key in witnesses.keys] == ["b.example"]


def test_a_suspended_member_s_witness_counts_until_its_suspension(state: RegistryState) -> None:
    away = replace(state.members[0], id="12350100009900021T", keys=(), active=False, changed=500)
    log = state.logs[0]
    theirs = replace(log.witnesses[1], member=away.id)
    later = replace(theirs, key=RegistryKey(PrivateKey.generate().public.raw, 600))
    witnessed = replace(log, witnesses=(log.witnesses[0], theirs, later), witness_threshold=2)
    trust = trust_of(replace(state, members=(*state.members, away), logs=(witnessed,)))
    assert parse_trust(format_trust(trust)) == trust
    witnesses = trust.logs[ORIGIN].witnesses
    assert witnesses is not None
    counted = [[key.window.holds(at * 1000) for at in (499, 500, 700)] for key in witnesses.keys]
    assert counted == [[True, True, True], [True, False, False], [False, False, False]]


def test_a_suspended_operator_s_log_keys_count_until_its_suspension_or_for_who_takes_over(
    state: RegistryState,
) -> None:
    away = replace(state.members[0], id="12350100009900021T", keys=(), active=False, changed=500)
    theirs = replace(state.logs[0], operator=away.id)
    for log, counted in ((theirs, [True, False, False]), (state.logs[0], [True, True, True])):
        trust = trust_of(replace(state, members=(*state.members, away), logs=(log,)))
        assert parse_trust(format_trust(trust)) == trust
        (key,) = trust.logs[ORIGIN].keys
        assert [key.window.holds(at * 1000) for at in (499, 500, 700)] == counted


def test_fewer_usable_witnesses_than_the_threshold_leave_the_log_out(state: RegistryState) -> None:
    log = state.logs[0]
    named = replace(log.witnesses[0], name="a witness with spaces")
    broken = replace(log, witnesses=(named, log.witnesses[1]), witness_threshold=2)
    trust = trust_of(replace(state, logs=(broken,)))
    assert parse_trust(format_trust(trust)) == trust
    assert not trust.logs
