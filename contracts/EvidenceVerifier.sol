// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {ICheckpointRegistry} from "./ICheckpointRegistry.sol";
import {IConsortiumRegistry} from "./IConsortiumRegistry.sol";
import {IEvidenceVerifier} from "./IEvidenceVerifier.sol";
import {ISM2} from "./ISM2.sol";
import {SM2Message} from "./SM2Message.sol";
import {SM3} from "./SM3.sol";
import {SM3Tree} from "./SM3Tree.sol";
import {Texts} from "./Texts.sol";

/// @title What settles a dispute over evidence on the chain itself
contract EvidenceVerifier is IEvidenceVerifier {
    /// @inheritdoc IEvidenceVerifier
    ISM2 public immutable sm2;
    /// @inheritdoc IEvidenceVerifier
    ICheckpointRegistry public immutable checkpoints;
    /// @inheritdoc IEvidenceVerifier
    IConsortiumRegistry public immutable consortium;

    // An envelope is HEAD, type, BEFORE_PAYLOAD, base64, BEFORE_KEYID, 64 hex digits, BEFORE_SIGNATURE, base64, END.
    bytes private constant HEAD = '{"payloadType":"application/vnd.xinzheng.';
    bytes private constant BEFORE_PAYLOAD = '+json","payload":"';
    bytes private constant BEFORE_KEYID = '","signatures":[{"keyid":"';
    bytes private constant BEFORE_SIGNATURE = '","sig":"';
    bytes private constant END = '"}]}';
    uint256 private constant KEYID_LENGTH = 64;
    // A signature's DER has 8 to 72 bytes.
    uint256 private constant MAX_SIGNATURE_LENGTH = 96;
    uint256 private constant MAX_ENTRY = 48 * 1024;

    constructor(ISM2 sm2_, ICheckpointRegistry checkpoints_) {
        sm2 = sm2_;
        checkpoints = checkpoints_;
        consortium = checkpoints_.consortium();
    }

    /// @inheritdoc IEvidenceVerifier
    function hash(bytes calldata message) external pure returns (bytes32) {
        return SM3.hash(message);
    }

    /// @inheritdoc IEvidenceVerifier
    function verifySignature(bytes32 x, bytes32 y, bytes calldata message, bytes32 r, bytes32 s)
        external
        view
        returns (bool)
    {
        return sm2.verify(x, y, SM2Message.digest(x, y, message), r, s);
    }

    /// @inheritdoc IEvidenceVerifier
    function verifyInclusion(bytes32 leaf, uint64 index, uint64 size, bytes32[] calldata proof, bytes32 root)
        external
        pure
        returns (bool)
    {
        return SM3Tree.includes(leaf, index, size, proof, root);
    }

    /// @inheritdoc IEvidenceVerifier
    function verifyConsistency(
        uint64 first, uint64 second, bytes32[] calldata proof, bytes32 firstRoot, bytes32 secondRoot
    ) external pure returns (bool) {
        return SM3Tree.isPrefix(first, second, proof, firstRoot, secondRoot);
    }

    /// @inheritdoc IEvidenceVerifier
    function verifyEntry(
        bytes32 logId,
        uint64 size,
        uint64 index,
        bytes calldata entry,
        bytes32[] calldata proof,
        bytes18 member,
        bytes32 x,
        bytes32 y
    ) external view returns (bytes32 leaf, IConsortiumRegistry.Key memory key) {
        key = _keyOf(member, x, y);
        _checkEnvelope(entry, x, y);
        (bytes32 root,,, uint64 blockNumber,) = checkpoints.checkpoint(logId, size);
        if (blockNumber == 0) revert CheckpointUnknown(logId, size);
        leaf = SM3Tree.leafHash(entry);
        if (!SM3Tree.includes(leaf, index, size, proof, root)) revert NotIncluded(leaf, index, size);
    }

    function _keyOf(bytes18 member, bytes32 x, bytes32 y) private view returns (IConsortiumRegistry.Key memory) {
        IConsortiumRegistry.Key[] memory keys = consortium.member(member).keys;
        for (uint256 i = 0; i < keys.length; i++) {
            if (keys[i].x == x && keys[i].y == y) return keys[i];
        }
        revert KeyNotOfMember(member, x, y);
    }

    /// @dev That the entry is an envelope signed by the key (x, y).
    function _checkEnvelope(bytes calldata entry, bytes32 x, bytes32 y) private view {
        if (entry.length > MAX_ENTRY) revert EnvelopeMalformed();
        bool isManifest = entry.length > HEAD.length && entry[HEAD.length] == "b";
        bytes memory start = bytes.concat(HEAD, isManifest ? bytes("batch") : bytes("statement"), BEFORE_PAYLOAD);
        bytes calldata rest = _after(entry, start);
        // The signature is found from the end: its base64 is short, and holds no quotation mark.
        uint256 signatureAt = _signatureStart(rest);
        bytes calldata signature = rest[signatureAt:rest.length - END.length];
        rest = rest[:signatureAt];
        uint256 tail = BEFORE_KEYID.length + KEYID_LENGTH + BEFORE_SIGNATURE.length;
        if (rest.length < tail) revert EnvelopeMalformed();
        bytes calldata payload = rest[:rest.length - tail];
        rest = _after(rest[payload.length:], BEFORE_KEYID);
        if (!Texts.equal(rest[KEYID_LENGTH:], BEFORE_SIGNATURE)) revert EnvelopeMalformed();
        bytes32 named = Texts.hexWord(rest[:KEYID_LENGTH]);
        bytes32 given = SM3.hash(abi.encodePacked(x, y));
        if (named != given) revert KeyDiffers(named, given);
        _checkSigned(isManifest, Texts.base64(payload), Texts.base64(signature), x, y);
    }

    /// @dev That DER is a signature by (x, y) over DSSE's pre-authentication encoding of type and payload.
    function _checkSigned(bool isManifest, bytes memory payload, bytes memory der, bytes32 x, bytes32 y)
        private
        view
    {
        (bytes32 r, bytes32 s) = Texts.derSignature(der);
        bytes memory start = isManifest
            ? bytes("DSSEv1 35 application/vnd.xinzheng.batch+json ")
            : bytes("DSSEv1 39 application/vnd.xinzheng.statement+json ");
        bytes memory signed = bytes.concat(start, Texts.toDecimal(payload.length), " ", payload);
        if (!sm2.verify(x, y, SM2Message.digest(x, y, signed), r, s)) revert SignatureInvalid();
    }

    /// @dev What follows a beginning that must be there.
    function _after(bytes calldata text, bytes memory start) private pure returns (bytes calldata) {
        if (text.length < start.length || !Texts.equal(text[:start.length], start)) revert EnvelopeMalformed();
        return text[start.length:];
    }

    /// @dev Where the last string of a text begins that ends with END.
    function _signatureStart(bytes calldata text) private pure returns (uint256 start) {
        if (text.length < END.length || !Texts.equal(text[text.length - END.length:], END)) {
            revert EnvelopeMalformed();
        }
        uint256 end = text.length - END.length;
        start = end;
        while (start > 0 && text[start - 1] != '"') {
            start--;
            if (end - start > MAX_SIGNATURE_LENGTH) revert EnvelopeMalformed();
        }
    }
}
