// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

/// @title The consortium's register of members, keys and logs
/// @notice What a trust file says at a block: who the members are, which SM2 keys they sign with and from
///         when to when, which logs exist, who operates and who witnesses them. Every change needs the
///         approval of a threshold of active members, by its class; the one thing that a member does alone is
///         to revoke its own keys. No change removes a key that once counted.
/// @dev Times are seconds since 1970. A window is `from <= t < until` (0: no end) and `t < revoked` (0: not
///      revoked). Member ids are the 18 ASCII characters of the organisation's USCC. Roles and index names
///      are ASCII of at most 32 bytes, padded with zero bytes on the right.
interface IConsortiumRegistry {
    /// @notice An SM2 public key (affine coordinates) and its window.
    struct Key {
        bytes32 x;
        bytes32 y;
        uint64 from;
        uint64 until;
        uint64 revoked;
    }

    /// @notice A member organisation. `changed` is the time at which `active` last changed.
    struct Member {
        bytes18 id;
        bool active;
        uint64 changed;
        string name;
        address[] accounts;
        bytes32[] roles;
        Key[] keys;
    }

    /// @notice What the constructor is told about a founding member.
    struct Founder {
        bytes18 id;
        string name;
        address[] accounts;
        bytes32[] roles;
        Key[] keys;
    }

    /// @notice A kind of statement that needs another role than its first word suggests.
    struct KindRole {
        string kind;
        bytes32 role;
    }

    /// @notice One key under which a member witnesses a log, by the name in its signature lines.
    struct Witness {
        string name;
        bytes18 member;
        Key key;
    }

    /// @notice A log: its operator, keys, indexes, person-tag epochs and witness policy.
    struct LogDefinition {
        bytes32 logId;
        bytes18 operator;
        uint32 epochs;
        uint32 witnessThreshold;
        string origin;
        bytes32[] indexes;
        KindRole[] roles;
        Key[] keys;
        Witness[] witnesses;
    }

    /// @notice Where a proposal stands.
    enum ProposalState {
        None,
        Open,
        Executed,
        Cancelled,
        Expired
    }

    /// @notice How weighty a change is. Emergency: revoking a key, suspending a member. Membership: admitting
    ///         or reinstating a member, roles, accounts, thresholds, validators. Ordinary: everything else.
    enum ChangeClass {
        Emergency,
        Ordinary,
        Membership
    }

    /// @notice How many active members must approve a change of each class:
    ///         `1 <= emergency <= ordinary <= membership <= activeCount`.
    /// @dev No suspension leaves fewer active members than `membership`, so a minority that can suspend gains
    ///      no power by it. It can block: set `emergency` above the number of members that may collude.
    struct Thresholds {
        uint32 ordinary;
        uint32 membership;
        uint32 emergency;
    }

    /// @notice What a record of the history says. `Founded`: content is `abi.encode(bytes[] calls)`, the calls
    ///         that would make the founding state. `Proposed`: `abi.encode(bytes[] calls, uint64 expires)`.
    ///         `OwnRevocation`: the call that revoked. Others have no content.
    enum Action {
        Founded,
        Proposed,
        Approved,
        Executed,
        Cancelled,
        Expired,
        OwnRevocation
    }

    /// @notice Changes that take effect together: `calls` are ABI-encoded calls of this registry's own
    ///         change functions, in order. `approvals` are the members that approved, the proposer first.
    struct Proposal {
        bytes18 proposer;
        uint64 expires;
        ProposalState state;
        ChangeClass class;
        bytes[] calls;
        bytes18[] approvals;
    }

