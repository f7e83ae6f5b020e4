"""Show the main job of Xinzheng from end to end, on an embedded default and invented data.

Leaves the service running and says where; --once stops everything and prints one JSON line last.
"""

import argparse
import json
import signal
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from types import FrameType

from ledger.client import Client
from ledger.errors import LedgerError
from ledger.log.clock import system_clock
from ledger.services.evidence import today
from scripts.demo_steps import asking, filling, founding, tampering
from scripts.demo_steps.offline import VerifierBroken
from scripts.demo_steps.processes import ProcessDied
from scripts.demo_steps.scene import DemoFailed, Scene
from scripts.demo_steps.story import Story
from scripts.environment import ROOT
from scripts.samples import World

SEED = 2026
STEPS = 7


def main(arguments: Sequence[str]) -> int:
    """Run the demo and return the exit status."""
    parser = argparse.ArgumentParser(prog="scripts/demo", description=__doc__)
    parser.add_argument("--once", action="store_true", help="stop everything at the end, print one JSON line")
    parser.add_argument("--stop", action="store_true", help="only stop what an earlier run left running")
    parser.add_argument("--dir", type=Path, default=ROOT / "var" / "demo", help="default: var/demo")
    options = parser.parse_args(arguments)
    folder = options.dir.resolve()
    for number in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, _interrupt)
    started = time.monotonic()
    try:
        if options.stop:
            ended = founding.stop(folder)
            print(f"已停止 stopped: {', '.join(ended) or '没有在运行的进程 nothing was running'}")
            return 0
        return _run(folder, once=options.once, started=started)
    except (DemoFailed, ProcessDied, VerifierBroken, LedgerError) as failure:
        said = (
            f"{failure.zh} {failure.en} {failure.detail}"
            if isinstance(failure, LedgerError)
            else str(failure)
        )
        print(f"\n演示未完成 the demo did not finish: {said}", file=sys.stderr)
    except KeyboardInterrupt:
        print("\n已中断 interrupted", file=sys.stderr)
    founding.stop(folder)
    if options.once:
        print(json.dumps({"ok": False, "seconds": round(time.monotonic() - started, 1)}))
    return 1


def _run(folder: Path, *, once: bool, started: float) -> int:
    print("信证 Xinzheng：虚构城市云岭市的一天  a day in Yunling, a city that does not exist")
    ended = founding.clear(folder)
    if ended:
        print(f"上次运行留下的进程已停止 stopped what an earlier run left: {', '.join(ended)}")
    scene = _perform(folder, Story(STEPS))
    summary = _summary(scene, started)
    if not once:
        scene.deployment.embedded.save()
        print(f"\n服务仍在运行 the service goes on: {scene.url}  (文档 docs: {scene.url}/docs)")
        print(f"停止 stop it with: scripts/demo --stop --dir {folder}")
        return 0
    founding.stop(folder)
    print(json.dumps(summary, ensure_ascii=False))
    return 0


def _perform(folder: Path, story: Story) -> Scene:
    with story.step("建立部署与联盟", "a deployment and its consortium"):
        scene = founding.found(folder, World(SEED, today(system_clock())), story)
    with story.step("启动服务", "the worker and the HTTP service"):
        founding.start_service(scene)
        filling.await_ready(scene)
        story.say(scene.url, f"{scene.url}/docs")
    with story.step("导入信用记录", "credit records from departments' sheets"):
        rows = filling.import_credit(scene)
        story.say(f"共 {rows:,} 行", f"{rows:,} rows in all")
    with story.step("接收访问记录与电子证照", "access events and e-certificates"):
        filling.stream_events(scene)
        filling.issue_certificates(scene)
    with story.step("锚定上链", "everything anchored on the chain"):
        for origin, log in filling.await_anchored(scene).items():
            story.say(f"{origin}: {log['final']:,} 条已终局", f"entries final, {log['accepted']:,} accepted")
    with story.step("提问、取证、离线验证", "four questions, their bundles, verified offline"):
        asking.ask_all(scene)
    with story.step("篡改一处，审计指认", "one value changed, and the audit names it"):
        tampering.tamper_and_audit(scene)
    return scene


def _summary(scene: Scene, started: float) -> dict[str, object]:
    with scene.client(scene.bureau) as client:
        entries = sum(log["accepted"] for log in client.ready()["logs"].values())
        anchors = sum(_count_anchors(client, short) for short in scene.deployment.logs)
    return {
        "ok": True,
        "entries": entries,
        "anchors": anchors,
        "bundles": [str(path) for path in scene.bundles],
        "trust": str(scene.trust),
        "seconds": round(time.monotonic() - started, 1),
    }


def _count_anchors(client: Client, log: str) -> int:
    count, after = 0, None
    while True:
        page = client.anchors(log, limit=1000, after=after)
        count += sum(anchor["state"] in ("mined", "final") for anchor in page["anchors"])
        after = page["next"]
        if after is None:
            return count


def _interrupt(_number: int, _frame: FrameType | None) -> None:
    raise KeyboardInterrupt


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
