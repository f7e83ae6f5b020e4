"""Change one stored value behind the program's back, let the audit name the entry, put it back.

Whoever can write the database file can drop its triggers; that is what happens here. The audit needs no
trust in the database: it recomputes everything from the entries and the signed checkpoints.
"""

import json
import sqlite3
import subprocess
import sys
from contextlib import closing
from typing import Any

from ledger.formats.encoding import b64decode_strict, b64encode
from scripts.demo_steps.scene import DemoFailed, Scene
from scripts.environment import ROOT, environment

LOG = "credit"
_TRIGGERS = "SELECT name, sql FROM sqlite_master WHERE type = 'trigger' AND tbl_name = 'entry'"


def tamper_and_audit(scene: Scene) -> None:
    """Lower a fine in the stored entry, audit, restore, audit again."""
    index, original, changed = _find_fine(scene)
    _overwrite(scene, index, changed)
    scene.story.say(
        f"绕过程序，直接改库：条目 {index} 的罚款少了一位数",
        f"written straight into the database: the fine in entry {index} lost a digit",
    )
    try:
        report = _audit(scene)
        named = [finding for finding in report["findings"] if finding["index"] == index]
        if report["clean"] or not named:
            raise DemoFailed(f"the audit did not name entry {index}")
        scene.story.say(f"审计：{named[0]['zh']}", f"audit: {named[0]['en']}")
    finally:
        _overwrite(scene, index, original)
    report = _audit(scene)
    if not report["clean"]:
        raise DemoFailed(f"the audit still finds something: {report['findings'][:3]}")
    scene.story.say(
        f"改回原值后再审计：{report['entries']:,} 条全部一致",
        f"restored: all {report['entries']:,} entries agree",
    )


def _database(scene: Scene) -> str:
    return str(scene.deployment.folder / "logs" / LOG / "log.db")


def _find_fine(scene: Scene) -> tuple[int, bytes, bytes]:
    """A penalty with a fine: its leaf index, its bytes, and the same with a tenth of the fine."""
    with closing(sqlite3.connect(_database(scene))) as database:
        for index, entry in database.execute("SELECT idx, entry FROM entry ORDER BY idx"):
            envelope = json.loads(entry)
            payload = b64decode_strict(envelope["payload"])
            fine = json.loads(payload).get("body", {}).get("fine_fen")
            if isinstance(fine, int) and fine >= 10 and fine % 10 == 0:
                member = b'"fine_fen":'
                lowered = payload.replace(member + b"%d" % fine, member + b"%d" % (fine // 10))
                return index, entry, entry.replace(envelope["payload"].encode(), b64encode(lowered).encode())
    raise DemoFailed("there is no penalty with a fine in the credit log")


def _overwrite(scene: Scene, index: int, entry: bytes) -> None:
    with closing(sqlite3.connect(_database(scene), timeout=30, isolation_level=None)) as database:
        database.execute("BEGIN IMMEDIATE")
        triggers = database.execute(_TRIGGERS).fetchall()
        for name, _ in triggers:
            database.execute(f'DROP TRIGGER "{name}"')
        database.execute("UPDATE entry SET entry = ? WHERE idx = ?", (entry, index))
        for _, definition in triggers:
            database.execute(definition)
        database.execute("COMMIT")


def _audit(scene: Scene) -> Any:
    command = [sys.executable, "-m", "ledger.cli", "audit", "--dir", str(scene.deployment.folder)]
    command += ["--log", LOG, "--json"]
    done = subprocess.run(command, capture_output=True, text=True, env=environment(), cwd=ROOT, check=False)
    try:
        return json.loads(done.stdout.strip().splitlines()[-1])["logs"][0]
    except (ValueError, LookupError):
        raise DemoFailed(f"the audit ended with {done.returncode}: {done.stderr.strip()[-500:]}") from None
