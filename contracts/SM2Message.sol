// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {SM3} from "./SM3.sol";

/// @title From a message to the digest that SM2 signs (GB/T 32918.2-2016, section 5.5)
library SM2Message {
    // The state of SM3 after the first 128 bytes of what Z hashes, which are the same for every key: the length of
    // the default signer id 1234567812345678 in bits, the id, the curve's a and b, and the generator's x with the
    // first 14 bytes of its y.
    bytes32 private constant STATE = 0xadadedb50446043f08a87acee86d22438e232383bfc81fe2cf9117c84707011d;
    bytes18 private constant REST = 0x2153d0a9877cc62a474002df32e52139f0a0;

    /// @notice Z: SM3 of the default signer id, the curve and the signer's key.
    function identity(bytes32 x, bytes32 y) internal pure returns (bytes32) {
        return SM3.resume(STATE, 128, abi.encodePacked(REST, x, y));
    }

    /// @notice e = SM3(Z || message).
    function digest(bytes32 x, bytes32 y, bytes memory message) internal pure returns (bytes32) {
        return SM3.hash(bytes.concat(identity(x, y), message));
    }
}
