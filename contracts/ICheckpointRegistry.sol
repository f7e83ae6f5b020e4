// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {IConsortiumRegistry} from "./IConsortiumRegistry.sol";

/// @title Where the logs' checkpoints are anchored
/// @notice Per log a list of checkpoints whose sizes strictly grow. What was published once stays for ever:
///         one root per size, and nobody can change or remove it.
interface ICheckpointRegistry {
    event CheckpointPublished(
        bytes32 indexed logId, uint64 indexed size, bytes32 root, bytes32 indexRoot, bytes32 noteHash
    );
    event CheckpointCosigned(bytes32 indexed logId, uint64 indexed size, bytes18 indexed member, bytes32 noteHash);

    error LogUnknown(bytes32 logId);
    /// @notice The sending account is not one of the log's operator, or that member is suspended.
    error NotOperator(bytes32 logId, address account);
    /// @notice The sending account is not one of an active member that the log's witness policy names.
    error NotWitness(bytes32 logId, address account);
    error SizeNotGrowing(uint64 latest, uint64 size);
    /// @notice No checkpoint has more than 2^53 - 1 entries.
    error SizeTooLarge(uint64 size);
    error CheckpointUnknown(bytes32 logId, uint64 size);
    /// @notice The witness saw another note than the one anchored.
    error NoteDiffers(bytes32 anchored, bytes32 cosigned);
    error AlreadyCosigned(bytes32 logId, uint64 size, bytes18 member);

    /// @notice Anchors a checkpoint. Only the log's operator may; `size` must be greater than the latest, and
    ///         at most 2^53 - 1.
    /// @param logId SM3(origin)
    /// @param size The number of entries
    /// @param root The root hash of the log's tree
    /// @param indexRoot The root hash of the log's index
    /// @param noteHash SM3 of the checkpoint's note text
    function publish(bytes32 logId, uint64 size, bytes32 root, bytes32 indexRoot, bytes32 noteHash) external;

    /// @notice Records that a witness vouches for an anchored checkpoint.
    function cosign(bytes32 logId, uint64 size, bytes32 noteHash) external;

    /// @notice The register that says who operates and who witnesses a log.
    function consortium() external view returns (IConsortiumRegistry);

    /// @notice The anchored checkpoint of exactly that size; all zero if there is none.
    function checkpoint(bytes32 logId, uint64 size)
        external
        view
        returns (bytes32 root, bytes32 indexRoot, bytes32 noteHash, uint64 blockNumber, uint64 timestamp);

    /// @notice The largest anchored checkpoint; all zero if there is none.
    function latest(bytes32 logId)
        external
        view
        returns (uint64 size, bytes32 root, bytes32 indexRoot, bytes32 noteHash, uint64 blockNumber);

    /// @notice How many checkpoints the log has anchored.
    function count(bytes32 logId) external view returns (uint256);

    /// @notice The size of the log's i-th anchored checkpoint, from 0.
    function sizeAt(bytes32 logId, uint256 i) external view returns (uint64);

    /// @notice The members that cosigned a checkpoint, in order.
    function cosigners(bytes32 logId, uint64 size) external view returns (bytes18[] memory);

    /// @notice Whether as many witnesses cosigned as the log's policy now asks for; false without a policy.
    function quorum(bytes32 logId, uint64 size) external view returns (bool);
}
