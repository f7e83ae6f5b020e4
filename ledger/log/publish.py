"""Publication: a signed checkpoint over what is integrated (DESIGN.md section 5).

The order is compute, self-check, sign, compare-and-swap; anchoring takes the published checkpoint from
there. The self-check proves from the stored data what any reader will ask for, and verifies it as a reader
would, so that a broken tree or index is never signed.
"""

from ledger.errors import CheckpointRefused, IntegrityError, LedgerError, ProofInvalid
from ledger.formats.note import (
    LOG_IDENTIFIER,
    Checkpoint,
    checkpoint_text,
    format_note,
    parse_note,
    parse_signature_lines,
    sign_note,
    verification_key,
    verify_log_line,
)
from ledger.formats.note import SignedNote as _SignedNote
from ledger.gm import Signer
from ledger.log.faults import point
from ledger.merkle import (
    consistency_proof,
    inclusion_proof,
    leaf_hash,
    pages,
    verify_consistency,
    verify_inclusion,
    verify_index_proof,
)
from ledger.store.port import Integrated, LogStore, StoredCheckpoint


def publish(store: LogStore, origin: str, signer: Signer, now: int) -> StoredCheckpoint | None:
    """Publish a checkpoint of the integrated size; `now` in seconds since 1970.

    The published size with a newer time is published again, to stay fresh. Returns None while the derived
    data is behind the published size (after a power cut): integrate first. The time never goes back, even
    if the clock does. Raises `CheckpointRefused` when the self-check fails or another publisher was faster.
    """
    latest = store.latest_checkpoint()
    state = store.integrated()
    if latest is not None and state.size < latest.size:
        return None
    check_state(store, origin, state, latest)
    point("publish.checked")
    time = max(now, latest.time) if latest else now
    checkpoint = Checkpoint(origin, state.size, state.root, state.index_root, time)
    text = checkpoint_text(checkpoint)
    line = sign_note(text, origin, signer)
    signatures = parse_signature_lines(line)
    verify_log_line(text, signatures[0], verification_key(origin, LOG_IDENTIFIER, signer.public))
    note = format_note(_SignedNote(checkpoint, text, signatures))
    # A crash here: the signature was shown to nobody. The next round signs the same size or a larger one
    # over the same tree, so no two roots for one size can come about.
    point("publish.signed")
    stored = StoredCheckpoint(state.size, state.root, state.index_root, time, note)
    store.publish(stored, latest.size if latest else 0)
    # The store's commit point. A crash before: as above. A crash after: the checkpoint is published, and
    # the anchoring finds it newer than its newest anchor.
    point("publish.published")
    return stored


def check_state(store: LogStore, origin: str, state: Integrated, latest: StoredCheckpoint | None) -> None:
    """Prove from the store that `state` continues `latest` and holds its last entry.

    Raises `CheckpointRefused` otherwise.
    """
    try:
        if latest is not None:
            _check_latest(origin, state, latest)
            proof = consistency_proof(latest.size, state.size, store)
            verify_consistency(latest.size, state.size, proof, latest.root, state.root)
        _check_last_entry(store, state)
        if pages.index_root(lambda paths: store.pages(paths, state.size)) != state.index_root:
            raise CheckpointRefused("the stored index has another root than was computed for it")
    except ProofInvalid as error:
        raise CheckpointRefused(f"a proof of our own does not verify: {error}") from error


def _check_latest(origin: str, state: Integrated, latest: StoredCheckpoint) -> None:
    try:
        said = parse_note(latest.note).checkpoint
    except LedgerError as error:
        raise IntegrityError("the published checkpoint's note cannot be read") from error
    if said != Checkpoint(origin, latest.size, latest.root, latest.index_root, latest.time):
        raise CheckpointRefused("the published checkpoint's note says something else than its row")
    if state.size == latest.size and state.index_root != latest.index_root:
        raise CheckpointRefused(f"size {state.size} is published with another index root")


def _check_last_entry(store: LogStore, state: Integrated) -> None:
    """The last entry is in the tree by its bytes, and ends the chain of each of its index keys."""
    if state.size == 0:
        return
    last = state.size - 1
    entry = store.entry(last)
    if entry is None:
        raise CheckpointRefused(f"entry {last} is missing")
    leaf = leaf_hash(entry.entry)
    verify_inclusion(leaf, last, state.size, inclusion_proof(last, state.size, store), state.root)
    for key in entry.index_keys:
        found = pages.prove(lambda paths: store.pages(paths, state.size), key)
        verify_index_proof(state.index_root, key, found.siblings, found.end)
        if found.last != last:
            raise CheckpointRefused(f"entry {last} does not end the chain of its index keys")
