"""`scripts/consortium`: a network of validators on this machine, from the command line."""

import argparse
import json
import sys
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path

from scripts.environment import ROOT
from scripts.network.consortium import CHAIN_ID, Network, ValidatorStatus
from scripts.network.engine import NetworkFault
from scripts.steps import StepFailed

_HELP = """A consortium's network on this machine: validators as processes of their own, on loopback, for
trying out and for tests. `up` makes it and starts it, `down` removes it; `stop` and `up` keep it."""


def main(arguments: Sequence[str]) -> int:
    """Run one command; 0 done, 1 status says that not all is well, 2 wrong usage, 3 it could not be done."""
    given = _parser().parse_args(arguments)
    network = Network(given.dir, lambda line: print(line, file=sys.stderr, flush=True))
    try:
        return int(given.act(network, given) or 0)
    except (NetworkFault, StepFailed) as fault:
        print(f"scripts/consortium: {fault}", file=sys.stderr)
        return 3
    except OSError as error:
        print(f"scripts/consortium: {error}", file=sys.stderr)
        return 3


def _up(network: Network, given: argparse.Namespace) -> None:
    network.up(given.count, chain_id=given.chain_id, in_namespaces=given.namespaces)
    rpc = " ".join(f"--rpc {url}" for url in network.urls)
    print(f"running · 运行中: {given.count} validators of chain {network.chain_id} ({network.engine_name})")
    print(f"a deployment on it · 在其上部署:\n  xinzheng init --chain external --finality instant {rpc} ...")


def _status(network: Network, given: argparse.Namespace) -> int:
    found = network.status()
    if given.json:
        print(json.dumps([asdict(each) for each in found]))
    else:
        for each in found:
            print(_status_line(each))
    return 0 if all(each.running and each.height is not None for each in found) else 1


def _status_line(each: ValidatorStatus) -> str:
    state = "运行 running" if each.running else "停止 stopped"
    height = "-" if each.height is None else each.height
    peers = "-" if each.peers is None else each.peers
    return f"{each.index}  {state}  block {height}  peers {peers}  {each.url}  {each.address}"


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="scripts/consortium", description=_HELP)
    commands = parser.add_subparsers(required=True, metavar="COMMAND")

    def command(name: str, text: str) -> argparse.ArgumentParser:
        made = commands.add_parser(name, help=text, description=text)
        made.add_argument(
            "--dir",
            type=Path,
            default=ROOT / "var" / "consortium",
            help="the network's folder (var/consortium)",
        )
        return made

    up = command("up", "make the network if there is none, and start whoever does not run")
    up.add_argument("count", type=int, nargs="?", default=4, help="how many validators (4)")
    up.add_argument(
        "--chain-id", type=int, default=CHAIN_ID, help=f"of a network that is made now ({CHAIN_ID})"
    )
    up.add_argument("--namespaces", action="store_true", help="each in a network namespace of its own (root)")
    up.set_defaults(act=_up)
    command("stop", "end all validators in order; `up` goes on").set_defaults(act=lambda n, _: n.stop())
    for name, text in (("kill", "SIGKILL one validator"), ("start", "start one validator again")):
        one = command(name, text)
        one.add_argument("index", type=int, help="which, from 0")
        one.set_defaults(act=lambda n, given, name=name: getattr(n, name)(given.index))
    status = command("status", "who runs, and at which block; exit status 1 when one does not")
    status.add_argument("--json", action="store_true")
    status.set_defaults(act=_status)
    command("down", "end all and remove the network's files").set_defaults(act=lambda n, _: n.down())
    return parser


if __name__ == "__main__":
    try:
        sys.exit(main(sys.argv[1:]))
    except KeyboardInterrupt:
        print("\nStopped. Run it again to go on.", file=sys.stderr)
        sys.exit(130)