    event MemberAdded(bytes18 indexed id, string name);
    event MemberRenamed(bytes18 indexed id, string name);
    event MemberStatusChanged(bytes18 indexed id, bool active);
    event RolesChanged(bytes18 indexed id, bytes32[] roles);
    event AccountAdded(bytes18 indexed id, address indexed account);
    event AccountRemoved(bytes18 indexed id, address indexed account);
    event KeyAdded(bytes18 indexed id, bytes32 x, bytes32 y, uint64 from, uint64 until);
    event KeyEndChanged(bytes18 indexed id, bytes32 x, bytes32 y, uint64 until);
    event KeyRevoked(bytes18 indexed id, bytes32 x, bytes32 y, uint64 revoked);
    event ThresholdsChanged(uint32 ordinary, uint32 membership, uint32 emergency);
    event ValidatorsChanged(address[] validators);
    event LogDefined(bytes32 indexed logId, string origin, bytes18 indexed operator);
    event LogOperatorChanged(bytes32 indexed logId, bytes18 indexed operator);
    event LogIndexesChanged(bytes32 indexed logId, bytes32[] indexes);
    event LogEpochsChanged(bytes32 indexed logId, uint32 epochs);
    event LogKindRoleChanged(bytes32 indexed logId, string kind, bytes32 role);
    event LogKeyAdded(bytes32 indexed logId, bytes32 x, bytes32 y, uint64 from, uint64 until);
    event LogKeyEndChanged(bytes32 indexed logId, bytes32 x, bytes32 y, uint64 until);
    event LogKeyRevoked(bytes32 indexed logId, bytes32 x, bytes32 y, uint64 revoked);
    event WitnessAdded(
        bytes32 indexed logId, bytes18 indexed member, string name, bytes32 x, bytes32 y, uint64 from, uint64 until
    );
    event WitnessThresholdChanged(bytes32 indexed logId, uint32 threshold);
    event Proposed(uint256 indexed proposalId, bytes18 indexed proposer, uint64 expires);
    event Approved(uint256 indexed proposalId, bytes18 indexed member);
    event Executed(uint256 indexed proposalId);
    event Cancelled(uint256 indexed proposalId);
    event Expired(uint256 indexed proposalId);
    /// @notice One record of the history. `head` is SHA-256 of `abi.encode(head before, sequence,
    ///         block.number, time, action, member, proposalId, content)`.
    event Recorded(
        uint256 indexed sequence,
        bytes18 indexed member,
        uint256 indexed proposalId,
        Action action,
        uint64 time,
        bytes content,
        bytes32 head
    );

    /// @notice A change function was called from outside; changes go through `propose`.
    error OnlyByProposal();
    /// @notice The sending account belongs to no active member.
    error NotActiveMember(address account);
    error MemberUnknown(bytes18 id);
    error MemberExists(bytes18 id);
    error MemberIdInvalid(bytes18 id);
    error AccountTaken(address account);
    error AccountUnknown(address account);
    /// @notice A member keeps at least one account.
    error LastAccount(bytes18 id);
    /// @notice The key is already registered where it may stand only once.
    error KeyTaken(bytes32 x, bytes32 y);
    error KeyUnknown(bytes32 x, bytes32 y);
    /// @notice The coordinates are not a point of the SM2 curve.
    error KeyNotOnCurve(bytes32 x, bytes32 y);
    /// @notice A window ends after it begins.
    error WindowInvalid(uint64 from, uint64 until);
    /// @notice A revocation time is not 0, and only ever moves to an earlier time.
    error RevocationInvalid(uint64 present, uint64 revoked);
    /// @notice A rotation begins when it is executed or later, else it would disown what was signed since.
    error RotationInPast(uint64 begin);
    /// @notice A member revokes its own key at once, but not from so long ago without the others.
    error RevocationTooEarly(uint64 earliest, uint64 revoked);
    error NotKeyOwner(bytes18 owner, address account);
    error ThresholdInvalid(uint256 threshold, uint256 available);
    error LogUnknown(bytes32 logId);
    error LogExists(bytes32 logId);
    error LogInvalid(bytes32 logId);
    /// @notice Epochs of the person-tag key only grow.
    error EpochsInvalid(uint32 present, uint32 epochs);
    /// @notice One witness name stands for one member, and never for the log's operator.
    error WitnessInvalid(string name, bytes18 member);
    error ProposalNotOpen(uint256 proposalId);
    error ProposalExpired(uint256 proposalId, uint64 expires);
    error ProposalNotExpired(uint256 proposalId, uint64 expires);
    error ProposalInvalid();
    error AlreadyApproved(uint256 proposalId, bytes18 member);
    error BelowThreshold(uint256 approvals, uint256 threshold);
    error NotProposer(uint256 proposalId, address account);

    /// @notice Proposes changes, which counts as the proposer's approval, and executes them at once if that
    ///         is enough.
    /// @param calls ABI-encoded calls of this registry's change functions; all take effect or none.
    /// @param expires The time from which the proposal can no longer be approved or executed.
    function propose(bytes[] calldata calls, uint64 expires) external returns (uint256 proposalId);

    /// @notice Approves a proposal and executes it if that meets the threshold.
    function approve(uint256 proposalId) external;

    /// @notice Executes a proposal that has the approvals, for instance after the threshold was lowered.
    function execute(uint256 proposalId) external;

    /// @notice Withdraws one's own open proposal.
    function cancel(uint256 proposalId) external;

    /// @notice Closes a proposal whose time is over; anybody may. `proposal` says `Expired` even before.
    function expire(uint256 proposalId) external;

