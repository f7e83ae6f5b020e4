// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {ICheckpointRegistry} from "./ICheckpointRegistry.sol";
import {IConsortiumRegistry} from "./IConsortiumRegistry.sol";
import {IDisputeRegistry} from "./IDisputeRegistry.sol";
import {IEvidenceVerifier} from "./IEvidenceVerifier.sol";
import {NoteText} from "./NoteText.sol";

/// @title Where a log answers for its history, and where it is recorded that one has two
contract DisputeRegistry is IDisputeRegistry {
    /// @inheritdoc IDisputeRegistry
    IEvidenceVerifier public immutable evidence;
    /// @inheritdoc IDisputeRegistry
    ICheckpointRegistry public immutable checkpoints;
    /// @inheritdoc IDisputeRegistry
    IConsortiumRegistry public immutable consortium;
    /// @inheritdoc IDisputeRegistry
    uint64 public immutable answerSeconds;
    /// @inheritdoc IDisputeRegistry
    uint256 public constant maxOpenChallenges = 16;

    Challenge[] private _challenges;
    Misbehaviour[] private _misbehaviours;
    mapping(bytes32 => uint256[]) private _challengesOf;
    mapping(bytes32 => uint256[]) private _open;
    mapping(bytes32 => uint256[]) private _misbehavioursOf;
    mapping(bytes32 => uint256) private _late;
    mapping(uint256 => bool) private _flagged;
    // keccak256(log id, first, second) -> the challenge's id + 1. What is anchored never changes, so one proof
    // settles a pair for ever; asking again would only have the operator pay for it again.
    mapping(bytes32 => uint256) private _asked;
    // keccak256 of what was proved -> the misbehaviour's id + 1
    mapping(bytes32 => uint256) private _recorded;

    constructor(IEvidenceVerifier evidence_, uint64 answerSeconds_) {
        evidence = evidence_;
        checkpoints = evidence_.checkpoints();
        consortium = evidence_.consortium();
        answerSeconds = answerSeconds_;
    }

    // Challenges

    /// @inheritdoc IDisputeRegistry
    function challenge(bytes32 logId, uint64 first, uint64 second) external returns (uint256 challengeId) {
        (bytes18 sender, bool active) = consortium.memberOf(msg.sender);
        if (!active) revert NotActiveMember(msg.sender);
        if (consortium.operatorOf(logId) == bytes18(0)) revert LogUnknown(logId);
        if (first >= second) revert SizesInvalid(first, second);
        _anchored(logId, first);
        _anchored(logId, second);
        bytes32 asked = keccak256(abi.encode(logId, first, second));
        if (_asked[asked] != 0) revert AlreadyChallenged(_asked[asked] - 1);
        uint256[] storage open = _open[logId];
        uint256 own = 0;
        for (uint256 i = 0; i < open.length; i++) {
            if (_challenges[open[i]].challenger == sender) own++;
        }
        if (own >= maxOpenChallenges) revert TooManyChallenges(sender);
        challengeId = _challenges.length;
        _asked[asked] = challengeId + 1;
        uint64 present = uint64(block.timestamp);
        uint64 deadline = present + answerSeconds;
        _challenges.push(Challenge(logId, first, second, sender, present, deadline, 0));
        _challengesOf[logId].push(challengeId);
        open.push(challengeId);
        emit Challenged(challengeId, logId, sender, first, second, deadline);
    }

    /// @inheritdoc IDisputeRegistry
    function answer(uint256 challengeId, bytes32[] calldata proof) external {
        Challenge storage c = _known(challengeId);
        if (c.answered != 0) revert AlreadyAnswered(challengeId);
        (bytes32 firstRoot,) = _anchored(c.logId, c.first);
        (bytes32 secondRoot,) = _anchored(c.logId, c.second);
        if (!evidence.verifyConsistency(c.first, c.second, proof, firstRoot, secondRoot)) revert ProofInvalid();
        c.answered = uint64(block.timestamp);
        bool late = block.timestamp > c.deadline;
        if (late) _late[c.logId]++;
        uint256[] storage open = _open[c.logId];
        uint256 i = 0;
        while (open[i] != challengeId) i++;
        open[i] = open[open.length - 1];
        open.pop();
        emit Answered(challengeId, c.logId, late);
    }

    /// @inheritdoc IDisputeRegistry
    function flag(uint256 challengeId) external {
        Challenge storage c = _known(challengeId);
        if (!_isOverdue(c)) revert NotOverdue(challengeId);
        if (_flagged[challengeId]) revert AlreadyFlagged(challengeId);
        _flagged[challengeId] = true;
        emit Flagged(challengeId, c.logId);
    }

    // Misbehaviour

    /// @inheritdoc IDisputeRegistry
    function reportTwoRoots(
        bytes32 logId, bytes32 x, bytes32 y, SignedText calldata first, SignedText calldata second
    ) external returns (uint256) {
        NoteText.Checkpoint memory a = _signed(logId, x, y, first);
        NoteText.Checkpoint memory b = _signed(logId, x, y, second);
        if (a.size != b.size) revert SizesDiffer(a.size, b.size);
        if (a.root == b.root && a.indexRoot == b.indexRoot) revert RootsAgree();
        return _record(logId, Kind.TwoRoots, a, b, _noteHash(first), _noteHash(second), x, y);
    }

    /// @inheritdoc IDisputeRegistry
    function reportInconsistent(
        bytes32 logId,
        bytes32 x,
        bytes32 y,
        SignedText calldata first,
        SignedText calldata second,
        bytes32 rootInSecond,
        bytes32[] calldata proof
    ) external returns (uint256) {
        NoteText.Checkpoint memory a = _signed(logId, x, y, first);
        NoteText.Checkpoint memory b = _signed(logId, x, y, second);
        if (a.size >= b.size) revert SizesInvalid(a.size, b.size);
        if (a.root == rootInSecond) revert RootsAgree();
        if (!evidence.verifyConsistency(a.size, b.size, proof, rootInSecond, b.root)) revert ProofInvalid();
        return _record(logId, Kind.Inconsistent, a, b, _noteHash(first), _noteHash(second), x, y);
    }

    /// @inheritdoc IDisputeRegistry
    function reportNotAsAnchored(bytes32 logId, bytes32 x, bytes32 y, SignedText calldata note)
        external
        returns (uint256)
    {
        NoteText.Checkpoint memory a = _signed(logId, x, y, note);
        (bytes32 root, bytes32 indexRoot, bytes32 noteHash, uint64 blockNumber,) =
            checkpoints.checkpoint(logId, a.size);
        if (blockNumber == 0) revert CheckpointUnknown(logId, a.size);
        if (a.root == root && a.indexRoot == indexRoot) revert RootsAgree();
        NoteText.Checkpoint memory b = NoteText.Checkpoint(a.size, root, indexRoot, 0);
        return _record(logId, Kind.NotAsAnchored, a, b, _noteHash(note), noteHash, x, y);
    }

    // Views

    /// @inheritdoc IDisputeRegistry
    function challengeCount() external view returns (uint256) {
        return _challenges.length;
    }

    /// @inheritdoc IDisputeRegistry
    function challengeById(uint256 challengeId) external view returns (Challenge memory) {
        return _known(challengeId);
    }

    /// @inheritdoc IDisputeRegistry
    function challengesOf(bytes32 logId) external view returns (uint256[] memory) {
        return _challengesOf[logId];
    }

    /// @inheritdoc IDisputeRegistry
    function openChallenges(bytes32 logId) external view returns (uint256[] memory) {
        return _open[logId];
    }

    /// @inheritdoc IDisputeRegistry
    function misbehaviourCount() external view returns (uint256) {
        return _misbehaviours.length;
    }

    /// @inheritdoc IDisputeRegistry
    function misbehaviourById(uint256 misbehaviourId) external view returns (Misbehaviour memory) {
        if (misbehaviourId >= _misbehaviours.length) revert MisbehaviourUnknown(misbehaviourId);
        return _misbehaviours[misbehaviourId];
    }

    /// @inheritdoc IDisputeRegistry
    function misbehavioursOf(bytes32 logId) external view returns (uint256[] memory) {
        return _misbehavioursOf[logId];
    }

    /// @inheritdoc IDisputeRegistry
    function flagged(bytes32 logId) external view returns (bool) {
        (, uint256 overdue,, uint256 misbehaviours) = standing(logId);
        return overdue != 0 || misbehaviours != 0;
    }

    /// @inheritdoc IDisputeRegistry
    function standing(bytes32 logId)
        public
        view
        returns (uint256 open, uint256 overdue, uint256 late, uint256 misbehaviours)
    {
        uint256[] storage ids = _open[logId];
        open = ids.length;
        for (uint256 i = 0; i < open; i++) {
            if (_isOverdue(_challenges[ids[i]])) overdue++;
        }
        late = _late[logId];
        misbehaviours = _misbehavioursOf[logId].length;
    }

    // Inside

    function _known(uint256 challengeId) private view returns (Challenge storage) {
        if (challengeId >= _challenges.length) revert ChallengeUnknown(challengeId);
        return _challenges[challengeId];
    }

    function _isOverdue(Challenge storage c) private view returns (bool) {
        return c.answered == 0 && block.timestamp > c.deadline;
    }

    function _anchored(bytes32 logId, uint64 size) private view returns (bytes32 root, bytes32 indexRoot) {
        uint64 blockNumber;
        (root, indexRoot,, blockNumber,) = checkpoints.checkpoint(logId, size);
        if (blockNumber == 0) revert CheckpointUnknown(logId, size);
    }

    /// @dev The checkpoint in a note of this log that a key of this log signed.
    function _signed(bytes32 logId, bytes32 x, bytes32 y, SignedText calldata note)
        private
        view
        returns (NoteText.Checkpoint memory checkpoint)
    {
        if (consortium.operatorOf(logId) == bytes18(0)) revert LogUnknown(logId);
        checkpoint = NoteText.parse(note.text);
        // The log's id is SM3 of its origin.
        if (evidence.hash(NoteText.originOf(note.text)) != logId) revert OriginDiffers();
        IConsortiumRegistry.Key memory key = _logKey(logId, x, y);
        if (key.revoked != 0 && block.timestamp >= key.revoked) revert KeyRevoked(x, y);
        if (checkpoint.time < key.from || (key.until != 0 && checkpoint.time >= key.until)) {
            revert KeyOutsideWindow(checkpoint.time);
        }
        if (!evidence.verifySignature(x, y, note.text, note.r, note.s)) revert SignatureInvalid();
    }

    function _logKey(bytes32 logId, bytes32 x, bytes32 y) private view returns (IConsortiumRegistry.Key memory) {
        IConsortiumRegistry.Key[] memory keys = consortium.log(logId).keys;
        for (uint256 i = 0; i < keys.length; i++) {
            if (keys[i].x == x && keys[i].y == y) return keys[i];
        }
        revert KeyUnknown(x, y);
    }

    function _noteHash(SignedText calldata note) private view returns (bytes32) {
        return evidence.hash(note.text);
    }

    /// @dev Records it once: the same two checkpoints in the other order are the same.
    function _record(
        bytes32 logId,
        Kind kind,
        NoteText.Checkpoint memory a,
        NoteText.Checkpoint memory b,
        bytes32 firstNote,
        bytes32 secondNote,
        bytes32 x,
        bytes32 y
    ) private returns (uint256 misbehaviourId) {
        (bytes32 low, bytes32 high) = firstNote < secondNote ? (firstNote, secondNote) : (secondNote, firstNote);
        bytes32 proved = keccak256(abi.encode(logId, kind, low, high));
        if (_recorded[proved] != 0) revert AlreadyRecorded(_recorded[proved] - 1);
        misbehaviourId = _misbehaviours.length;
        _recorded[proved] = misbehaviourId + 1;
        Misbehaviour storage m = _misbehaviours.push();
        m.logId = logId;
        m.kind = kind;
        m.firstSize = a.size;
        m.secondSize = b.size;
        m.firstRoot = a.root;
        m.secondRoot = b.root;
        m.firstNote = firstNote;
        m.secondNote = secondNote;
        m.x = x;
        m.y = y;
        m.reporter = msg.sender;
        m.recorded = uint64(block.timestamp);
        _misbehavioursOf[logId].push(misbehaviourId);
        emit MisbehaviourRecorded(misbehaviourId, logId, kind);
    }
}
