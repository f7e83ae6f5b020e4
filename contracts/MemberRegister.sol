// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {GovernanceHistory} from "./GovernanceHistory.sol";
import {IConsortiumRegistry} from "./IConsortiumRegistry.sol";
import {KeyWindows} from "./KeyWindows.sol";

/// @title The register's members: accounts, roles, keys, and how many must agree
abstract contract MemberRegister is GovernanceHistory {
    // Marks a key that some log uses, which therefore cannot be a member's.
    bytes32 internal constant USED_BY_LOG = bytes32(uint256(1));
    // Further back, only other members judge: who revokes its own key disowns what it signed since.
    uint64 private constant OWN_REVOCATION_REACH = 30 days;

    /// @inheritdoc IConsortiumRegistry
    uint32 public activeCount;

    Thresholds internal _thresholds;
    bytes18[] private _memberIds;
    address[] private _validators;
    mapping(bytes18 => Member) internal _members;
    mapping(address => bytes18) internal _accounts;
    // keccak256(x, y) -> the member's id, or USED_BY_LOG
    mapping(bytes32 => bytes32) internal _keyUses;

    modifier onlyByProposal() {
        if (msg.sender != address(this)) revert OnlyByProposal();
        _;
    }

    // Changes

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
            if (activeCount < _thresholds.membership) revert ThresholdInvalid(_thresholds.membership, activeCount);
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
        KeyWindows.end(key, until);
        emit KeyEndChanged(id, x, y, until);
    }

    /// @inheritdoc IConsortiumRegistry
    function revokeKey(bytes32 x, bytes32 y, uint64 revoked) external onlyByProposal {
        (bytes18 id, Key storage key) = _memberKey(x, y);
        KeyWindows.revoke(key, revoked);
        emit KeyRevoked(id, x, y, revoked);
    }

    /// @inheritdoc IConsortiumRegistry
    function rotateKey(bytes32 x, bytes32 y, bytes32 newX, bytes32 newY, uint64 begin) external onlyByProposal {
        if (begin < block.timestamp) revert RotationInPast(begin);
        (bytes18 id, Key storage key) = _memberKey(x, y);
        if (key.until == 0 || key.until > begin) {
            KeyWindows.end(key, begin);
            emit KeyEndChanged(id, x, y, begin);
        }
        _addKey(id, newX, newY, begin, 0);
    }

    /// @inheritdoc IConsortiumRegistry
    function setThresholds(Thresholds calldata thresholds_) external onlyByProposal {
        _setThresholds(thresholds_);
    }

    /// @inheritdoc IConsortiumRegistry
    function setValidators(address[] calldata validators_) external onlyByProposal {
        _validators = validators_;
        emit ValidatorsChanged(validators_);
    }

    /// @inheritdoc IConsortiumRegistry
    function revokeOwnKey(bytes32 x, bytes32 y, uint64 revoked) external {
        (bytes18 id, Key storage key) = _memberKey(x, y);
        _revokeOwn(id, key, revoked);
        emit KeyRevoked(id, x, y, revoked);
        _record(Action.OwnRevocation, id, 0, abi.encodeCall(this.revokeKey, (x, y, revoked)));
    }

    // Views

    /// @inheritdoc IConsortiumRegistry
    function thresholds() external view returns (Thresholds memory) {
        return _thresholds;
    }

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
    function validators() external view returns (address[] memory) {
        return _validators;
    }

    // Inside

    function _activeSender() internal view returns (bytes18 id) {
        id = _accounts[msg.sender];
        if (!_members[id].active) revert NotActiveMember(msg.sender);
    }

    /// @dev Also for a suspended member: that a key was stolen is true all the same.
    function _revokeOwn(bytes18 owner, Key storage key, uint64 revoked) internal {
        if (_accounts[msg.sender] != owner) revert NotKeyOwner(owner, msg.sender);
        if (revoked + OWN_REVOCATION_REACH < block.timestamp) {
            revert RevocationTooEarly(uint64(block.timestamp) - OWN_REVOCATION_REACH, revoked);
        }
        KeyWindows.revoke(key, revoked);
    }

    function _known(bytes18 id) internal view returns (Member storage m) {
        m = _members[id];
        if (m.id == bytes18(0)) revert MemberUnknown(id);
    }

    function _addMember(bytes18 id, string memory name, address[] memory accounts, bytes32[] memory roles) internal {
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

    function _addAccount(Member storage m, address account) internal {
        // The registry's own account must never count as a member's: a proposal would approve the next.
        if (account == address(0) || account == address(this) || _accounts[account] != bytes18(0)) {
            revert AccountTaken(account);
        }
        _accounts[account] = m.id;
        m.accounts.push(account);
        emit AccountAdded(m.id, account);
    }

    function _addKey(bytes18 id, bytes32 x, bytes32 y, uint64 from, uint64 until) internal {
        Member storage m = _known(id);
        bytes32 use = keccak256(abi.encode(x, y));
        if (_keyUses[use] != bytes32(0)) revert KeyTaken(x, y);
        _keyUses[use] = bytes32(id);
        m.keys.push(KeyWindows.make(x, y, from, until));
        emit KeyAdded(id, x, y, from, until);
    }

    function _memberKey(bytes32 x, bytes32 y) internal view returns (bytes18 id, Key storage key) {
        id = bytes18(_keyUses[keccak256(abi.encode(x, y))]);
        key = KeyWindows.find(_members[id].keys, x, y);
    }

    function _setThresholds(Thresholds memory t) internal {
        if (t.emergency == 0 || t.emergency > t.ordinary) revert ThresholdInvalid(t.emergency, t.ordinary);
        if (t.ordinary > t.membership) revert ThresholdInvalid(t.ordinary, t.membership);
        if (t.membership > activeCount) revert ThresholdInvalid(t.membership, activeCount);
        _thresholds = t;
        emit ThresholdsChanged(t.ordinary, t.membership, t.emergency);
    }
}
