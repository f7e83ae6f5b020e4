// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

/// @title Strict readers of the texts that envelopes and notes are made of
/// @dev Every function reverts with `TextMalformed` for all but the one form.
library Texts {
    error TextMalformed();

    /// @notice The bytes of standard base64 with padding and zero spare bits.
    function base64(bytes calldata text) internal pure returns (bytes memory decoded) {
        uint256 length = text.length;
        if (length % 4 != 0) revert TextMalformed();
        if (length == 0) return "";
        unchecked {
            uint256 padding = text[length - 1] != "=" ? 0 : text[length - 2] != "=" ? 1 : 2;
            decoded = new bytes(length / 4 * 3 - padding);
            // The last characters may be fewer than four.
            uint256 group = 0;
            uint256 place = 0;
            for (uint256 i = 0; i < length - padding; i++) {
                group = group << 6 | _sextet(uint8(text[i]));
                if (i & 3 == 3) {
                    decoded[place] = bytes1(uint8(group >> 16));
                    decoded[place + 1] = bytes1(uint8(group >> 8));
                    decoded[place + 2] = bytes1(uint8(group));
                    place += 3;
                    group = 0;
                }
            }
            if (padding == 1) {
                if (group & 3 != 0) revert TextMalformed();
                decoded[place] = bytes1(uint8(group >> 10));
                decoded[place + 1] = bytes1(uint8(group >> 2));
            } else if (padding == 2) {
                if (group & 15 != 0) revert TextMalformed();
                decoded[place] = bytes1(uint8(group >> 4));
            }
        }
    }

    /// @notice 32 bytes as 44 characters of base64.
    function base64Word(bytes calldata text) internal pure returns (bytes32) {
        bytes memory decoded = base64(text);
        if (decoded.length != 32) revert TextMalformed();
        return bytes32(decoded);
    }

    /// @notice 32 bytes as 64 lowercase hex digits.
    function hexWord(bytes calldata text) internal pure returns (bytes32) {
        if (text.length != 64) revert TextMalformed();
        uint256 word = 0;
        unchecked {
            for (uint256 i = 0; i < 64; i++) {
                uint256 c = uint8(text[i]);
                if (c >= 0x30 && c <= 0x39) c -= 0x30;
                else if (c >= 0x61 && c <= 0x66) c -= 0x57;
                else revert TextMalformed();
                word = word << 4 | c;
            }
        }
        return bytes32(word);
    }

    /// @notice A number in decimal digits, as many as there are.
    function decimal(bytes calldata text) internal pure returns (uint64 value) {
        if (text.length == 0 || text.length > 16) revert TextMalformed();
        for (uint256 i = 0; i < text.length; i++) {
            if (text[i] < "0" || text[i] > "9") revert TextMalformed();
            value = value * 10 + uint8(text[i]) - 0x30;
        }
    }

    /// @notice A number in decimal, as text.
    function toDecimal(uint256 value) internal pure returns (bytes memory text) {
        text = value < 10 ? bytes("") : toDecimal(value / 10);
        return bytes.concat(text, bytes1(uint8(0x30 + value % 10)));
    }

    /// @notice Whether a text is exactly the one wanted.
    function equal(bytes calldata text, bytes memory wanted) internal pure returns (bool) {
        return keccak256(text) == keccak256(wanted);
    }

    /// @notice r and s of a signature as a DER SEQUENCE of two INTEGERs in their one minimal form.
    function derSignature(bytes memory der) internal pure returns (bytes32 r, bytes32 s) {
        if (der.length < 8 || der[0] != 0x30 || uint8(der[1]) != der.length - 2 || der.length > 72) {
            revert TextMalformed();
        }
        uint256 next;
        (r, next) = _derInteger(der, 2);
        (s, next) = _derInteger(der, next);
        if (next != der.length) revert TextMalformed();
    }

    function _derInteger(bytes memory der, uint256 place) private pure returns (bytes32 value, uint256 next) {
        if (place + 2 > der.length || der[place] != 0x02) revert TextMalformed();
        uint256 length = uint8(der[place + 1]);
        next = place + 2 + length;
        if (length == 0 || length > 33 || next > der.length) revert TextMalformed();
        uint256 first = uint8(der[place + 2]);
        // Neither negative nor with a leading zero that the sign does not need.
        if (first >= 0x80) revert TextMalformed();
        if (first == 0 && length > 1 && uint8(der[place + 3]) < 0x80) revert TextMalformed();
        if (length == 33 && first != 0) revert TextMalformed();
        uint256 number = 0;
        for (uint256 i = place + 2; i < next; i++) {
            number = number << 8 | uint8(der[i]);
        }
        return (bytes32(number), next);
    }

    function _sextet(uint256 c) private pure returns (uint256) {
        unchecked {
            if (c >= 0x61 && c <= 0x7a) return c - 0x47;
            if (c >= 0x41 && c <= 0x5a) return c - 0x41;
            if (c >= 0x30 && c <= 0x39) return c + 4;
            if (c == 0x2b) return 62;
            if (c == 0x2f) return 63;
            revert TextMalformed();
        }
    }
}