    /// @notice Revokes a key of the sender's own member at once, from a time at most 30 days ago.
    function revokeOwnKey(bytes32 x, bytes32 y, uint64 revoked) external;

    /// @notice The same for a key of a log that the sender's member operates, or witnesses with this key.
    function revokeOwnLogKey(bytes32 logId, bytes32 x, bytes32 y, uint64 revoked) external;

    // The change functions: each can be called only by an executed proposal.

    function addMember(bytes18 id, string calldata name, address[] calldata accounts, bytes32[] calldata roles)
        external;
    function setName(bytes18 id, string calldata name) external;
    function setActive(bytes18 id, bool active) external;
    function setRoles(bytes18 id, bytes32[] calldata roles) external;
    function addAccount(bytes18 id, address account) external;
    function removeAccount(address account) external;
    function addKey(bytes18 id, bytes32 x, bytes32 y, uint64 from, uint64 until) external;
    function setKeyUntil(bytes32 x, bytes32 y, uint64 until) external;
    /// @notice Says from when signatures by this key no longer count; it may lie in the past.
    function revokeKey(bytes32 x, bytes32 y, uint64 revoked) external;
    /// @notice Replaces a member's key: the new one counts from `begin`, the old one until then.
    function rotateKey(bytes32 x, bytes32 y, bytes32 newX, bytes32 newY, uint64 begin) external;
    function setThresholds(Thresholds calldata thresholds_) external;
    function setValidators(address[] calldata validators) external;
    /// @param logId SM3(origin); the chain has no SM3, so whoever reads a log checks it.
    function defineLog(
        bytes32 logId, string calldata origin, bytes18 operator, bytes32[] calldata indexes, uint32 epochs
    ) external;
    function setOperator(bytes32 logId, bytes18 operator) external;
    function setIndexes(bytes32 logId, bytes32[] calldata indexes) external;
    function setEpochs(bytes32 logId, uint32 epochs) external;
    /// @param role The role that this kind needs; zero goes back to the rule.
    function setKindRole(bytes32 logId, string calldata kind, bytes32 role) external;
    function addLogKey(bytes32 logId, bytes32 x, bytes32 y, uint64 from, uint64 until) external;
    /// @notice Ends the window of a log key or of a witness key of the log.
    function setLogKeyUntil(bytes32 logId, bytes32 x, bytes32 y, uint64 until) external;
    /// @notice Revokes a log key or a witness key of the log.
    function revokeLogKey(bytes32 logId, bytes32 x, bytes32 y, uint64 revoked) external;
    function addWitness(
        bytes32 logId, string calldata name, bytes18 memberId, bytes32 x, bytes32 y, uint64 from, uint64 until
    ) external;
    function setWitnessThreshold(bytes32 logId, uint32 threshold) external;

    /// @notice How many active members must approve a change, by its class.
    function thresholds() external view returns (Thresholds memory);
    function activeCount() external view returns (uint32);
    function memberIds() external view returns (bytes18[] memory);
    function member(bytes18 id) external view returns (Member memory);
    /// @notice The member an account acts for, zero if none, and whether that member is active.
    function memberOf(address account) external view returns (bytes18 id, bool active);
    function logIds() external view returns (bytes32[] memory);
    function log(bytes32 logId) external view returns (LogDefinition memory);
    /// @notice The member that operates a log; zero if the log is not defined.
    function operatorOf(bytes32 logId) external view returns (bytes18);
    /// @notice Whether the log's witness policy names the member by a key that is valid now.
    function isWitness(bytes32 logId, bytes18 id) external view returns (bool);
    /// @notice How many witnesses make a quorum; zero if the log has no witness policy.
    function witnessThreshold(bytes32 logId) external view returns (uint32);
    function validators() external view returns (address[] memory);
    function proposalCount() external view returns (uint256);
    /// @notice A proposal as it stands; an open one whose time is over is shown as `Expired`.
    function proposal(uint256 proposalId) external view returns (Proposal memory);
    /// @notice How many approvals count at present, and how many the proposal needs.
    function progress(uint256 proposalId) external view returns (uint256 approvals, uint256 needed);
    function historyLength() external view returns (uint256);
    /// @notice The hash over all records; before the first, SHA-256 of
    ///         `abi.encode("xinzheng/governance/v1", chain id, this registry)`.
    function historyHead() external view returns (bytes32);
    /// @notice In which block each record from `start` on was made.
    function historyBlocks(uint256 start, uint256 limit) external view returns (uint64[] memory);
}
