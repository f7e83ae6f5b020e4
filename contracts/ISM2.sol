// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

/// @title SM2 signature verification of GB/T 32918.2-2016
/// @notice Says whether (r, s) is a signature over a digest by a key. The digest e = SM3(Z || message) binds the
///         signer's identity and key (see `SM2Message`); this contract takes it as it is given.
/// @dev False and not an error for whatever is no valid signature: a point that is not on the curve or has a
///      coordinate of p or more, r or s that is 0 or not below n, r + s = n. Gas of an execution is about 115,000
///      for any key and 57,000 for a registered one. By chance it is never more, but whoever knows a private key
///      can make a signature, or a key for a signature, on whose way equal points meet: that costs up to 900,000.
interface ISM2 {
    event KeyRegistered(bytes32 indexed x, bytes32 indexed y, address table);

    error KeyNotOnCurve(bytes32 x, bytes32 y);
    error KeyNotRegistered(bytes32 x, bytes32 y);
    error KeyAlreadyRegistered(bytes32 x, bytes32 y);

    /// @notice Whether (r, s) is a signature over `digest` by the key (x, y).
    function verify(bytes32 x, bytes32 y, bytes32 digest, bytes32 r, bytes32 s) external view returns (bool);

    /// @notice The same with the table of a registered key, for half the gas. Reverts for a key that is not
    ///         registered.
    function verifyRegistered(bytes32 x, bytes32 y, bytes32 digest, bytes32 r, bytes32 s)
        external
        view
        returns (bool);

    /// @notice Computes the table of a key and keeps it as a contract's code, for about four million gas.
    ///         Anybody may: a table says nothing about whose key it is, and cannot be wrong.
    function register(bytes32 x, bytes32 y) external returns (address table);

    /// @notice Where the table of a key is; zero if it is not registered.
    function tableOf(bytes32 x, bytes32 y) external view returns (address);
}
