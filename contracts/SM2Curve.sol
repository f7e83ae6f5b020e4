// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

// The curve of GB/T 32918.5-2017: y^2 = x^3 - 3x + B over the field of P, with a prime number N of points.
uint256 constant P = 0xFFFFFFFEFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFF00000000FFFFFFFFFFFFFFFF;
uint256 constant N = 0xFFFFFFFEFFFFFFFFFFFFFFFFFFFFFFFF7203DF6B21C6052B53BBF40939D54123;
uint256 constant B = 0x28E9FA9E9D9F5E344D5A9E4BCF6509A7F39789F515AB8F92DDBCBD414D940E93;
uint256 constant GX = 0x32C4AE2C1F1981195F9904466A39C9948FE30BBFF2660BE1715A4589334C74C7;
uint256 constant GY = 0xBC3736A2F4F6779C59BDCEE36B692153D0A9877CC62A474002DF32E52139F0A0;
// 3/2 mod P
uint256 constant THREE_HALVES = 0x7FFFFFFF7FFFFFFFFFFFFFFFFFFFFFFFFFFFFFFF800000008000000000000001;

/// @title Points of the SM2 curve, for every input
/// @dev Jacobian coordinates: (X, Y, Z) is the point (X / Z^2, Y / Z^3), and Z = 0 the point at infinity. These
///      functions have no exceptions, which costs them some gas; what runs often in `SM2` is written out there. Nothing here can overflow: every difference
///      is P less something below P.
library SM2Curve {
    /// @notice Whether (x, y) is a point of the curve with coordinates below P.
    function isOnCurve(uint256 x, uint256 y) internal pure returns (bool) {
        if (x >= P || y >= P) return false;
        // x^3 - 3x + B = x (x^2 - 3) + B
        return mulmod(y, y, P) == addmod(mulmod(x, addmod(mulmod(x, x, P), P - 3, P), P), B, P);
    }

    /// @notice Twice a point.
    function double(uint256 X, uint256 Y, uint256 Z) internal pure returns (uint256, uint256, uint256) {
        unchecked {
            if (Z == 0) return (1, 1, 0);
            uint256 ZZ = mulmod(Z, Z, P);
            uint256 T = mulmod(Y, Y, P);
            uint256 S = mulmod(X, T, P);
            // (3/2) (X^2 - Z^4); the half makes Z' = Y Z, and there is no point with Y = 0.
            uint256 M = mulmod(mulmod(addmod(X, P - ZZ, P), addmod(X, ZZ, P), P), THREE_HALVES, P);
            uint256 X2 = addmod(mulmod(M, M, P), P - addmod(S, S, P), P);
            uint256 Y2 = addmod(mulmod(M, addmod(S, P - X2, P), P), P - mulmod(T, T, P), P);
            return (X2, Y2, mulmod(Y, Z, P));
        }
    }

    /// @notice The sum of a point and an affine point (x, y).
    function add(uint256 X, uint256 Y, uint256 Z, uint256 x, uint256 y)
        internal
        pure
        returns (uint256, uint256, uint256)
    {
        unchecked {
            if (Z == 0) return (x, y, 1);
            uint256 ZZ = mulmod(Z, Z, P);
            uint256 H = addmod(mulmod(x, ZZ, P), P - X, P);
            uint256 R = addmod(mulmod(y, mulmod(ZZ, Z, P), P), P - Y, P);
            if (H == 0) {
                if (R == 0) return double(X, Y, Z);
                return (1, 1, 0);
            }
            ZZ = mulmod(H, H, P);
            uint256 V = mulmod(X, ZZ, P);
            ZZ = mulmod(ZZ, H, P);
            Z = mulmod(Z, H, P);
            X = addmod(mulmod(R, R, P), P - addmod(ZZ, addmod(V, V, P), P), P);
            Y = addmod(mulmod(R, addmod(V, P - X, P), P), P - mulmod(Y, ZZ, P), P);
            return (X, Y, Z);
        }
    }

    /// @notice 1 / a mod P by Fermat's theorem; 0 for 0.
    function inverse(uint256 a) internal pure returns (uint256 result) {
        unchecked {
            result = 1;
            for (uint256 i = 256; i > 0; i--) {
                result = mulmod(result, result, P);
                if (((P - 2) >> (i - 1)) & 1 == 1) result = mulmod(result, a, P);
            }
        }
    }

    /// @notice The table of the 256 sums of eight multiples of a point on the curve: entry i is the sum of
    ///         2^(exponents[j]) (x, y) over the bits j that are set in i.
    /// @return table 64 bytes an entry, -x and -y of the affine point; entry 0, the point at infinity, is zeros.
    function comb(uint256 x, uint256 y, uint8[8] memory exponents) internal pure returns (bytes memory table) {
        unchecked {
            uint256[3][256] memory points;
            uint256 Z = 1;
            uint256 exponent = 0;
            for (uint256 j = 0; j < 8; j++) {
                for (; exponent < exponents[j]; exponent++) {
                    (x, y, Z) = double(x, y, Z);
                }
                (x, y) = _affine(x, y, inverse(Z));
                Z = 1;
                for (uint256 i = 0; i < 1 << j; i++) {
                    _storeSum(points[i], x, y, points[(1 << j) + i]);
                }
            }
            return _normalized(points);
        }
    }

    function _storeSum(uint256[3] memory point, uint256 x, uint256 y, uint256[3] memory sum) private pure {
        (sum[0], sum[1], sum[2]) = add(point[0], point[1], point[2], x, y);
    }

    /// @dev One inversion for all: products[i] is the product of the first i coordinates Z.
    function _normalized(uint256[3][256] memory points) private pure returns (bytes memory table) {
        unchecked {
            uint256[257] memory products;
            products[1] = 1;
            for (uint256 i = 1; i < 256; i++) {
                products[i + 1] = mulmod(products[i], points[i][2], P);
            }
            uint256 inverted = inverse(products[256]);
            table = new bytes(256 * 64);
            for (uint256 i = 255; i > 0; i--) {
                (uint256 x, uint256 y) = _affine(points[i][0], points[i][1], mulmod(inverted, products[i], P));
                inverted = mulmod(inverted, points[i][2], P);
                assembly ("memory-safe") {
                    let entry := add(add(table, 0x20), shl(6, i))
                    mstore(entry, sub(P, x))
                    mstore(add(entry, 0x20), sub(P, y))
                }
            }
        }
    }

    function _affine(uint256 X, uint256 Y, uint256 inverted) private pure returns (uint256, uint256) {
        uint256 square = mulmod(inverted, inverted, P);
        return (mulmod(X, square, P), mulmod(Y, mulmod(square, inverted, P), P));
    }
}
