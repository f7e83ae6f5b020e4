// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {SM3} from "./SM3.sol";

/// @title Inclusion and consistency proofs of a log's tree
/// @notice Trees and proofs of RFC 6962 section 2.1 with SM3 for SHA-256: a leaf hash is SM3(00 || entry), a node
///         hash SM3(01 || left || right), the root of the empty tree SM3(""). Proofs go from the leaf to the root
///         and are checked as in RFC 9162 sections 2.1.3.2 and 2.1.4.2.
library SM3Tree {
    bytes32 internal constant EMPTY_ROOT = 0x1ab21d8355cfa17f8e61194831e81a8f22bec8c728fefb747ed035eb5082aa2b;

    function leafHash(bytes memory entry) internal pure returns (bytes32) {
        return SM3.hash(bytes.concat(hex"00", entry));
    }

    function nodeHash(bytes32 left, bytes32 right) internal pure returns (bytes32) {
        return SM3.hash(abi.encodePacked(hex"01", left, right));
    }

    /// @notice Whether `leaf` stands at `index` in the tree of `size` leaves with this root.
    function includes(bytes32 leaf, uint64 index, uint64 size, bytes32[] calldata proof, bytes32 root)
        internal
        pure
        returns (bool)
    {
        if (index >= size) return false;
        uint64 node = index;
        uint64 last = size - 1;
        bytes32 hash = leaf;
        for (uint256 i = 0; i < proof.length; i++) {
            if (last == 0) return false;
            if (node & 1 == 1 || node == last) {
                hash = nodeHash(proof[i], hash);
                (node, last) = _toLeftmost(node, last);
            } else {
                hash = nodeHash(hash, proof[i]);
            }
            node >>= 1;
            last >>= 1;
        }
        return last == 0 && hash == root;
    }

    /// @notice Whether the tree of `first` leaves with `firstRoot` is the beginning of the tree of `second` leaves
    ///         with `secondRoot`.
    function isPrefix(uint64 first, uint64 second, bytes32[] calldata proof, bytes32 firstRoot, bytes32 secondRoot)
        internal
        pure
        returns (bool)
    {
        if (first > second) return false;
        if (first == second && firstRoot != secondRoot) return false;
        if (first == 0) return proof.length == 0 && firstRoot == EMPTY_ROOT;
        if (first == second) return proof.length == 0;
        // Where the first tree is one whole subtree of the second, its root begins the proof unsaid.
        bool whole = first & (first - 1) == 0;
        if (!whole && proof.length == 0) return false;
        uint64 node = first - 1;
        uint64 last = second - 1;
        while (node & 1 == 1) {
            node >>= 1;
            last >>= 1;
        }
        bytes32 older = whole ? firstRoot : proof[0];
        bytes32 newer = older;
        for (uint256 i = whole ? 0 : 1; i < proof.length; i++) {
            if (last == 0) return false;
            if (node & 1 == 1 || node == last) {
                older = nodeHash(proof[i], older);
                newer = nodeHash(proof[i], newer);
                (node, last) = _toLeftmost(node, last);
            } else {
                newer = nodeHash(newer, proof[i]);
            }
            node >>= 1;
            last >>= 1;
        }
        return last == 0 && older == firstRoot && newer == secondRoot;
    }

    /// @dev Up past the levels on which the node has no sibling.
    function _toLeftmost(uint64 node, uint64 last) private pure returns (uint64, uint64) {
        while (node & 1 == 0 && node != 0) {
            node >>= 1;
            last >>= 1;
        }
        return (node, last);
    }
}
