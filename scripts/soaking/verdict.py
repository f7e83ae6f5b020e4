"""What must hold after each fault: nothing acknowledged is missing, and the chain holds one root per size."""

import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from ledger.chain import artifact
from ledger.chain.evm import EvmChain
from ledger.chain.nodes import NodeSettings
from ledger.gm import sm3
from ledger.store.port import StoredAnchor
from scripts.network.rpc import NoAnswer, call
from scripts.soaking.load import Acknowledged
from scripts.soaking.site import DOMAIN, LOGS, Site


@dataclass(slots=True)
class Verdict:
    """`lost`: acknowledged entries that the log does not hold as acknowledged; `wrong` says all that is not
    as it must be, one sentence each; `anchors`: sizes on the chain, of all logs."""

    lost: int = 0
    anchors: int = 0
    wrong: list[str] = field(default_factory=list)


def judge(site: Site, acknowledged: Sequence[Acknowledged]) -> Verdict:
    """Audit everything, look every receipt up, and compare the chain's anchors with the checkpoints."""
    verdict = Verdict()
    for short in LOGS:
        _look_up(site, short, acknowledged, verdict)
    chain = _read_directly(site)
    for short in LOGS:
        _compare_anchors(site, short, chain, verdict)
    _audit(site, verdict)
    _compare_validators(site, verdict)
    return verdict


def _look_up(site: Site, short: str, acknowledged: Sequence[Acknowledged], verdict: Verdict) -> None:
    store = site.deployment.log(short).store
    for each in acknowledged:
        if each.log != f"{DOMAIN}/{short}":
            continue
        held = store.entry(each.index)
        if held is None or held.leaf_hash.hex() != each.leaf:
            verdict.lost += 1
            verdict.wrong.append(f"{each.log} does not hold what it acknowledged at {each.index}")


def _read_directly(site: Site) -> EvmChain:
    """The chain without the relays, which are the worker's."""
    pinned = site.deployment.open_chain(writing=False).deployment
    return EvmChain(pinned, NodeSettings(tuple(site.network.urls)))


def unkept(site: Site) -> bool:
    """Whether an anchor is recorded that the chain does not hold, or holds in another block.

    A chain may lose its newest blocks when all its validators are killed; the worker then has to notice, and
    to anchor what was in them again.
    """
    chain = _read_directly(site)
    return any(_missing(_counted(site, short), _published(chain, short)) for short in LOGS)


def _counted(site: Site, short: str) -> list[StoredAnchor]:
    anchors = site.deployment.log(short).store.anchors(0, 1 << 40)
    return [anchor for anchor in anchors if anchor.state in ("mined", "final")]


def _missing(counted: Sequence[StoredAnchor], events: Sequence[Any]) -> list[int]:
    """The sizes of recorded anchors that are in no event as they are recorded."""
    held = {(int(each["args"]["size"]), each["blockNumber"], each["blockHash"].hex()) for each in events}
    return [
        anchor.size
        for anchor in counted
        if (anchor.size, anchor.block_number, str(anchor.block_hash).removeprefix("0x")) not in held
    ]


def _compare_anchors(site: Site, short: str, chain: EvmChain, verdict: Verdict) -> None:
    """Every event of the contract: one for each size, with the root that the log published."""
    origin, store = f"{DOMAIN}/{short}", site.deployment.log(short).store
    # Before the chain is asked, so that what is anchored meanwhile is not missed there.
    counted = _counted(site, short)
    events = _published(chain, short)
    seen: dict[int, bytes] = {}
    for event in events:
        size, root = int(event["args"]["size"]), bytes(event["args"]["root"])
        if size in seen:
            verdict.wrong.append(f"{origin}: size {size} is on the chain twice")
        seen[size] = root
        ours = store.checkpoint(size)
        if ours is None or ours.root != root:
            verdict.wrong.append(f"{origin}: the chain's root of size {size} is not the published one")
    verdict.wrong += [
        f"{origin}: size {size} counts as anchored and is not" for size in _missing(counted, events)
    ]
    verdict.anchors += len(seen)


def _published(chain: EvmChain, short: str) -> list[Any]:
    log_id = sm3(f"{DOMAIN}/{short}".encode("ascii"))

    def events(node: Any) -> list[Any]:
        event = node.contract(artifact.CHECKPOINTS, chain.registry).events.CheckpointPublished
        return list(event.get_logs(from_block=0, argument_filters={"logId": log_id}))

    return chain._nodes.ask(events)


def _audit(site: Site, verdict: Verdict) -> None:
    """The product's own full audit, in a process of its own, as the operator runs it."""
    done = site.command("audit", "--chain", "--json", "--processes", "1")
    try:
        reports = json.loads(done.stdout)["logs"]
    except (ValueError, KeyError, TypeError):
        verdict.wrong.append(f"the audit did not end in order ({done.returncode}): {done.stderr[-300:]}")
        return
    for report in reports:
        verdict.wrong += [f"{report['origin']}: {finding}" for finding in report["findings"]]
    if done.returncode != 0 and not verdict.wrong:
        verdict.wrong.append(f"the audit ended with status {done.returncode}")


def _compare_validators(site: Site, verdict: Verdict) -> None:
    """Those that answer have the same block at the lowest of their heights."""
    heights = {}
    for index, url in enumerate(site.network.urls):
        try:
            heights[index] = int(call(url, "eth_blockNumber"), 16)
        except NoAnswer:
            verdict.wrong.append(f"validator {index} does not answer")
    if not heights:
        return
    lowest = hex(min(heights.values()))
    urls = site.network.urls
    hashes = {call(urls[index], "eth_getBlockByNumber", lowest, False)["hash"] for index in heights}
    if len(hashes) != 1:
        verdict.wrong.append(f"the validators disagree about block {int(lowest, 16)}")
