// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {ICheckpointRegistry} from "./ICheckpointRegistry.sol";
import {IConsortiumRegistry} from "./IConsortiumRegistry.sol";
import {ISM2} from "./ISM2.sol";

/// @title What settles a dispute over evidence on the chain itself
/// @notice Hashes with SM3, verifies SM2 signatures over messages (default signer id 1234567812345678), checks
///         proofs of a log's tree, and checks a whole entry against an anchored checkpoint. It keeps nothing and
///         nobody owns it.
interface IEvidenceVerifier {
    error CheckpointUnknown(bytes32 logId, uint64 size);
    /// @notice The bytes are not an envelope with one signature in the one layout.
    error EnvelopeMalformed();
    /// @notice The envelope names another key than the one given.
    error KeyDiffers(bytes32 named, bytes32 given);
    error KeyNotOfMember(bytes18 member, bytes32 x, bytes32 y);
    error SignatureInvalid();
    error NotIncluded(bytes32 leaf, uint64 index, uint64 size);

    function sm2() external view returns (ISM2);
    function checkpoints() external view returns (ICheckpointRegistry);
    function consortium() external view returns (IConsortiumRegistry);

    /// @notice SM3 of a message.
    function hash(bytes calldata message) external pure returns (bytes32);

    /// @notice Whether (r, s) is a signature over a message by the key (x, y).
    function verifySignature(bytes32 x, bytes32 y, bytes calldata message, bytes32 r, bytes32 s)
        external
        view
        returns (bool);

    /// @notice Whether a leaf hash stands at an index in the tree of a size with this root.
    function verifyInclusion(bytes32 leaf, uint64 index, uint64 size, bytes32[] calldata proof, bytes32 root)
        external
        pure
        returns (bool);

    /// @notice Whether the tree of `first` leaves is the beginning of the tree of `second` leaves.
    function verifyConsistency(
        uint64 first, uint64 second, bytes32[] calldata proof, bytes32 firstRoot, bytes32 secondRoot
    ) external pure returns (bool);

    /// @notice Checks a whole entry; returns, or reverts and says why.
    ///
    ///         Checked: the bytes are a statement's or a manifest's envelope in its one layout with one
    ///         signature; the signature is minimal DER; it is by the key (x, y) over the payload (DSSE); the
    ///         envelope's key id is SM3(x || y); the register has that key under that member; the entry stands
    ///         at that index of the log's tree of that size, whose root is the one anchored.
    ///
    ///         Not checked, because the chain does not read the payload: that the statement is well formed,
    ///         names this log and this member as its issuer, and was made at a time at which the key and the
    ///         member's role allowed it (the window returned is for whoever reads the payload's `at`). An entry
    ///         in batch form has no signature of its own and is refused; its manifest can be checked. Witnesses
    ///         and the block's finality are other questions.
    /// @param entry The envelope's exact bytes
    /// @param proof The inclusion proof, leaf to root
    /// @param member The member whose key it is
    /// @return leaf The entry's leaf hash
    /// @return key The key with its window, as it stands in the register now
    function verifyEntry(
        bytes32 logId,
        uint64 size,
        uint64 index,
        bytes calldata entry,
        bytes32[] calldata proof,
        bytes18 member,
        bytes32 x,
        bytes32 y
    ) external view returns (bytes32 leaf, IConsortiumRegistry.Key memory key);
}
