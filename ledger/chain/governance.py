"""Agreement among members whose accounts are all at hand: founding a consortium, the demo, tests.

In a real consortium each member approves from its own machine, with `RegistryPort.approve`.
"""

from collections.abc import Sequence

from ledger.chain.changes import Change
from ledger.chain.port import RegistryPort
from ledger.chain.registry import Proposal

# Each call is stored in the contract's storage, and a block's gas is limited.
CHANGES_PER_PROPOSAL = 16


def agree(members: Sequence[RegistryPort], changes: Sequence[Change], expires: int) -> list[Proposal]:
    """Propose changes as the first member and approve them as the others until they are executed.

    Many changes become several proposals, in order; a refused one ends it, with those before it in force.
    Raises what `RegistryPort` raises; the last proposal is still open if these members are too few.
    """
    proposals = []
    for start in range(0, len(changes), CHANGES_PER_PROPOSAL):
        proposal = members[0].propose(changes[start : start + CHANGES_PER_PROPOSAL], expires)
        for member in members[1:]:
            if proposal.state != "open":
                break
            proposal = member.approve(proposal.id)
        proposals.append(proposal)
        if proposal.state != "executed":
            break
    return proposals
