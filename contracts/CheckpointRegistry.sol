// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {ICheckpointRegistry} from "./ICheckpointRegistry.sol";
import {IConsortiumRegistry} from "./IConsortiumRegistry.sol";

/// @title Where the logs' checkpoints are anchored
/// @dev Nothing here can be paused, upgraded or rewritten; who may publish is the consortium's affair.
contract CheckpointRegistry is ICheckpointRegistry {
    struct Anchor {
        bytes32 root;
        bytes32 indexRoot;
        bytes32 noteHash;
        uint64 blockNumber;
        uint64 timestamp;
    }

    // As in a checkpoint's note: no verifier reads a larger one.
    uint64 private constant MAX_SIZE = 2 ** 53 - 1;

    /// @inheritdoc ICheckpointRegistry
    IConsortiumRegistry public immutable consortium;

    mapping(bytes32 => uint64[]) private _sizes;
    mapping(bytes32 => mapping(uint64 => Anchor)) private _anchors;
    mapping(bytes32 => mapping(uint64 => bytes18[])) private _cosigners;

    constructor(IConsortiumRegistry consortium_) {
        consortium = consortium_;
    }

    /// @inheritdoc ICheckpointRegistry
    function publish(bytes32 logId, uint64 size, bytes32 root, bytes32 indexRoot, bytes32 noteHash) external {
        bytes18 operator = consortium.operatorOf(logId);
        if (operator == bytes18(0)) revert LogUnknown(logId);
        (bytes18 sender, bool active) = consortium.memberOf(msg.sender);
        if (!active || sender != operator) revert NotOperator(logId, msg.sender);
        uint64 present = _latestSize(logId);
        if (size <= present) revert SizeNotGrowing(present, size);
        if (size > MAX_SIZE) revert SizeTooLarge(size);
        _sizes[logId].push(size);
        _anchors[logId][size] = Anchor(root, indexRoot, noteHash, uint64(block.number), uint64(block.timestamp));
        emit CheckpointPublished(logId, size, root, indexRoot, noteHash);
    }

    /// @inheritdoc ICheckpointRegistry
    function cosign(bytes32 logId, uint64 size, bytes32 noteHash) external {
        (bytes18 sender, bool active) = consortium.memberOf(msg.sender);
        if (!active || !consortium.isWitness(logId, sender)) revert NotWitness(logId, msg.sender);
        Anchor storage a = _anchors[logId][size];
        if (a.blockNumber == 0) revert CheckpointUnknown(logId, size);
        if (a.noteHash != noteHash) revert NoteDiffers(a.noteHash, noteHash);
        bytes18[] storage before = _cosigners[logId][size];
        for (uint256 i = 0; i < before.length; i++) {
            if (before[i] == sender) revert AlreadyCosigned(logId, size, sender);
        }
        before.push(sender);
        emit CheckpointCosigned(logId, size, sender, noteHash);
    }

    /// @inheritdoc ICheckpointRegistry
    function checkpoint(bytes32 logId, uint64 size)
        external
        view
        returns (bytes32 root, bytes32 indexRoot, bytes32 noteHash, uint64 blockNumber, uint64 timestamp)
    {
        Anchor storage a = _anchors[logId][size];
        return (a.root, a.indexRoot, a.noteHash, a.blockNumber, a.timestamp);
    }

    /// @inheritdoc ICheckpointRegistry
    function latest(bytes32 logId)
        external
        view
        returns (uint64 size, bytes32 root, bytes32 indexRoot, bytes32 noteHash, uint64 blockNumber)
    {
        size = _latestSize(logId);
        Anchor storage a = _anchors[logId][size];
        return (size, a.root, a.indexRoot, a.noteHash, a.blockNumber);
    }

    /// @inheritdoc ICheckpointRegistry
    function count(bytes32 logId) external view returns (uint256) {
        return _sizes[logId].length;
    }

    /// @inheritdoc ICheckpointRegistry
    function sizeAt(bytes32 logId, uint256 i) external view returns (uint64) {
        return _sizes[logId][i];
    }

    /// @inheritdoc ICheckpointRegistry
    function cosigners(bytes32 logId, uint64 size) external view returns (bytes18[] memory) {
        return _cosigners[logId][size];
    }

    /// @inheritdoc ICheckpointRegistry
    function quorum(bytes32 logId, uint64 size) external view returns (bool) {
        uint256 needed = consortium.witnessThreshold(logId);
        return needed != 0 && _cosigners[logId][size].length >= needed;
    }

    function _latestSize(bytes32 logId) private view returns (uint64) {
        uint64[] storage sizes = _sizes[logId];
        return sizes.length == 0 ? 0 : sizes[sizes.length - 1];
    }
}
