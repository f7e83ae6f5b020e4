// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {IConsortiumRegistry} from "./IConsortiumRegistry.sol";

/// @title SM2 keys and the windows in which their signatures count
library KeyWindows {
    // The SM2 curve of GB/T 32918.5: y^2 = x^3 - 3x + b over p.
    uint256 private constant P = 0xFFFFFFFEFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFF00000000FFFFFFFFFFFFFFFF;
    uint256 private constant B = 0x28E9FA9E9D9F5E344D5A9E4BCF6509A7F39789F515AB8F92DDBCBD414D940E93;

    /// @notice A key that was never revoked; refuses what is no point of the curve.
    function make(bytes32 x, bytes32 y, uint64 from, uint64 until)
        internal
        pure
        returns (IConsortiumRegistry.Key memory)
    {
        uint256 px = uint256(x);
        uint256 py = uint256(y);
        if (px >= P || py >= P) revert IConsortiumRegistry.KeyNotOnCurve(x, y);
        // x^3 - 3x + b = x (x^2 - 3) + b
        uint256 right = addmod(mulmod(px, addmod(mulmod(px, px, P), P - 3, P), P), B, P);
        if (mulmod(py, py, P) != right) revert IConsortiumRegistry.KeyNotOnCurve(x, y);
        if (until != 0 && until <= from) revert IConsortiumRegistry.WindowInvalid(from, until);
        return IConsortiumRegistry.Key(x, y, from, until, 0);
    }

    function find(IConsortiumRegistry.Key[] storage keys, bytes32 x, bytes32 y)
        internal
        view
        returns (IConsortiumRegistry.Key storage)
    {
        for (uint256 i = 0; i < keys.length; i++) {
            if (keys[i].x == x && keys[i].y == y) return keys[i];
        }
        revert IConsortiumRegistry.KeyUnknown(x, y);
    }

    function end(IConsortiumRegistry.Key storage key, uint64 until) internal {
        if (until != 0 && until <= key.from) revert IConsortiumRegistry.WindowInvalid(key.from, until);
        key.until = until;
    }

    /// @notice Revokes from a time on, which only ever moves to an earlier one.
    function revoke(IConsortiumRegistry.Key storage key, uint64 revoked) internal {
        if (revoked == 0 || (key.revoked != 0 && revoked >= key.revoked)) {
            revert IConsortiumRegistry.RevocationInvalid(key.revoked, revoked);
        }
        key.revoked = revoked;
    }

    function isValidNow(IConsortiumRegistry.Key storage key) internal view returns (bool) {
        return key.from <= block.timestamp && (key.until == 0 || block.timestamp < key.until)
            && (key.revoked == 0 || block.timestamp < key.revoked);
    }
}
