// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

/// @title The SM3 hash of GB/T 32905-2016
/// @notice About 20,000 gas for each block of 64 bytes; a message of n bytes has n / 64 + 1 blocks rounded down,
///         and one more where n mod 64 is above 55.
/// @dev How the compression function gets by with so little:
///      - A 32-bit word x whose rotations are needed is kept as x (2^32 + 1), its two copies side by side, so that
///        a rotation by k to the left is one shift by 32 - k to the right. Only the low 32 bits of a word count;
///        what a shift leaves above them is masked away before the next multiplication, and not earlier.
///      - The message schedule is a row of 8-byte lanes in memory, each word doubled as above. `mload` reads four
///        lanes at any offset, and W[j] depends on W[j-3], so that three new words are made at a time.
///      - The round constants rotated by their round's number are a second row of lanes.
///      - Registers are renamed instead of moved, which comes full circle after four rounds.
library SM3 {
    /// @notice SM3 of a message.
    function hash(bytes memory message) internal pure returns (bytes32) {
        return resume(0x7380166f4914b2b9172442d7da8a0600a96f30bc163138aae38dee4db0fb0e4e, 0, message);
    }

    /// @notice SM3 of a message whose beginning is hashed already.
    /// @param state The state after `done` bytes, which are whole blocks; for 0 bytes the initial state.
    /// @param rest The message from there on.
    function resume(bytes32 state, uint256 done, bytes memory rest) internal pure returns (bytes32) {
        uint256 v = uint256(state);
        uint256 scratch;
        uint256 tail;
        uint256 source;
        uint256 left = rest.length;
        // The scratch space lies beyond the free memory pointer, and nothing of it is kept.
        assembly ("memory-safe") {
            scratch := mload(0x40)
            tail := add(scratch, 1088)
            source := add(rest, 0x20)
        }
        _storeConstants(scratch);
        unchecked {
            for (; left >= 64; left -= 64) {
                v = _compress(v, source, scratch);
                source += 64;
            }
            uint256 bits = (done + rest.length) << 3;
            assembly ("memory-safe") {
                // What is left, one bit, zeros, and in the last eight bytes of a block the length in bits.
                mstore(tail, mload(source))
                mstore(add(tail, 0x20), mload(add(source, 0x20)))
                mstore(add(tail, left), shl(255, 1))
                mstore(add(tail, add(left, 0x20)), 0)
                mstore(add(tail, add(left, 0x40)), 0)
                mstore(add(tail, add(left, 0x60)), 0)
            }
            if (left > 55) {
                v = _compress(v, tail, scratch);
                tail += 64;
            }
            assembly ("memory-safe") {
                mstore(add(tail, 0x20), or(mload(add(tail, 0x20)), bits))
            }
        }
        return bytes32(_compress(v, tail, scratch));
    }

    /// @dev Stores the 64 round constants, T[j] rotated to the left by j, as lanes 576 bytes above `w`.
    function _storeConstants(uint256 w) private pure {
        assembly ("memory-safe") {
            mstore(add(w, 576), 0x0000000079cc451900000000f3988a3200000000e731146500000000ce6228cb)
            mstore(add(w, 608), 0x000000009cc45197000000003988a32f000000007311465e00000000e6228cbc)
            mstore(add(w, 640), 0x00000000cc45197900000000988a32f300000000311465e7000000006228cbce)
            mstore(add(w, 672), 0x00000000c451979c0000000088a32f390000000011465e7300000000228cbce6)
            mstore(add(w, 704), 0x000000009d8a7a87000000003b14f50f000000007629ea1e00000000ec53d43c)
            mstore(add(w, 736), 0x00000000d8a7a87900000000b14f50f300000000629ea1e700000000c53d43ce)
            mstore(add(w, 768), 0x000000008a7a879d0000000014f50f3b0000000029ea1e760000000053d43cec)
            mstore(add(w, 800), 0x00000000a7a879d8000000004f50f3b1000000009ea1e762000000003d43cec5)
            mstore(add(w, 832), 0x000000007a879d8a00000000f50f3b1400000000ea1e762900000000d43cec53)
            mstore(add(w, 864), 0x00000000a879d8a70000000050f3b14f00000000a1e7629e0000000043cec53d)
            mstore(add(w, 896), 0x00000000879d8a7a000000000f3b14f5000000001e7629ea000000003cec53d4)
            mstore(add(w, 928), 0x0000000079d8a7a800000000f3b14f5000000000e7629ea100000000cec53d43)
            mstore(add(w, 960), 0x000000009d8a7a87000000003b14f50f000000007629ea1e00000000ec53d43c)
            mstore(add(w, 992), 0x00000000d8a7a87900000000b14f50f300000000629ea1e700000000c53d43ce)
            mstore(add(w, 1024), 0x000000008a7a879d0000000014f50f3b0000000029ea1e760000000053d43cec)
            mstore(add(w, 1056), 0x00000000a7a879d8000000004f50f3b1000000009ea1e762000000003d43cec5)
        }
    }

    /// @dev The compression function: the state after the block of 64 bytes that lies in memory at `data`.
    ///      Scratch space at `w`: the message schedule (68 lanes) and from 576 bytes on the round constants.
    function _compress(uint256 v, uint256 data, uint256 w) private pure returns (uint256 next) {
        assembly ("memory-safe") {
            // Four words of the message as four lanes, each word doubled.
            function spread(x) -> y {
                y := and(or(x, shl(64, x)), 0x0000000000000000ffffffffffffffff0000000000000000ffffffffffffffff)
                y := and(or(y, shl(32, y)), 0x00000000ffffffff00000000ffffffff00000000ffffffff00000000ffffffff)
                y := mul(y, 0x100000001)
            }
            let lanes := 0x00000000ffffffff00000000ffffffff00000000ffffffff00000000ffffffff
            mstore(w, spread(shr(128, mload(data))))
            mstore(add(w, 32), spread(and(mload(data), 0xffffffffffffffffffffffffffffffff)))
            mstore(add(w, 64), spread(shr(128, mload(add(data, 32)))))
            mstore(add(w, 96), spread(and(mload(add(data, 32)), 0xffffffffffffffffffffffffffffffff)))
            // W[j] = P1(W[j-16] ^ W[j-9] ^ (W[j-3] <<< 15)) ^ (W[j-13] <<< 7) ^ W[j-6], with P1(u) =
            // u ^ (u <<< 15) ^ (u <<< 23), for j, j + 1 and j + 2; the fourth lane is written over by the next.
            let p := w
            let end := add(w, 432)
            for {} lt(p, end) { p := add(p, 72) } {
                let u
                let uu
                u := xor(xor(mload(p), mload(add(p, 56))), shr(17, mload(add(p, 104))))
                uu := mul(and(u, lanes), 0x100000001)
                u := xor(xor(u, shr(17, uu)), shr(9, uu))
                u := xor(u, xor(shr(25, mload(add(p, 24))), mload(add(p, 80))))
                mstore(add(p, 128), mul(and(u, lanes), 0x100000001))

                u := xor(xor(mload(add(p, 24)), mload(add(p, 80))), shr(17, mload(add(p, 128))))
                uu := mul(and(u, lanes), 0x100000001)
                u := xor(xor(u, shr(17, uu)), shr(9, uu))
                u := xor(u, xor(shr(25, mload(add(p, 48))), mload(add(p, 104))))
                mstore(add(p, 152), mul(and(u, lanes), 0x100000001))

                u := xor(xor(mload(add(p, 48)), mload(add(p, 104))), shr(17, mload(add(p, 152))))
                uu := mul(and(u, lanes), 0x100000001)
                u := xor(xor(u, shr(17, uu)), shr(9, uu))
                u := xor(u, xor(shr(25, mload(add(p, 72))), mload(add(p, 128))))
                mstore(add(p, 176), mul(and(u, lanes), 0x100000001))
            }

            let a := mul(shr(224, v), 0x100000001)
            let b := mul(and(shr(192, v), 0xffffffff), 0x100000001)
            let c := shr(160, v)
            let d := shr(128, v)
            let e := mul(and(shr(96, v), 0xffffffff), 0x100000001)
            let f := mul(and(shr(64, v), 0xffffffff), 0x100000001)
            let g := shr(32, v)
            let h := v
            // Four rounds a time. The lanes of q hold W[j] in their upper and W[j] ^ W[j+4] in their lower half.
            // The lane that a word read from memory ends with begins 24 bytes after it: with p for 24 bytes
            // before W[j], the round constant is the end of the word at p + 576.
            // In each round t = A <<< 12 and s = SS1; then d becomes the new A and h the new E.
            p := sub(w, 24)
            end := add(w, 104)
            for {} lt(p, end) { p := add(p, 32) } {
                // Rounds 0 to 15: FF = A ^ B ^ C, GG = E ^ F ^ G
                let q := xor(mload(add(p, 24)), and(mload(add(p, 56)), lanes))
                let t
                let s
                t := shr(20, a)
                s := shr(25, mul(and(add(add(t, e), mload(add(p, 576))), 0xffffffff), 0x100000001))
                d := add(add(d, shr(192, q)), add(xor(s, t), xor(xor(a, b), c)))
                d := mul(and(d, 0xffffffff), 0x100000001)
                t := add(add(h, shr(224, q)), add(s, xor(xor(e, f), g)))
                t := mul(and(t, 0xffffffff), 0x10000000100000001)
                h := xor(t, xor(shr(23, t), shr(15, t)))
                b := shr(23, b)
                f := shr(13, f)

                t := shr(20, d)
                s := shr(25, mul(and(add(add(t, h), mload(add(p, 584))), 0xffffffff), 0x100000001))
                c := add(add(c, shr(128, q)), add(xor(s, t), xor(xor(d, a), b)))
                c := mul(and(c, 0xffffffff), 0x100000001)
                t := add(add(g, shr(160, q)), add(s, xor(xor(h, e), f)))
                t := mul(and(t, 0xffffffff), 0x10000000100000001)
                g := xor(t, xor(shr(23, t), shr(15, t)))
                a := shr(23, a)
                e := shr(13, e)

                t := shr(20, c)
                s := shr(25, mul(and(add(add(t, g), mload(add(p, 592))), 0xffffffff), 0x100000001))
                b := add(add(b, shr(64, q)), add(xor(s, t), xor(xor(c, d), a)))
                b := mul(and(b, 0xffffffff), 0x100000001)
                t := add(add(f, shr(96, q)), add(s, xor(xor(g, h), e)))
                t := mul(and(t, 0xffffffff), 0x10000000100000001)
                f := xor(t, xor(shr(23, t), shr(15, t)))
                d := shr(23, d)
                h := shr(13, h)

                t := shr(20, b)
                s := shr(25, mul(and(add(add(t, f), mload(add(p, 600))), 0xffffffff), 0x100000001))
                a := add(add(a, q), add(xor(s, t), xor(xor(b, c), d)))
                a := mul(and(a, 0xffffffff), 0x100000001)
                t := add(add(e, shr(32, q)), add(s, xor(xor(f, g), h)))
                t := mul(and(t, 0xffffffff), 0x10000000100000001)
                e := xor(t, xor(shr(23, t), shr(15, t)))
                c := shr(23, c)
                g := shr(13, g)
            }
            end := add(w, 488)
            for {} lt(p, end) { p := add(p, 32) } {
                // Rounds 16 to 63: FF = majority of A, B and C, GG = E ? F : G
                let q := xor(mload(add(p, 24)), and(mload(add(p, 56)), lanes))
                let t
                let s
                t := shr(20, a)
                s := shr(25, mul(and(add(add(t, e), mload(add(p, 576))), 0xffffffff), 0x100000001))
                d := add(add(d, shr(192, q)), add(xor(s, t), xor(c, and(xor(a, c), xor(b, c)))))
                d := mul(and(d, 0xffffffff), 0x100000001)
                t := add(add(h, shr(224, q)), add(s, xor(g, and(e, xor(f, g)))))
                t := mul(and(t, 0xffffffff), 0x10000000100000001)
                h := xor(t, xor(shr(23, t), shr(15, t)))
                b := shr(23, b)
                f := shr(13, f)

                t := shr(20, d)
                s := shr(25, mul(and(add(add(t, h), mload(add(p, 584))), 0xffffffff), 0x100000001))
                c := add(add(c, shr(128, q)), add(xor(s, t), xor(b, and(xor(d, b), xor(a, b)))))
                c := mul(and(c, 0xffffffff), 0x100000001)
                t := add(add(g, shr(160, q)), add(s, xor(f, and(h, xor(e, f)))))
                t := mul(and(t, 0xffffffff), 0x10000000100000001)
                g := xor(t, xor(shr(23, t), shr(15, t)))
                a := shr(23, a)
                e := shr(13, e)

                t := shr(20, c)
                s := shr(25, mul(and(add(add(t, g), mload(add(p, 592))), 0xffffffff), 0x100000001))
                b := add(add(b, shr(64, q)), add(xor(s, t), xor(a, and(xor(c, a), xor(d, a)))))
                b := mul(and(b, 0xffffffff), 0x100000001)
                t := add(add(f, shr(96, q)), add(s, xor(e, and(g, xor(h, e)))))
                t := mul(and(t, 0xffffffff), 0x10000000100000001)
                f := xor(t, xor(shr(23, t), shr(15, t)))
                d := shr(23, d)
                h := shr(13, h)

                t := shr(20, b)
                s := shr(25, mul(and(add(add(t, f), mload(add(p, 600))), 0xffffffff), 0x100000001))
                a := add(add(a, q), add(xor(s, t), xor(d, and(xor(b, d), xor(c, d)))))
                a := mul(and(a, 0xffffffff), 0x100000001)
                t := add(add(e, shr(32, q)), add(s, xor(h, and(f, xor(g, h)))))
                t := mul(and(t, 0xffffffff), 0x10000000100000001)
                e := xor(t, xor(shr(23, t), shr(15, t)))
                c := shr(23, c)
                g := shr(13, g)
            }
            next := or(shl(32, and(g, 0xffffffff)), and(h, 0xffffffff))
            next := or(next, or(shl(96, and(e, 0xffffffff)), shl(64, and(f, 0xffffffff))))
            next := or(next, or(shl(160, and(c, 0xffffffff)), shl(128, and(d, 0xffffffff))))
            next := xor(v, or(next, or(shl(224, a), shl(192, and(b, 0xffffffff)))))
        }
    }
}
