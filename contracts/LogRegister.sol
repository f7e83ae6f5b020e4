// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {IConsortiumRegistry} from "./IConsortiumRegistry.sol";
import {KeyWindows} from "./KeyWindows.sol";
import {MemberRegister} from "./MemberRegister.sol";

/// @title The register's logs: who operates them, with which keys, and who witnesses them
abstract contract LogRegister is MemberRegister {
    bytes32[] private _logIds;
    mapping(bytes32 => LogDefinition) private _logs;

    // Changes

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
        l.keys.push(KeyWindows.make(x, y, from, until));
        emit LogKeyAdded(logId, x, y, from, until);
    }

    /// @inheritdoc IConsortiumRegistry
    function setLogKeyUntil(bytes32 logId, bytes32 x, bytes32 y, uint64 until) external onlyByProposal {
        (, Key storage key) = _logKey(logId, x, y);
        KeyWindows.end(key, until);
        emit LogKeyEndChanged(logId, x, y, until);
    }

    /// @inheritdoc IConsortiumRegistry
    function revokeLogKey(bytes32 logId, bytes32 x, bytes32 y, uint64 revoked) external onlyByProposal {
        (, Key storage key) = _logKey(logId, x, y);
        KeyWindows.revoke(key, revoked);
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
        w.key = KeyWindows.make(x, y, from, until);
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

    /// @inheritdoc IConsortiumRegistry
    function revokeOwnLogKey(bytes32 logId, bytes32 x, bytes32 y, uint64 revoked) external {
        (bytes18 id, Key storage key) = _logKey(logId, x, y);
        _revokeOwn(id, key, revoked);
        emit LogKeyRevoked(logId, x, y, revoked);
        _record(Action.OwnRevocation, id, 0, abi.encodeCall(this.revokeLogKey, (logId, x, y, revoked)));
    }

    // Views

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
            if (witnesses[i].member == id && KeyWindows.isValidNow(witnesses[i].key)) return true;
        }
        return false;
    }

    /// @inheritdoc IConsortiumRegistry
    function witnessThreshold(bytes32 logId) external view returns (uint32) {
        return _logs[logId].witnessThreshold;
    }

    // Inside

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

    /// @dev A log's or a witness's key, and the member that holds it.
    function _logKey(bytes32 logId, bytes32 x, bytes32 y) private view returns (bytes18, Key storage) {
        LogDefinition storage l = _defined(logId);
        for (uint256 i = 0; i < l.witnesses.length; i++) {
            Witness storage w = l.witnesses[i];
            if (w.key.x == x && w.key.y == y) return (w.member, w.key);
        }
        return (l.operator, KeyWindows.find(l.keys, x, y));
    }
}
