// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {IConsortiumRegistry} from "./IConsortiumRegistry.sol";

/// @title The registry's history: numbered records under one hash
/// @dev Each record is chained to all before it by SHA-256, which the chain has as a standard precompile and
///      every offline verifier has too. So one proof of the newest head proves all records.
abstract contract GovernanceHistory is IConsortiumRegistry {
    /// @inheritdoc IConsortiumRegistry
    bytes32 public historyHead = sha256(abi.encode("xinzheng/governance/v1", block.chainid, address(this)));

    // The block of each record, so that whoever follows asks a node for those blocks only.
    uint64[] private _blocks;

    /// @inheritdoc IConsortiumRegistry
    function historyLength() external view returns (uint256) {
        return _blocks.length;
    }

    /// @inheritdoc IConsortiumRegistry
    function historyBlocks(uint256 start, uint256 limit) external view returns (uint64[] memory blocks) {
        uint256 length = _blocks.length;
        if (start > length) start = length;
        if (limit > length - start) limit = length - start;
        blocks = new uint64[](limit);
        for (uint256 i = 0; i < limit; i++) {
            blocks[i] = _blocks[start + i];
        }
    }

    function _record(Action action, bytes18 id, uint256 proposalId, bytes memory content) internal {
        uint256 sequence = _blocks.length;
        bytes32 head = sha256(
            abi.encode(historyHead, sequence, block.number, block.timestamp, action, id, proposalId, content)
        );
        _blocks.push(uint64(block.number));
        historyHead = head;
        emit Recorded(sequence, id, proposalId, action, uint64(block.timestamp), content, head);
    }
}
