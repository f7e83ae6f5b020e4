// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {IConsortiumRegistry} from "./IConsortiumRegistry.sol";
import {MemberRegister} from "./MemberRegister.sol";

/// @title How the register's members agree
/// @dev A proposal is a list of calls of this contract on itself, so that every change has one encoding, one
///      check and one record. The class of its weightiest call says how many must approve.
abstract contract Proposals is MemberRegister {
    Proposal[] private _proposals;

    /// @inheritdoc IConsortiumRegistry
    function propose(bytes[] calldata calls, uint64 expires) external returns (uint256 proposalId) {
        bytes18 id = _activeSender();
        proposalId = _proposals.length;
        if (calls.length == 0) revert ProposalInvalid();
        if (expires <= block.timestamp) revert ProposalExpired(proposalId, expires);
        Proposal storage p = _proposals.push();
        p.proposer = id;
        p.expires = expires;
        p.state = ProposalState.Open;
        ChangeClass class = ChangeClass.Emergency;
        for (uint256 i = 0; i < calls.length; i++) {
            p.calls.push(calls[i]);
            ChangeClass own = _classOf(calls[i]);
            if (own > class) class = own;
        }
        p.class = class;
        p.approvals.push(id);
        emit Proposed(proposalId, id, expires);
        emit Approved(proposalId, id);
        _record(Action.Proposed, id, proposalId, abi.encode(calls, expires));
        if (_countActive(p.approvals) >= _needed(class)) _execute(proposalId, p, id);
    }

    /// @inheritdoc IConsortiumRegistry
    function approve(uint256 proposalId) external {
        bytes18 id = _activeSender();
        Proposal storage p = _open(proposalId);
        for (uint256 i = 0; i < p.approvals.length; i++) {
            if (p.approvals[i] == id) revert AlreadyApproved(proposalId, id);
        }
        p.approvals.push(id);
        emit Approved(proposalId, id);
        _record(Action.Approved, id, proposalId, "");
        if (_countActive(p.approvals) >= _needed(p.class)) _execute(proposalId, p, id);
    }

    /// @inheritdoc IConsortiumRegistry
    function execute(uint256 proposalId) external {
        bytes18 id = _activeSender();
        Proposal storage p = _open(proposalId);
        uint256 approvals = _countActive(p.approvals);
        uint256 needed = _needed(p.class);
        if (approvals < needed) revert BelowThreshold(approvals, needed);
        _execute(proposalId, p, id);
    }

    /// @inheritdoc IConsortiumRegistry
    function cancel(uint256 proposalId) external {
        bytes18 id = _activeSender();
        Proposal storage p = _undecided(proposalId);
        if (p.proposer != id) revert NotProposer(proposalId, msg.sender);
        p.state = ProposalState.Cancelled;
        emit Cancelled(proposalId);
        _record(Action.Cancelled, id, proposalId, "");
    }

    /// @inheritdoc IConsortiumRegistry
    function expire(uint256 proposalId) external {
        Proposal storage p = _undecided(proposalId);
        if (p.expires > block.timestamp) revert ProposalNotExpired(proposalId, p.expires);
        p.state = ProposalState.Expired;
        emit Expired(proposalId);
        _record(Action.Expired, bytes18(0), proposalId, "");
    }

    // Views

    /// @inheritdoc IConsortiumRegistry
    function proposalCount() external view returns (uint256) {
        return _proposals.length;
    }

    /// @inheritdoc IConsortiumRegistry
    function proposal(uint256 proposalId) external view returns (Proposal memory p) {
        if (proposalId >= _proposals.length) revert ProposalNotOpen(proposalId);
        p = _proposals[proposalId];
        if (p.state == ProposalState.Open && p.expires <= block.timestamp) p.state = ProposalState.Expired;
    }

    /// @inheritdoc IConsortiumRegistry
    function progress(uint256 proposalId) external view returns (uint256 approvals, uint256 needed) {
        if (proposalId >= _proposals.length) revert ProposalNotOpen(proposalId);
        Proposal storage p = _proposals[proposalId];
        return (_countActive(p.approvals), _needed(p.class));
    }

    // Inside

    /// @dev Stopping is urgent, and stops only; admitting, or deciding who decides, is weightiest.
    function _classOf(bytes calldata call_) private pure returns (ChangeClass) {
        if (call_.length < 4) revert ProposalInvalid();
        bytes4 selector = bytes4(call_[:4]);
        if (selector == this.revokeKey.selector || selector == this.revokeLogKey.selector) {
            return ChangeClass.Emergency;
        }
        if (selector == this.setActive.selector) {
            (, bool active) = abi.decode(call_[4:], (bytes18, bool));
            return active ? ChangeClass.Membership : ChangeClass.Emergency;
        }
        if (
            selector == this.addMember.selector || selector == this.addAccount.selector
                || selector == this.removeAccount.selector || selector == this.setRoles.selector
                || selector == this.setThresholds.selector || selector == this.setValidators.selector
        ) return ChangeClass.Membership;
        return ChangeClass.Ordinary;
    }

    function _needed(ChangeClass class) private view returns (uint256) {
        if (class == ChangeClass.Emergency) return _thresholds.emergency;
        return class == ChangeClass.Ordinary ? _thresholds.ordinary : _thresholds.membership;
    }

    function _undecided(uint256 proposalId) private view returns (Proposal storage p) {
        if (proposalId >= _proposals.length) revert ProposalNotOpen(proposalId);
        p = _proposals[proposalId];
        if (p.state != ProposalState.Open) revert ProposalNotOpen(proposalId);
    }

    function _open(uint256 proposalId) private view returns (Proposal storage p) {
        p = _undecided(proposalId);
        if (p.expires <= block.timestamp) revert ProposalExpired(proposalId, p.expires);
    }

    /// @dev An approval counts only while its member is active, so it is counted when it is needed.
    function _countActive(bytes18[] storage approvals) private view returns (uint256 count) {
        for (uint256 i = 0; i < approvals.length; i++) {
            if (_members[approvals[i]].active) count++;
        }
    }

    function _execute(uint256 proposalId, Proposal storage p, bytes18 id) private {
        p.state = ProposalState.Executed;
        emit Executed(proposalId);
        _record(Action.Executed, id, proposalId, "");
        for (uint256 i = 0; i < p.calls.length; i++) {
            (bool ok, bytes memory reason) = address(this).call(p.calls[i]);
            if (!ok) {
                if (reason.length == 0) revert ProposalInvalid();
                assembly ("memory-safe") {
                    revert(add(reason, 32), mload(reason))
                }
            }
        }
    }
}
