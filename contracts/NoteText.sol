// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {Texts} from "./Texts.sol";

/// @title A checkpoint's note text
/// @notice Five lines, each ended by a newline: origin, size, base64 of the root, "index " and base64 of the index
///         root, "time " and the time in whole seconds of UTC (2026-11-22T08:00:00Z).
library NoteText {
    error NoteMalformed();

    struct Checkpoint {
        uint64 size;
        bytes32 root;
        bytes32 indexRoot;
        uint64 time;
    }

    // "index ", 44 characters and a newline, then "time ", 20 characters and a newline
    uint256 private constant ROOT_LINE = 45;
    uint256 private constant INDEX_LINE = 51;
    uint256 private constant TIME_LINE = 26;
    uint256 private constant MAX_SIZE = 2 ** 53 - 1;

    /// @notice The origin's line, newline excluded.
    function originOf(bytes calldata text) internal pure returns (bytes calldata) {
        uint256 end = 0;
        while (end < text.length && text[end] != "\n") end++;
        if (end == text.length) revert NoteMalformed();
        return text[:end];
    }

    /// @notice What the text says. Reverts with `NoteMalformed` for anything but the one form.
    function parse(bytes calldata text) internal pure returns (Checkpoint memory checkpoint) {
        uint256 start = originOf(text).length + 1;
        uint256 rest = ROOT_LINE + INDEX_LINE + TIME_LINE;
        if (text.length < start + 2 + rest) revert NoteMalformed();
        uint256 end = text.length - rest;
        bytes calldata size = text[start:end - 1];
        if (text[end - 1] != "\n" || (size.length > 1 && size[0] == "0")) revert NoteMalformed();
        checkpoint.size = Texts.decimal(size);
        if (checkpoint.size > MAX_SIZE) revert NoteMalformed();
        checkpoint.root = Texts.base64Word(_line(text[end:end + ROOT_LINE], ""));
        end += ROOT_LINE;
        checkpoint.indexRoot = Texts.base64Word(_line(text[end:end + INDEX_LINE], "index "));
        end += INDEX_LINE;
        checkpoint.time = _seconds(_line(text[end:], "time "));
    }

    function _line(bytes calldata line, bytes memory start) private pure returns (bytes calldata) {
        if (line[line.length - 1] != "\n" || !Texts.equal(line[:start.length], start)) revert NoteMalformed();
        return line[start.length:line.length - 1];
    }

    /// @dev Seconds since 1970 of a time as it is written in a note, from 1970 on.
    function _seconds(bytes calldata time) private pure returns (uint64) {
        if (
            time[4] != "-" || time[7] != "-" || time[10] != "T" || time[13] != ":" || time[16] != ":"
                || time[19] != "Z"
        ) revert NoteMalformed();
        uint64 year = Texts.decimal(time[:4]);
        uint64 month = Texts.decimal(time[5:7]);
        uint64 day = Texts.decimal(time[8:10]);
        uint64 hour = Texts.decimal(time[11:13]);
        uint64 minute = Texts.decimal(time[14:16]);
        uint64 second = Texts.decimal(time[17:19]);
        if (year < 1970 || month < 1 || month > 12 || hour > 23 || minute > 59 || second > 59) {
            revert NoteMalformed();
        }
        bool leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
        uint64 length = month == 2 ? (leap ? 29 : 28) : month == 4 || month == 6 || month == 9 || month == 11 ? 30 : 31;
        if (day < 1 || day > length) revert NoteMalformed();
        // The year begins with March, so that the leap day is its last.
        uint64 y = month > 2 ? year : year - 1;
        uint64 m = month > 2 ? month - 3 : month + 9;
        uint64 dayOfYear = (153 * m + 2) / 5 + day - 1;
        uint64 numberOfDays = y * 365 + y / 4 - y / 100 + y / 400 + dayOfYear - 719_468;
        return numberOfDays * 86_400 + hour * 3_600 + minute * 60 + second;
    }
}
