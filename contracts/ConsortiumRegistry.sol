// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {IConsortiumRegistry} from "./IConsortiumRegistry.sol";
import {LogRegister} from "./LogRegister.sol";
import {Proposals} from "./Proposals.sol";

/// @title The consortium's register of members, keys and logs
/// @dev There is no owner and no proxy. The parts: `MemberRegister` and `LogRegister` hold what was agreed,
///      `Proposals` is how it is agreed, `GovernanceHistory` is the numbered record of both.
contract ConsortiumRegistry is LogRegister, Proposals {
    constructor(Founder[] memory founders, Thresholds memory thresholds_) {
        uint256 count = 1;
        for (uint256 i = 0; i < founders.length; i++) {
            count += 1 + founders[i].keys.length;
        }
        // The founding as calls, so that it is read like an executed proposal.
        bytes[] memory calls = new bytes[](count);
        uint256 next = 0;
        for (uint256 i = 0; i < founders.length; i++) {
            Founder memory f = founders[i];
            _addMember(f.id, f.name, f.accounts, f.roles);
            calls[next++] = abi.encodeCall(IConsortiumRegistry.addMember, (f.id, f.name, f.accounts, f.roles));
            for (uint256 j = 0; j < f.keys.length; j++) {
                Key memory k = f.keys[j];
                _addKey(f.id, k.x, k.y, k.from, k.until);
                calls[next++] = abi.encodeCall(IConsortiumRegistry.addKey, (f.id, k.x, k.y, k.from, k.until));
            }
        }
        _setThresholds(thresholds_);
        calls[next] = abi.encodeCall(IConsortiumRegistry.setThresholds, (thresholds_));
        _record(Action.Founded, bytes18(0), 0, abi.encode(calls));
    }
}
