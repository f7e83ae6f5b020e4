// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {ICheckpointRegistry} from "./ICheckpointRegistry.sol";
import {IConsortiumRegistry} from "./IConsortiumRegistry.sol";
import {IEvidenceVerifier} from "./IEvidenceVerifier.sol";

/// @title Where a log answers for its history, and where it is recorded that one has two
/// @notice A member may demand the consistency proof between two anchored sizes; the log answers by a deadline or
///         stands flagged. Whoever holds two checkpoints of one log, both signed by a key of the log, that cannot
///         both be true, has that recorded for ever. Every proof is checked here, so it does not matter who sends
///         it: anybody may answer, and anybody may report.
interface IDisputeRegistry {
    /// @notice A demand. `answered` is 0 until a proof came; after `deadline` it came late.
    struct Challenge {
        bytes32 logId;
        uint64 first;
        uint64 second;
        bytes18 challenger;
        uint64 opened;
        uint64 deadline;
        uint64 answered;
    }

    /// @notice What was proved: two checkpoints of one size with different roots or index roots; an earlier one
    ///         that the later one's tree does not begin with; one that is not what was anchored for its size.
    enum Kind {
        TwoRoots,
        Inconsistent,
        NotAsAnchored
    }

    /// @notice A proved misbehaviour. For `NotAsAnchored` the second checkpoint is the anchored one.
    struct Misbehaviour {
        bytes32 logId;
        Kind kind;
        uint64 firstSize;
        uint64 secondSize;
        bytes32 firstRoot;
        bytes32 secondRoot;
        bytes32 firstNote;
        bytes32 secondNote;
        bytes32 x;
        bytes32 y;
        address reporter;
        uint64 recorded;
    }

    /// @notice A note text (up to and including the newline before the blank line) and a signature over it.
    struct SignedText {
        bytes text;
        bytes32 r;
        bytes32 s;
    }

    event Challenged(
        uint256 indexed challengeId,
        bytes32 indexed logId,
        bytes18 indexed challenger,
        uint64 first,
        uint64 second,
        uint64 deadline
    );
    event Answered(uint256 indexed challengeId, bytes32 indexed logId, bool late);
    event Flagged(uint256 indexed challengeId, bytes32 indexed logId);
    event MisbehaviourRecorded(uint256 indexed misbehaviourId, bytes32 indexed logId, Kind kind);

    error NotActiveMember(address account);
    error LogUnknown(bytes32 logId);
    error CheckpointUnknown(bytes32 logId, uint64 size);
    error SizesInvalid(uint64 first, uint64 second);
    /// @notice The same demand was made before: its answer stands, or is still due.
    error AlreadyChallenged(uint256 challengeId);
    /// @notice The member has as many open demands to this log as it may have.
    error TooManyChallenges(bytes18 member);
    error ChallengeUnknown(uint256 challengeId);
    error AlreadyAnswered(uint256 challengeId);
    error NotOverdue(uint256 challengeId);
    error AlreadyFlagged(uint256 challengeId);
    error ProofInvalid();
    /// @notice The note is another log's.
    error OriginDiffers();
    /// @notice The key is not one of the log's.
    error KeyUnknown(bytes32 x, bytes32 y);
    /// @notice The key is revoked: whoever stole it could sign anything.
    error KeyRevoked(bytes32 x, bytes32 y);
    /// @notice The key did not count at the time that the note bears.
    error KeyOutsideWindow(uint64 time);
    error SignatureInvalid();
    error SizesDiffer(uint64 first, uint64 second);
    /// @notice The two agree: nothing is proved.
    error RootsAgree();
    error AlreadyRecorded(uint256 misbehaviourId);
    error MisbehaviourUnknown(uint256 misbehaviourId);

    function evidence() external view returns (IEvidenceVerifier);
    function checkpoints() external view returns (ICheckpointRegistry);
    function consortium() external view returns (IConsortiumRegistry);
    /// @notice How many seconds a log has to answer.
    function answerSeconds() external view returns (uint64);
    /// @notice How many open demands to one log a member may have.
    function maxOpenChallenges() external view returns (uint256);

    /// @notice Demands the proof that the tree of `first` entries is the beginning of that of `second`, both
    ///         anchored. Only an active member may.
    function challenge(bytes32 logId, uint64 first, uint64 second) external returns (uint256 challengeId);

    /// @notice Answers with the consistency proof against the anchored roots; late is better than never, and
    ///         lifts the flag, but stays on record.
    function answer(uint256 challengeId, bytes32[] calldata proof) external;

    /// @notice Has the event emitted that says a deadline passed without an answer, once; anybody may.
    function flag(uint256 challengeId) external;

    /// @notice Records two checkpoints of one size that differ in root or index root.
    function reportTwoRoots(
        bytes32 logId, bytes32 x, bytes32 y, SignedText calldata first, SignedText calldata second
    ) external returns (uint256 misbehaviourId);

    /// @notice Records two checkpoints of which the later one's tree does not begin with the earlier one's.
    /// @param rootInSecond The root that the later tree has at the earlier size
    /// @param proof The consistency proof from there to the later root
    function reportInconsistent(
        bytes32 logId,
        bytes32 x,
        bytes32 y,
        SignedText calldata first,
        SignedText calldata second,
        bytes32 rootInSecond,
        bytes32[] calldata proof
    ) external returns (uint256 misbehaviourId);

    /// @notice Records a checkpoint that differs in root or index root from the one anchored for its size.
    function reportNotAsAnchored(bytes32 logId, bytes32 x, bytes32 y, SignedText calldata note)
        external
        returns (uint256 misbehaviourId);

    function challengeCount() external view returns (uint256);
    function challengeById(uint256 challengeId) external view returns (Challenge memory);
    /// @notice The ids of all demands to a log, oldest first.
    function challengesOf(bytes32 logId) external view returns (uint256[] memory);
    /// @notice The ids of those without an answer.
    function openChallenges(bytes32 logId) external view returns (uint256[] memory);
    function misbehaviourCount() external view returns (uint256);
    function misbehaviourById(uint256 misbehaviourId) external view returns (Misbehaviour memory);
    function misbehavioursOf(bytes32 logId) external view returns (uint256[] memory);

    /// @notice Whether a demand is overdue or a misbehaviour is recorded.
    function flagged(bytes32 logId) external view returns (bool);

    /// @notice How a log stands: demands without an answer, those of them that are overdue, how many were
    ///         answered late, and recorded misbehaviours.
    function standing(bytes32 logId)
        external
        view
        returns (uint256 open, uint256 overdue, uint256 late, uint256 misbehaviours);
}
