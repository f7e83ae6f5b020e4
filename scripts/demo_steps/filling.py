"""What the members bring: sheets of credit records, a stream of access events, e-certificates by hash."""

import json
import os
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

from ledger.client import Client
from ledger.client.compose import compose
from ledger.errors import LedgerError
from ledger.formats.tags import person_tag
from ledger.gm import sm3
from scripts.demo_steps.scene import DOMAIN, DemoFailed, Scene
from scripts.environment import ROOT, environment
from scripts.samples import Organisation, Person, access_events, certificates, credit_sheets
from scripts.samples.writing import sheet_bytes

EVENTS = 20_000
CERTIFICATES = 200
READY_SECONDS = 60.0
ANCHOR_SECONDS = 180.0


def await_ready(scene: Scene) -> None:
    """Wait until the service answers and the worker lives. Raises `DemoFailed` after a minute."""
    deadline = time.monotonic() + READY_SECONDS
    with Client(scene.url) as client:
        while True:
            scene.processes.check()
            try:
                state = client.ready()
                if state["ready"] and state["worker"]["alive"]:
                    break
            except LedgerError:
                pass
            if time.monotonic() > deadline:
                raise DemoFailed(f"the service is not ready after {READY_SECONDS:.0f} s")
            time.sleep(0.2)
        # The trust file may be renewed at any moment; the registry in it stays.
        if str(scene.deployment.config.chain.registry).encode() not in client.trust():
            raise DemoFailed(f"another service answers on {scene.url}; run the demo again")


def import_credit(scene: Scene) -> int:
    """Write the sheets and import each with `xinzheng import` for the market bureau; return the rows."""
    folder = scene.folder / "samples"
    folder.mkdir()
    rows = 0
    for sheet in credit_sheets(scene.world):
        path = folder / sheet.name
        path.write_bytes(sheet_bytes(sheet))
        report = _import(scene, path)
        form = sheet.encoding or "xlsx"
        scene.story.say(f"{sheet.name}: {report['accepted']:,} 行已受理", f"rows accepted ({form})")
        rows += report["accepted"]
    return rows


def _import(scene: Scene, sheet: Path) -> Any:
    command = [sys.executable, "-m", "ledger.cli", "import", str(sheet), "--json"]
    command += ["--dir", str(scene.deployment.folder), "--key", str(scene.folder / "members" / "market.pem")]
    command += ["--member", scene.market.uscc]
    env = environment() | {"XINZHENG_KEY_PASSPHRASE": scene.deployment.keyring.passphrase.decode()}
    done = subprocess.run(command, capture_output=True, text=True, env=env, cwd=ROOT, check=False)
    if done.returncode != 0:
        raise DemoFailed(f"{sheet.name} was not imported whole: {(done.stdout + done.stderr).strip()[-600:]}")
    return json.loads(done.stdout.strip().splitlines()[-1])


def stream_events(scene: Scene) -> int:
    """Sign the day's access events as one batch in the bureau's name and submit it."""
    tag_keys = scene.deployment.keyring.person_tag_keys()
    epoch = max(tag_keys)
    payloads = []
    progress = scene.story.progress("组批 composing", EVENTS)
    for number, event in enumerate(access_events(scene.world, EVENTS), start=1):
        subject = event.pop("subject")
        if subject is not None:
            event["subject"] = _subject(subject, tag_keys[epoch], epoch)
        composed = compose(
            "access.event.recorded",
            event,
            domain=DOMAIN,
            issuer=scene.bureau.uscc,
            now=scene.deployment.clock(),
            randomness=os.urandom,
        )
        payloads.append(composed.payload)
        if number % 500 == 0:
            progress.at(number)
    started = time.monotonic()
    with scene.client(scene.bureau) as client:
        receipt = client.submit_batch(f"{DOMAIN}/access", payloads)
    seconds = time.monotonic() - started
    scene.story.say(
        f"{EVENTS:,} 条一次签名、一份回执，{seconds:.1f} 秒受理",
        f"one signature, one receipt from leaf {receipt.leaf_index} on",
    )
    return EVENTS


def _subject(subject: dict[str, str], key: bytes, epoch: int) -> dict[str, Any]:
    if "uscc" in subject:
        return {"type": "organisation", "uscc": subject["uscc"]}
    return {"type": "person", "person_tag": person_tag(key, epoch, subject["person"]), "epoch": epoch}


def issue_certificates(scene: Scene) -> int:
    """Write the certificates' files and submit each one's hash in the approval bureau's name."""
    folder = scene.folder / "samples" / "certificates"
    folder.mkdir()
    tag_keys = scene.deployment.keyring.person_tag_keys()
    epoch = max(tag_keys)
    progress = scene.story.progress("登记 issuing", CERTIFICATES)
    with scene.client(scene.approval) as client:
        for number, certificate in enumerate(certificates(scene.world, CERTIFICATES), start=1):
            (folder / certificate.file_name).write_bytes(certificate.content)
            metadata = certificate.metadata
            identifier = metadata["ZZBS"]
            body = {
                "identifier": identifier,
                "type_code": metadata["ZZLXDM"],
                "issuer": metadata["ZZBFJGDM"],
                "version": identifier.split(".")[-2],
                "files": [
                    {
                        "format": certificate.format,
                        "sm3": sm3(certificate.content).hex(),
                        "bytes": len(certificate.content),
                    }
                ],
                "issued_on": metadata["ZZBFRQ"],
                "valid_from": metadata["ZZYXQQSRQ"],
                "valid_until": metadata["ZZYXQJZRQ"],
                "state": "01",
                "holder": _holder(certificate.holder, tag_keys[epoch], epoch),
            }
            client.publish("certificate.issued", body)
            progress.at(number)
    scene.story.say(f"{CERTIFICATES} 份证照（OFD、PDF 各半）只登记哈希", f"files in {_short(folder)}")
    return CERTIFICATES


def _holder(holder: Organisation | Person, key: bytes, epoch: int) -> dict[str, Any]:
    code = {"uscc": holder.uscc} if isinstance(holder, Organisation) else {"person": holder.number}
    return _subject(code, key, epoch)


def await_anchored(scene: Scene) -> dict[str, Any]:
    """Wait until everything accepted so far is final on the chain; return the state of the logs."""
    deadline = time.monotonic() + ANCHOR_SECONDS
    with Client(scene.url) as client:
        goal = {origin: log["accepted"] for origin, log in client.ready()["logs"].items()}
        total = sum(goal.values())
        progress = scene.story.progress("锚定 anchoring", total)
        while True:
            scene.processes.check()
            logs: dict[str, Any] = client.ready()["logs"]
            done = {origin: min(goal[origin], logs[origin].get("final", 0)) for origin in goal}
            progress.at(sum(done.values()))
            if done == goal:
                return logs
            if time.monotonic() > deadline:
                raise DemoFailed(f"not everything is anchored after {ANCHOR_SECONDS:.0f} s: {logs}")
            time.sleep(0.2)


def _short(path: Path) -> str:
    try:
        return str(path.relative_to(Path.cwd()))
    except ValueError:
        return str(path)
