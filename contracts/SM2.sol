// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {ISM2} from "./ISM2.sol";
import {GX, GY, N, P, SM2Curve, THREE_HALVES} from "./SM2Curve.sol";

/// @title The table of a registered key, as the code of a contract that does nothing
/// @dev A STOP and then the 256 entries of the comb with eight teeth, 32 bits apart (see `SM2Curve.comb`).
contract SM2KeyTable {
    constructor(uint256 x, uint256 y) {
        bytes memory code = bytes.concat(hex"00", SM2Curve.comb(x, y, [0, 32, 64, 96, 128, 160, 192, 224]));
        assembly {
            return(add(code, 0x20), mload(code))
        }
    }
}

/// @dev What `SM2` keeps, in a place of its own because `SM2Deployment` writes to it first.
abstract contract SM2Storage {
    // keccak256(x, y) -> the key's table; that of the generator is there from the beginning
    mapping(bytes32 => address) internal _tables;

    function _keyId(uint256 x, uint256 y) internal pure returns (bytes32) {
        return keccak256(abi.encode(x, y));
    }
}

/// @title SM2 signature verification on a plain EVM
/// @notice Deployed by `SM2Deployment`, never directly.
/// @dev R = sG + tQ with t = r + s; the signature is good if x_R = r - e modulo n. Inside are points that are
///      written (X, Y, Z) for (X / Z^2, Y / Z^3), modulo p = `P`; p lies on the stack, for a constant would be
///      33 bytes of code each time. No inversion is needed: x_R is never computed, only compared.
contract SM2 is ISM2, SM2Storage {
    // Bytes of the generator's table at the end of this contract's code.
    uint256 private constant TABLE_SIZE = 256 * 64;
    // p - n: a remainder below it stands for two coordinates below p.
    uint256 private constant P_MINUS_N = P - N;
    // Of bits 32 apart TEETH takes eight. GATHER puts them side by side, times 64: of the bits of a product only
    // those whose places in both factors belong together come to lie in its highest 38.
    uint256 private constant TEETH = 0x0000000100000001000000010000000100000001000000010000000100000001;
    uint256 private constant GATHER = 0x0000000100000002000000040000000800000010000000200000004000000080;
    // The place of the generator's table.
    bytes32 private constant GENERATOR = keccak256(abi.encode(GX, GY));

    // Fixed places in memory: no Solidity code allocates any while they are used.
    uint256 private constant DIGITS = 0x80;
    uint256 private constant SCALE = 0xa0;
    uint256 private constant MINUS_SCALE_4 = 0xc0;
    uint256 private constant S = 0xe0;
    uint256 private constant FACTORS = 0x100;
    uint256 private constant MULTIPLES = 0x300;

    /// @dev What the code would lack is its table.
    constructor() {
        revert("deploy SM2Deployment");
    }

    /// @inheritdoc ISM2
    function verify(bytes32 x, bytes32 y, bytes32 digest, bytes32 r, bytes32 s) external view returns (bool) {
        uint256 t = _scalar(uint256(r), uint256(s));
        if (t == 0 || !SM2Curve.isOnCurve(uint256(x), uint256(y))) return false;
        (uint256 X, uint256 ZZ) = _sum(uint256(x), uint256(y), uint256(s), t);
        // Once Z is zero it stays so, and X tells nothing: two equal or opposite points met, as they do for
        // keys that are small multiples of G. ZZ = 0 must never reach the comparison.
        if (ZZ == 0) (X, ZZ) = _completeSum(uint256(x), uint256(y), uint256(s), t);
        return ZZ != 0 && _hasX(X, ZZ, digest, uint256(r));
    }

    /// @inheritdoc ISM2
    function verifyRegistered(bytes32 x, bytes32 y, bytes32 digest, bytes32 r, bytes32 s)
        external
        view
        returns (bool)
    {
        address table = _tables[_keyId(uint256(x), uint256(y))];
        if (table == address(0)) revert KeyNotRegistered(x, y);
        uint256 t = _scalar(uint256(r), uint256(s));
        if (t == 0) return false;
        (uint256 X, uint256 ZZ) = _combSum(_tables[GENERATOR], table, uint256(s), t);
        ZZ = mulmod(ZZ, ZZ, P);
        if (ZZ == 0) (X, ZZ) = _completeSum(uint256(x), uint256(y), uint256(s), t);
        return ZZ != 0 && _hasX(X, ZZ, digest, uint256(r));
    }

    /// @inheritdoc ISM2
    function register(bytes32 x, bytes32 y) external returns (address table) {
        if (!SM2Curve.isOnCurve(uint256(x), uint256(y))) revert KeyNotOnCurve(x, y);
        bytes32 id = _keyId(uint256(x), uint256(y));
        if (_tables[id] != address(0)) revert KeyAlreadyRegistered(x, y);
        table = address(new SM2KeyTable(uint256(x), uint256(y)));
        _tables[id] = table;
        emit KeyRegistered(x, y, table);
    }

    /// @inheritdoc ISM2
    function tableOf(bytes32 x, bytes32 y) external view returns (address) {
        return _tables[_keyId(uint256(x), uint256(y))];
    }

    /// @dev t = r + s mod n, or 0 if r or s is out of range or t is 0.
    function _scalar(uint256 r, uint256 s) private pure returns (uint256) {
        if (r == 0 || r >= N || s == 0 || s >= N) return 0;
        return addmod(r, s, N);
    }

    /// @dev Whether X / ZZ is a coordinate below p that is r - e modulo n. ZZ is not 0.
    function _hasX(uint256 X, uint256 ZZ, bytes32 digest, uint256 r) private pure returns (bool) {
        unchecked {
            uint256 c = addmod(r, N - uint256(digest) % N, N);
            return mulmod(c, ZZ, P) == X || (c < P_MINUS_N && mulmod(c + N, ZZ, P) == X);
        }
    }

    /// @dev X and Z^2 of sG + tQ, bit by bit and without exceptions. Z^2 is 0 if the sum is infinity.
    function _completeSum(uint256 x, uint256 y, uint256 s, uint256 t) private pure returns (uint256, uint256) {
        uint256 X = 1;
        uint256 Y = 1;
        uint256 Z = 0;
        for (uint256 i = 256; i > 0; i--) {
            (X, Y, Z) = SM2Curve.double(X, Y, Z);
            if ((s >> (i - 1)) & 1 == 1) (X, Y, Z) = SM2Curve.add(X, Y, Z, GX, GY);
            if ((t >> (i - 1)) & 1 == 1) (X, Y, Z) = SM2Curve.add(X, Y, Z, x, y);
        }
        return (X, mulmod(Z, Z, P));
    }

    /// @dev X and Z^2 of sG + tQ for a point Q of the curve and 0 < s, t < n; Z^2 is 0 if the sum is infinity or
    ///      if two points met that its additions are not made for.
    ///
    ///      From the highest bits down, four doublings and one addition a digit of t, and on the last 128 bits
    ///      one addition for two digits of s, from the table of (low + high 2^128) G in this contract's code.
    function _sum(uint256 x, uint256 y, uint256 s, uint256 t) private view returns (uint256 X, uint256 ZZ) {
        _storeMultiples(x, y, t);
        assembly {
            // Not a constant to the optimiser, so that it stays on the stack.
            let p := add(P, iszero(gas()))
            mstore(S, s)
            // The first digit's multiple, as it stands: its coordinates are stored negated.
            let Y := add(MULTIPLES, shl(6, shr(252, mload(DIGITS))))
            X := sub(p, mload(Y))
            Y := sub(p, mload(add(Y, 0x20)))
            let Z := 1
            for { let i := 248 } 1 { i := sub(i, 4) } {
                // W = -Z^4 for doublings by M = (3/2) (X^2 + W), Z' = Y Z, X' = M^2 - 2 X Y^2,
                // -Y' = M (X' - X Y^2) + Y^4, W' = W Y^4. The sign of Y is changed four times.
                let W := mulmod(Z, Z, p)
                W := mulmod(mulmod(W, W, p), mload(MINUS_SCALE_4), p)
                {
                    let T := sub(p, mulmod(Y, Y, p))
                    let V := mulmod(X, T, p)
                    let M := mulmod(addmod(mulmod(X, X, p), W, p), THREE_HALVES, p)
                    Z := mulmod(Y, Z, p)
                    X := addmod(mulmod(M, M, p), addmod(V, V, p), p)
                    T := mulmod(T, T, p)
                    Y := addmod(mulmod(M, addmod(V, X, p), p), T, p)
                    W := mulmod(W, T, p)
                }
                {
                    let T := sub(p, mulmod(Y, Y, p))
                    let V := mulmod(X, T, p)
                    let M := mulmod(addmod(mulmod(X, X, p), W, p), THREE_HALVES, p)
                    Z := mulmod(Y, Z, p)
                    X := addmod(mulmod(M, M, p), addmod(V, V, p), p)
                    T := mulmod(T, T, p)
                    Y := addmod(mulmod(M, addmod(V, X, p), p), T, p)
                    W := mulmod(W, T, p)
                }
                {
                    let T := sub(p, mulmod(Y, Y, p))
                    let V := mulmod(X, T, p)
                    let M := mulmod(addmod(mulmod(X, X, p), W, p), THREE_HALVES, p)
                    Z := mulmod(Y, Z, p)
                    X := addmod(mulmod(M, M, p), addmod(V, V, p), p)
                    T := mulmod(T, T, p)
                    Y := addmod(mulmod(M, addmod(V, X, p), p), T, p)
                    W := mulmod(W, T, p)
                }
                {
                    let T := sub(p, mulmod(Y, Y, p))
                    let V := mulmod(X, T, p)
                    let M := mulmod(addmod(mulmod(X, X, p), W, p), THREE_HALVES, p)
                    Z := mulmod(Y, Z, p)
                    X := addmod(mulmod(M, M, p), addmod(V, V, p), p)
                    Y := addmod(mulmod(M, addmod(V, X, p), p), mulmod(T, T, p), p)
                }
                // Addition of (x, y) given -x and -y: H and R are negated too.
                let o := and(shl(6, shr(i, mload(DIGITS))), 0x3c0)
                {
                    let zz := mulmod(Z, Z, p)
                    let H := addmod(mulmod(mload(add(MULTIPLES, o)), zz, p), X, p)
                    let R := addmod(mulmod(mload(add(add(MULTIPLES, 0x20), o)), mulmod(zz, Z, p), p), Y, p)
                    Z := mulmod(Z, sub(p, H), p)
                    let V := mulmod(H, H, p)
                    H := mulmod(H, V, p)
                    V := mulmod(X, sub(p, V), p)
                    X := addmod(addmod(mulmod(R, R, p), H, p), addmod(V, V, p), p)
                    Y := addmod(mulmod(R, addmod(X, V, p), p), mulmod(Y, H, p), p)
                }
                if lt(i, 128) {
                    o := shr(i, mload(S))
                    o := or(and(shl(6, o), 0x3c0), and(shr(118, o), 0x3c00))
                    if o {
                        codecopy(0, add(sub(codesize(), TABLE_SIZE), o), 0x40)
                        // The generator's multiples are affine and all else has Z in units of the scale.
                        let z := mulmod(Z, mload(SCALE), p)
                        let zz := mulmod(z, z, p)
                        let H := addmod(mulmod(mload(0), zz, p), X, p)
                        let R := addmod(mulmod(mload(0x20), mulmod(zz, z, p), p), Y, p)
                        Z := mulmod(Z, sub(p, H), p)
                        let V := mulmod(H, H, p)
                        H := mulmod(H, V, p)
                        V := mulmod(X, sub(p, V), p)
                        X := addmod(addmod(mulmod(R, R, p), H, p), addmod(V, V, p), p)
                        Y := addmod(mulmod(R, addmod(X, V, p), p), mulmod(Y, H, p), p)
                    }
                    if iszero(i) { break }
                }
            }
            ZZ := mulmod(Z, mload(SCALE), p)
            ZZ := mulmod(ZZ, ZZ, p)
        }
    }

    /// @dev Prepares tQ: stores the digits of t, the 16 multiples of Q that digits stand for, and their common Z,
    ///      the scale.
    ///
    ///      For even t it is (n - t)(-Q), so that t is odd. Then t is the sum of (2 v - 15) 16^i where v are the
    ///      64 digits of (t >> 1) + 2^255, and no digit stands for zero.
    ///
    ///      Q, 3Q, ... 15Q come from one doubling and seven additions of 2Q to a point with the same Z: such an
    ///      addition gives the sum and 2Q with the new Z, which is the old one times the difference of the x.
    ///      Going back, what is missing from the first to the last Z is multiplied up. All x and y are stored
    ///      negated, and -15Q to -Q before them.
    function _storeMultiples(uint256 x, uint256 y, uint256 t) private pure {
        assembly {
            let p := P
            if iszero(and(t, 1)) {
                t := sub(N, t)
                y := sub(p, y)
            }
            mstore(DIGITS, or(shr(1, t), shl(255, 1)))
            // (X1, Y1) is Q and (X2, Y2) is 2Q, both with Z = y.
            let X1 := mulmod(y, y, p)
            let Y1 := mulmod(X1, X1, p)
            X1 := mulmod(x, X1, p)
            let M := mulmod(addmod(mulmod(x, x, p), sub(p, 1), p), THREE_HALVES, p)
            let X2 := addmod(mulmod(M, M, p), sub(p, addmod(X1, X1, p)), p)
            let Y2 := addmod(mulmod(M, addmod(X1, sub(p, X2), p), p), sub(p, Y1), p)
            let scale := y
            mstore(add(MULTIPLES, 0x200), X1)
            mstore(add(MULTIPLES, 0x220), Y1)
            for { let i := 0 } lt(i, 0x1c0) { i := add(i, 0x40) } {
                let d := addmod(X2, sub(p, X1), p)
                mstore(add(FACTORS, i), d)
                scale := mulmod(scale, d, p)
                let R := addmod(Y2, sub(p, Y1), p)
                d := mulmod(d, d, p)
                X1 := mulmod(X1, d, p)
                X2 := mulmod(X2, d, p)
                Y2 := mulmod(Y2, addmod(X2, sub(p, X1), p), p)
                X1 := addmod(mulmod(R, R, p), sub(p, addmod(X1, X2, p)), p)
                Y1 := addmod(mulmod(R, addmod(X2, sub(p, X1), p), p), sub(p, Y2), p)
                let entry := add(add(MULTIPLES, 0x240), i)
                mstore(entry, X1)
                mstore(add(entry, 0x20), Y1)
            }
            mstore(SCALE, scale)
            scale := mulmod(scale, scale, p)
            mstore(MINUS_SCALE_4, sub(p, mulmod(scale, scale, p)))
            let f := 1
            for { let i := 0x1c0 } 1 {} {
                let entry := add(add(MULTIPLES, 0x200), i)
                let opposite := sub(add(MULTIPLES, 0x1c0), i)
                let ff := mulmod(f, f, p)
                X1 := sub(p, mulmod(mload(entry), ff, p))
                Y1 := mulmod(mload(add(entry, 0x20)), mulmod(ff, f, p), p)
                mstore(entry, X1)
                mstore(add(entry, 0x20), sub(p, Y1))
                mstore(opposite, X1)
                mstore(add(opposite, 0x20), Y1)
                if iszero(i) { break }
                i := sub(i, 0x40)
                f := mulmod(f, mload(add(FACTORS, i)), p)
            }
        }
    }

    /// @dev X and Z of sG + tQ from the tables of G and Q, whose eight teeth are 32 bits apart: 32 times a
    ///      doubling and an addition from either table. Z is 0 as Z^2 in `_sum`.
    function _combSum(address tableG, address tableQ, uint256 s, uint256 t)
        private
        view
        returns (uint256 X, uint256 Z)
    {
        assembly {
            let p := add(P, iszero(gas()))
            mstore(0x80, s)
            mstore(0xa0, tableG)
            mstore(0xc0, t)
            mstore(0xe0, tableQ)
            // 0 while nothing was added yet, which Z = 0 alone does not tell.
            mstore(0x100, 0)
            let Y := 0
            for { let i := 31 } 1 { i := sub(i, 1) } {
                if mload(0x100) {
                    let zz := mulmod(Z, Z, p)
                    let T := mulmod(Y, Y, p)
                    let V := mulmod(X, T, p)
                    let M := mulmod(addmod(X, sub(p, zz), p), addmod(X, zz, p), p)
                    M := mulmod(M, THREE_HALVES, p)
                    Z := mulmod(Y, Z, p)
                    X := addmod(mulmod(M, M, p), sub(p, addmod(V, V, p)), p)
                    Y := addmod(mulmod(M, addmod(V, sub(p, X), p), p), sub(p, mulmod(T, T, p)), p)
                }
                // The generator's multiple for the bits i, i + 32, ... i + 224 of s
                {
                    let o := shr(218, mul(and(shr(i, mload(0x80)), TEETH), GATHER))
                    if o {
                        extcodecopy(mload(0xa0), 0, add(o, 1), 0x40)
                        switch mload(0x100)
                        case 0 {
                            X := sub(p, mload(0))
                            Y := sub(p, mload(0x20))
                            Z := 1
                            mstore(0x100, 1)
                        }
                        default {
                            let zz := mulmod(Z, Z, p)
                            let H := addmod(mulmod(mload(0), zz, p), X, p)
                            let R := addmod(mulmod(mload(0x20), mulmod(zz, Z, p), p), Y, p)
                            Z := mulmod(Z, sub(p, H), p)
                            let V := mulmod(H, H, p)
                            H := mulmod(H, V, p)
                            V := mulmod(X, sub(p, V), p)
                            X := addmod(addmod(mulmod(R, R, p), H, p), addmod(V, V, p), p)
                            Y := addmod(mulmod(R, addmod(X, V, p), p), mulmod(Y, H, p), p)
                        }
                    }
                }
                // Q's multiple for the same bits of t
                {
                    let o := shr(218, mul(and(shr(i, mload(0xc0)), TEETH), GATHER))
                    if o {
                        extcodecopy(mload(0xe0), 0, add(o, 1), 0x40)
                        switch mload(0x100)
                        case 0 {
                            X := sub(p, mload(0))
                            Y := sub(p, mload(0x20))
                            Z := 1
                            mstore(0x100, 1)
                        }
                        default {
                            let zz := mulmod(Z, Z, p)
                            let H := addmod(mulmod(mload(0), zz, p), X, p)
                            let R := addmod(mulmod(mload(0x20), mulmod(zz, Z, p), p), Y, p)
                            Z := mulmod(Z, sub(p, H), p)
                            let V := mulmod(H, H, p)
                            H := mulmod(H, V, p)
                            V := mulmod(X, sub(p, V), p)
                            X := addmod(addmod(mulmod(R, R, p), H, p), addmod(V, V, p), p)
                            Y := addmod(mulmod(R, addmod(X, V, p), p), mulmod(Y, H, p), p)
                        }
                    }
                }
                if iszero(i) { break }
            }
        }
    }
}

/// @title What deploys `SM2`: its code and behind it the generator's table, which is computed here
/// @dev The table of (low + high 2^128) G serves `verify`, a key table of G as any other serves
///      `verifyRegistered`.
contract SM2Deployment is SM2Storage {
    constructor() {
        _tables[_keyId(GX, GY)] = address(new SM2KeyTable(GX, GY));
        bytes memory code =
            bytes.concat(type(SM2).runtimeCode, SM2Curve.comb(GX, GY, [0, 1, 2, 3, 128, 129, 130, 131]));
        assembly {
            return(add(code, 0x20), mload(code))
        }
    }
}
