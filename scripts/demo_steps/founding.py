"""A deployment from nothing: keys, the chain, the contracts, three members of which two decide."""

import shutil
import sys
from dataclasses import replace
from pathlib import Path

from ledger.chain.account import ChainAccount
from ledger.chain.changes import Founder
from ledger.chain.embedded import EmbeddedChain
from ledger.chain.evm import EvmChain
from ledger.deployment import ApiConfig, ChainConfig, Config, Deployment, WorkerConfig
from ledger.deployment.consortium import deploy_contracts, operator_founder, propose_logs, sync_trust
from ledger.deployment.keyring import load_private_key, save_private_key
from ledger.gm import PrivateKey, signer
from scripts.demo_steps.processes import Processes
from scripts.demo_steps.scene import DOMAIN, MARK, DemoFailed, Member, Scene, reserve_port
from scripts.demo_steps.story import Story
from scripts.environment import ROOT, environment
from scripts.samples import Organisation, World

ROLES = {
    "bureau": ("operator", "publisher:access", "publisher:credit", "publisher:certificate", "auditor"),
    "approval": ("publisher:certificate", "officer"),
    "market": ("publisher:credit", "lister"),
}
THRESHOLD = 2
PROMPT = WorkerConfig(publish_seconds=0.5, anchor_seconds=1.0, registry_seconds=5.0)
"""For somebody who watches."""


def clear(folder: Path) -> list[str]:
    """End what an earlier run left in `folder` and empty it; return the names of what was ended.

    Raises `DemoFailed` when the folder holds something that is not the demo's.
    """
    if not folder.exists() or not any(folder.iterdir()):
        folder.mkdir(parents=True, exist_ok=True)
        (folder / MARK).touch()
        return []
    if not (folder / MARK).exists():
        raise DemoFailed(f"{folder} holds other things; choose an empty folder with --dir")
    ended = stop(folder)
    for item in folder.iterdir():
        if item.name == MARK:
            continue
        if item.is_dir() and not item.is_symlink():
            shutil.rmtree(item)
        else:
            item.unlink()
    return ended


def stop(folder: Path) -> list[str]:
    """End the processes of an earlier run in `folder`; return their names."""
    ended = Processes(folder / "run").stop_all()
    chain = EmbeddedChain(folder / "deployment" / "chain")
    if chain.pid is not None:
        chain.stop()
        ended.append("chain")
    return ended


def found(folder: Path, world: World, story: Story, worker: WorkerConfig = PROMPT) -> Scene:
    """Create the deployment, start the chain, deploy the contracts, register the members and the logs."""
    operator = world.authorities[0]
    reserved = reserve_port()
    config = Config(
        DOMAIN,
        operator.uscc,
        ApiConfig(port=reserved.getsockname()[1]),
        ChainConfig(mode="embedded"),
        worker,
    )
    deployment = Deployment.create(folder / "deployment", config)
    story.say(f"域名 {DOMAIN}，运营方 {operator.name}", f"domain {DOMAIN}, run by {operator.uscc}")
    deployment.embedded.start()
    story.say(f"内嵌链 {deployment.embedded.url}", "the embedded chain, an EVM without mining or gas price")
    keys = folder / "members"
    keys.mkdir(mode=0o700)
    approval, approval_account = _make_member(keys, "approval", world.authorities[1], deployment)
    market, market_account = _make_member(keys, "market", world.authorities[2], deployment)
    bureau = Member(operator, ROLES["bureau"], deployment.keyring.operator_signer())
    now = deployment.clock() // 1000
    founders = [operator_founder(deployment, operator.name, ROLES["bureau"])]
    founders += [
        _founder(member, account, now)
        for member, account in ((approval, approval_account), (market, market_account))
    ]
    deploy_contracts(deployment, founders, THRESHOLD)
    chain = deployment.open_chain()
    proposal = propose_logs(deployment, chain)
    # The second of three approvals executes the proposal.
    EvmChain(chain.deployment, deployment.node_settings(), approval_account).approve(proposal)
    sync_trust(deployment, chain)
    deployment.embedded.save()
    story.say(
        f"合约已部署，三个成员，{THRESHOLD} 票生效",
        f"contracts {chain.deployment.consortium}, {chain.deployment.registry}",
    )
    for member in (bureau, approval, market):
        key = member.signer.public.keyid[:16]
        story.say(f"  {member.organisation.name} {member.uscc}", f"{', '.join(member.roles)}; key {key}…")
    processes = Processes(folder / "run")
    return Scene(folder, world, story, processes, deployment, bureau, approval, market, reserved)


def reopen(folder: Path, world: World, story: Story) -> Scene:
    """The scene that `found` left in `folder`, of the same world, with its chain running again."""
    deployment = Deployment.open(folder / "deployment")
    deployment.embedded.start()
    bureau = Member(world.authorities[0], ROLES["bureau"], deployment.keyring.operator_signer())
    approval = _load_member(folder / "members", "approval", world.authorities[1], deployment)
    market = _load_member(folder / "members", "market", world.authorities[2], deployment)
    config = deployment.config
    reserved = reserve_port(config.api.port)
    # The port may be another program's by now.
    deployment.save_config(replace(config, api=replace(config.api, port=reserved.getsockname()[1])))
    processes = Processes(folder / "run")
    return Scene(folder, world, story, processes, deployment, bureau, approval, market, reserved)


def start_service(scene: Scene) -> None:
    """Start the worker and the HTTP service, each a process of its own, and wait until they are ready."""
    folder = str(scene.deployment.folder)
    scene.reserved.close()
    for name, command in (("worker", "worker"), ("server", "serve")):
        scene.processes.start(
            name,
            [sys.executable, "-m", "ledger.cli", command, "--dir", folder],
            env=environment(),
            cwd=ROOT,
        )


def _make_member(
    folder: Path, name: str, organisation: Organisation, deployment: Deployment
) -> tuple[Member, ChainAccount]:
    """A member's SM2 key and chain account, in files encrypted under the demo's passphrase."""
    key = PrivateKey.generate()
    save_private_key(folder / f"{name}.pem", key, deployment.keyring.passphrase)
    account = ChainAccount.generate()
    account.save(folder / f"{name}-account.json", deployment.keyring.passphrase)
    return Member(organisation, ROLES[name], signer(key)), account


def _load_member(folder: Path, name: str, organisation: Organisation, deployment: Deployment) -> Member:
    key = load_private_key(folder / f"{name}.pem", deployment.keyring.passphrase)
    return Member(organisation, ROLES[name], signer(key))


def _founder(member: Member, account: ChainAccount, now: int) -> Founder:
    return Founder(
        member.uscc,
        member.organisation.name,
        (account.address,),
        member.roles,
        ((member.signer.public.raw, now, None),),
    )
