// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {IConsortiumRegistry} from "./IConsortiumRegistry.sol";

/// @title The consortium's register of members, keys and logs
/// @dev A proposal is a list of calls of this contract on itself, so that every change has one encoding, one
///      check and one event. There is no owner and no proxy.
contract ConsortiumRegistry is IConsortiumRegistry {
    // The SM2 curve of GB/T 32918.5: y^2 = x^3 - 3x + b over p.
    uint256 private constant P = 0xFFFFFFFEFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFF00000000FFFFFFFFFFFFFFFF;
    uint256 private constant B = 0x28E9FA9E9D9F5E344D5A9E4BCF6509A7F39789F515AB8F92DDBCBD414D940E93;

    // Marks a key that some log uses, which therefore cannot be a member's.
    bytes32 private constant USED_BY_LOG = bytes32(uint256(1));

    /// @inheritdoc IConsortiumRegistry
    uint32 public threshold;
    /// @inheritdoc IConsortiumRegistry
    uint32 public activeCount;

    bytes18[] private _memberIds;
    bytes32[] private _logIds;
    address[] private _validators;
    Proposal[] private _proposals;
    mapping(bytes18 => Member) private _members;
    mapping(bytes32 => LogDefinition) private _logs;
    mapping(address => bytes18) private _accounts;
    // keccak256(x, y) -> the member's id, or USED_BY_LOG
    mapping(bytes32 => bytes32) private _keyUses;

    modifier onlyByProposal() {
        if (msg.sender != address(this)) revert OnlyByProposal();
        _;
    }

    constructor(Founder[] memory founders, uint32 threshold_) {
        for (uint256 i = 0; i < founders.length; i++) {
            Founder memory f = founders[i];
            _addMember(f.id, f.name, f.accounts, f.roles);
            for (uint256 j = 0; j < f.keys.length; j++) {
                Key memory k = f.keys[j];
                _addKey(f.id, k.x, k.y, k.from, k.until);
            }
        }
        _setThreshold(threshold_);
    }

    // Proposals

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
        for (uint256 i = 0; i < calls.length; i++) {
            p.calls.push(calls[i]);
        }
        p.approvals.push(id);
        emit Proposed(proposalId, id, expires);
        emit Approved(proposalId, id);
        if (_countActive(p.approvals) >= threshold) _execute(proposalId, p);
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
        if (_countActive(p.approvals) >= threshold) _execute(proposalId, p);
    }

    /// @inheritdoc IConsortiumRegistry
    function execute(uint256 proposalId) external {
        _activeSender();
        Proposal storage p = _open(proposalId);
        uint256 approvals = _countActive(p.approvals);
        if (approvals < threshold) revert BelowThreshold(approvals, threshold);
        _execute(proposalId, p);
    }

    /// @inheritdoc IConsortiumRegistry
    function cancel(uint256 proposalId) external {
        bytes18 id = _activeSender();
        if (proposalId >= _proposals.length || _proposals[proposalId].state != ProposalState.Open) {
            revert ProposalNotOpen(proposalId);
        }
        if (_proposals[proposalId].proposer != id) revert NotProposer(proposalId, msg.sender);
        _proposals[proposalId].state = ProposalState.Cancelled;
        emit Cancelled(proposalId);
    }

    // Changes to members

    /// @inheritdoc IConsortiumRegistry
    function addMember(bytes18 id, string calldata name, address[] calldata accounts, bytes32[] calldata roles)
        external
        onlyByProposal
    {
        _addMember(id, name, accounts, roles);
    }

    /// @inheritdoc IConsortiumRegistry
    function setName(bytes18 id, string calldata name) external onlyByProposal {
        _known(id).name = name;
        emit MemberRenamed(id, name);
    }

    /// @inheritdoc IConsortiumRegistry
    function setActive(bytes18 id, bool active) external onlyByProposal {
        Member storage m = _known(id);
        if (m.active == active) return;
        m.active = active;
        m.changed = uint64(block.timestamp);
        if (active) {
            activeCount += 1;
        } else {
            activeCount -= 1;
            if (activeCount < threshold) revert ThresholdInvalid(threshold, activeCount);
        }
        emit MemberStatusChanged(id, active);
    }

    /// @inheritdoc IConsortiumRegistry
    function setRoles(bytes18 id, bytes32[] calldata roles) external onlyByProposal {
        _known(id).roles = roles;
        emit RolesChanged(id, roles);
    }

    /// @inheritdoc IConsortiumRegistry
    function addAccount(bytes18 id, address account) external onlyByProposal {
        _addAccount(_known(id), account);
    }

    /// @inheritdoc IConsortiumRegistry
    function removeAccount(address account) external onlyByProposal {
        bytes18 id = _accounts[account];
        if (id == bytes18(0)) revert AccountUnknown(account);
        address[] storage accounts = _members[id].accounts;
        if (accounts.length == 1) revert LastAccount(id);
        for (uint256 i = 0; i < accounts.length; i++) {
            if (accounts[i] == account) {
                accounts[i] = accounts[accounts.length - 1];
                accounts.pop();
                break;
            }
        }
        delete _accounts[account];
        emit AccountRemoved(id, account);
    }

    /// @inheritdoc IConsortiumRegistry
    function addKey(bytes18 id, bytes32 x, bytes32 y, uint64 from, uint64 until) external onlyByProposal {
        _addKey(id, x, y, from, until);
    }

    /// @inheritdoc IConsortiumRegistry
    function setKeyUntil(bytes32 x, bytes32 y, uint64 until) external onlyByProposal {
        (bytes18 id, Key storage key) = _memberKey(x, y);
        _end(key, until);
        emit KeyEndChanged(id, x, y, until);
    }

    /// @inheritdoc IConsortiumRegistry
    function revokeKey(bytes32 x, bytes32 y, uint64 revoked) external onlyByProposal {
        (bytes18 id, Key storage key) = _memberKey(x, y);
        _revoke(key, revoked);
        emit KeyRevoked(id, x, y, revoked);
    }

    /// @inheritdoc IConsortiumRegistry
    function setThreshold(uint32 threshold_) external onlyByProposal {
        _setThreshold(threshold_);
    }

    /// @inheritdoc IConsortiumRegistry
    function setValidators(address[] calldata validators_) external onlyByProposal {
        _validators = validators_;
        emit ValidatorsChanged(validators_);
    }

    // Changes to logs

    /// @inheritdoc IConsortiumRegistry
    function defineLog(
        bytes32 logId, string calldata origin, bytes18 operator, bytes32[] calldata indexes, uint32 epochs
    ) external onlyByProposal {
        LogDefinition storage l = _logs[logId];
        if (l.logId != bytes32(0)) revert LogExists(logId);
        if (logId == bytes32(0) || bytes(origin).length == 0 || epochs == 0) revert LogInvalid(logId);
        _known(operator);
        l.logId = logId;
        l.origin = origin;
        l.operator = operator;
        l.indexes = indexes;
        l.epochs = epochs;
        _logIds.push(logId);
        emit LogDefined(logId, origin, operator);
        emit LogIndexesChanged(logId, indexes);
        emit LogEpochsChanged(logId, epochs);
    }

    /// @inheritdoc IConsortiumRegistry
    function setOperator(bytes32 logId, bytes18 operator) external onlyByProposal {
        LogDefinition storage l = _defined(logId);
        _known(operator);
        for (uint256 i = 0; i < l.witnesses.length; i++) {
            if (l.witnesses[i].member == operator) revert WitnessInvalid(l.witnesses[i].name, operator);
        }
        l.operator = operator;
        emit LogOperatorChanged(logId, operator);
    }

    /// @inheritdoc IConsortiumRegistry
    function setIndexes(bytes32 logId, bytes32[] calldata indexes) external onlyByProposal {
        _defined(logId).indexes = indexes;
        emit LogIndexesChanged(logId, indexes);
    }

    /// @inheritdoc IConsortiumRegistry
    function setEpochs(bytes32 logId, uint32 epochs) external onlyByProposal {
        LogDefinition storage l = _defined(logId);
        if (epochs <= l.epochs) revert EpochsInvalid(l.epochs, epochs);
        l.epochs = epochs;
        emit LogEpochsChanged(logId, epochs);
    }

    /// @inheritdoc IConsortiumRegistry
    function setKindRole(bytes32 logId, string calldata kind, bytes32 role) external onlyByProposal {
        KindRole[] storage roles = _defined(logId).roles;
        bytes32 wanted = keccak256(bytes(kind));
        uint256 i = 0;
        while (i < roles.length && keccak256(bytes(roles[i].kind)) != wanted) i++;
        if (role == bytes32(0)) {
            if (i < roles.length) {
                roles[i] = roles[roles.length - 1];
                roles.pop();
            }
        } else if (i < roles.length) {
            roles[i].role = role;
        } else {
            roles.push(KindRole(kind, role));
        }
        emit LogKindRoleChanged(logId, kind, role);
    }

    /// @inheritdoc IConsortiumRegistry
    function addLogKey(bytes32 logId, bytes32 x, bytes32 y, uint64 from, uint64 until) external onlyByProposal {
        LogDefinition storage l = _defined(logId);
        _claimForLog(l, x, y);
        l.keys.push(_newKey(x, y, from, until));
        emit LogKeyAdded(logId, x, y, from, until);
    }

    /// @inheritdoc IConsortiumRegistry
    function setLogKeyUntil(bytes32 logId, bytes32 x, bytes32 y, uint64 until) external onlyByProposal {
        _end(_logKey(logId, x, y), until);
        emit LogKeyEndChanged(logId, x, y, until);
    }

    /// @inheritdoc IConsortiumRegistry
    function revokeLogKey(bytes32 logId, bytes32 x, bytes32 y, uint64 revoked) external onlyByProposal {
        _revoke(_logKey(logId, x, y), revoked);
        emit LogKeyRevoked(logId, x, y, revoked);
    }

    /// @inheritdoc IConsortiumRegistry
    function addWitness(
        bytes32 logId, string calldata name, bytes18 memberId, bytes32 x, bytes32 y, uint64 from, uint64 until
    ) external onlyByProposal {
        LogDefinition storage l = _defined(logId);
        _known(memberId);
        if (bytes(name).length == 0 || memberId == l.operator) revert WitnessInvalid(name, memberId);
        bytes32 nameHash = keccak256(bytes(name));
        for (uint256 i = 0; i < l.witnesses.length; i++) {
            bool sameName = keccak256(bytes(l.witnesses[i].name)) == nameHash;
            if (sameName != (l.witnesses[i].member == memberId)) revert WitnessInvalid(name, memberId);
        }
        _claimForLog(l, x, y);
        Witness storage w = l.witnesses.push();
        w.name = name;
        w.member = memberId;
        w.key = _newKey(x, y, from, until);
        emit WitnessAdded(logId, memberId, name, x, y, from, until);
    }

    /// @inheritdoc IConsortiumRegistry
    function setWitnessThreshold(bytes32 logId, uint32 threshold_) external onlyByProposal {
        LogDefinition storage l = _defined(logId);
        uint256 names = 0;
        for (uint256 i = 0; i < l.witnesses.length; i++) {
            uint256 j = 0;
            while (l.witnesses[j].member != l.witnesses[i].member) j++;
            if (j == i) names++;
        }
        if (threshold_ == 0 || threshold_ > names) revert ThresholdInvalid(threshold_, names);
        l.witnessThreshold = threshold_;
        emit WitnessThresholdChanged(logId, threshold_);
    }

    // Views

    /// @inheritdoc IConsortiumRegistry
    function memberIds() external view returns (bytes18[] memory) {
        return _memberIds;
    }

    /// @inheritdoc IConsortiumRegistry
    function member(bytes18 id) external view returns (Member memory) {
        return _known(id);
    }

    /// @inheritdoc IConsortiumRegistry
    function memberOf(address account) external view returns (bytes18 id, bool active) {
        id = _accounts[account];
        active = _members[id].active;
    }

    /// @inheritdoc IConsortiumRegistry
    function logIds() external view returns (bytes32[] memory) {
        return _logIds;
    }

    /// @inheritdoc IConsortiumRegistry
    function log(bytes32 logId) external view returns (LogDefinition memory) {
        return _defined(logId);
    }

    /// @inheritdoc IConsortiumRegistry
    function operatorOf(bytes32 logId) external view returns (bytes18) {
        return _logs[logId].operator;
    }

    /// @inheritdoc IConsortiumRegistry
    function isWitness(bytes32 logId, bytes18 id) external view returns (bool) {
        Witness[] storage witnesses = _logs[logId].witnesses;
        for (uint256 i = 0; i < witnesses.length; i++) {
            if (witnesses[i].member == id && _validNow(witnesses[i].key)) return true;
        }
        return false;
    }

    /// @inheritdoc IConsortiumRegistry
    function witnessThreshold(bytes32 logId) external view returns (uint32) {
        return _logs[logId].witnessThreshold;
    }

    /// @inheritdoc IConsortiumRegistry
    function validators() external view returns (address[] memory) {
        return _validators;
    }

    /// @inheritdoc IConsortiumRegistry
    function proposalCount() external view returns (uint256) {
        return _proposals.length;
    }

    /// @inheritdoc IConsortiumRegistry
    function proposal(uint256 proposalId) external view returns (Proposal memory) {
        if (proposalId >= _proposals.length) revert ProposalNotOpen(proposalId);
        return _proposals[proposalId];
    }

    // Proposals, inside

    function _open(uint256 proposalId) private view returns (Proposal storage p) {
        if (proposalId >= _proposals.length) revert ProposalNotOpen(proposalId);
        p = _proposals[proposalId];
        if (p.state != ProposalState.Open) revert ProposalNotOpen(proposalId);
        if (p.expires <= block.timestamp) revert ProposalExpired(proposalId, p.expires);
    }

    /// @dev An approval counts only while its member is active, so it is counted when it is needed.
    function _countActive(bytes18[] storage approvals) private view returns (uint256 count) {
        for (uint256 i = 0; i < approvals.length; i++) {
            if (_members[approvals[i]].active) count++;
        }
    }

    function _execute(uint256 proposalId, Proposal storage p) private {
        p.state = ProposalState.Executed;
        emit Executed(proposalId);
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

    function _activeSender() private view returns (bytes18 id) {
        id = _accounts[msg.sender];
        if (!_members[id].active) revert NotActiveMember(msg.sender);
    }

    // Members, inside

    function _known(bytes18 id) private view returns (Member storage m) {
        m = _members[id];
        if (m.id == bytes18(0)) revert MemberUnknown(id);
    }

    function _addMember(bytes18 id, string memory name, address[] memory accounts, bytes32[] memory roles) private {
        for (uint256 i = 0; i < 18; i++) {
            bytes1 c = id[i];
            if (!((c >= "0" && c <= "9") || (c >= "A" && c <= "Z"))) revert MemberIdInvalid(id);
        }
        Member storage m = _members[id];
        if (m.id != bytes18(0)) revert MemberExists(id);
        if (accounts.length == 0) revert LastAccount(id);
        m.id = id;
        m.name = name;
        m.active = true;
        m.changed = uint64(block.timestamp);
        m.roles = roles;
        _memberIds.push(id);
        activeCount += 1;
        emit MemberAdded(id, name);
        emit RolesChanged(id, roles);
        for (uint256 i = 0; i < accounts.length; i++) {
            _addAccount(m, accounts[i]);
        }
    }

    function _addAccount(Member storage m, address account) private {
        // The registry's own account must never count as a member's: a proposal would approve the next.
        if (account == address(0) || account == address(this) || _accounts[account] != bytes18(0)) {
            revert AccountTaken(account);
        }
        _accounts[account] = m.id;
        m.accounts.push(account);
        emit AccountAdded(m.id, account);
    }

    function _addKey(bytes18 id, bytes32 x, bytes32 y, uint64 from, uint64 until) private {
        Member storage m = _known(id);
        bytes32 use = keccak256(abi.encode(x, y));
        if (_keyUses[use] != bytes32(0)) revert KeyTaken(x, y);
        _keyUses[use] = bytes32(id);
        m.keys.push(_newKey(x, y, from, until));
        emit KeyAdded(id, x, y, from, until);
    }

    function _memberKey(bytes32 x, bytes32 y) private view returns (bytes18 id, Key storage key) {
        id = bytes18(_keyUses[keccak256(abi.encode(x, y))]);
        key = _find(_members[id].keys, x, y);
    }

    function _setThreshold(uint32 threshold_) private {
        if (threshold_ == 0 || threshold_ > activeCount) revert ThresholdInvalid(threshold_, activeCount);
        threshold = threshold_;
        emit ThresholdChanged(threshold_);
    }

    // Keys and logs, inside

    function _defined(bytes32 logId) private view returns (LogDefinition storage l) {
        l = _logs[logId];
        if (l.logId == bytes32(0)) revert LogUnknown(logId);
    }

    /// @dev A key stands under one name of one role per log, and under no member.
    function _claimForLog(LogDefinition storage l, bytes32 x, bytes32 y) private {
        bytes32 use = keccak256(abi.encode(x, y));
        if (_keyUses[use] != bytes32(0) && _keyUses[use] != USED_BY_LOG) revert KeyTaken(x, y);
        for (uint256 i = 0; i < l.keys.length; i++) {
            if (l.keys[i].x == x && l.keys[i].y == y) revert KeyTaken(x, y);
        }
        for (uint256 i = 0; i < l.witnesses.length; i++) {
            if (l.witnesses[i].key.x == x && l.witnesses[i].key.y == y) revert KeyTaken(x, y);
        }
        _keyUses[use] = USED_BY_LOG;
    }

    function _logKey(bytes32 logId, bytes32 x, bytes32 y) private view returns (Key storage) {
        LogDefinition storage l = _defined(logId);
        for (uint256 i = 0; i < l.witnesses.length; i++) {
            if (l.witnesses[i].key.x == x && l.witnesses[i].key.y == y) return l.witnesses[i].key;
        }
        return _find(l.keys, x, y);
    }

    function _find(Key[] storage keys, bytes32 x, bytes32 y) private view returns (Key storage) {
        for (uint256 i = 0; i < keys.length; i++) {
            if (keys[i].x == x && keys[i].y == y) return keys[i];
        }
        revert KeyUnknown(x, y);
    }

    function _newKey(bytes32 x, bytes32 y, uint64 from, uint64 until) private pure returns (Key memory) {
        uint256 px = uint256(x);
        uint256 py = uint256(y);
        if (px >= P || py >= P) revert KeyNotOnCurve(x, y);
        // x^3 - 3x + b = x (x^2 - 3) + b
        uint256 right = addmod(mulmod(px, addmod(mulmod(px, px, P), P - 3, P), P), B, P);
        if (mulmod(py, py, P) != right) revert KeyNotOnCurve(x, y);
        if (until != 0 && until <= from) revert WindowInvalid(from, until);
        return Key(x, y, from, until, 0);
    }

    function _end(Key storage key, uint64 until) private {
        if (until != 0 && until <= key.from) revert WindowInvalid(key.from, until);
        key.until = until;
    }

    function _revoke(Key storage key, uint64 revoked) private {
        if (revoked == 0 || (key.revoked != 0 && revoked >= key.revoked)) {
            revert RevocationInvalid(key.revoked, revoked);
        }
        key.revoked = revoked;
    }

    function _validNow(Key storage key) private view returns (bool) {
        return key.from <= block.timestamp && (key.until == 0 || block.timestamp < key.until)
            && (key.revoked == 0 || block.timestamp < key.revoked);
    }
}
