"""Four questions, and for each answer a bundle that somebody else verifies without us."""

import json
from typing import Any

from ledger.client import Client
from ledger.domain.certificate import certificate_tag
from ledger.formats.tags import organisation_tag
from ledger.gm import sm3
from scripts.demo_steps.offline import isolation, verify_offline
from scripts.demo_steps.scene import DemoFailed, Scene
from scripts.samples import Organisation, access_events, certificates, credit_sheets

MATTER = "government-procurement"
REASON = {"operator": "window-03", "purpose": "政府采购供应商资格审查", "basis": "政府采购法第二十二条"}
AUDIT_REASON = {"operator": "audit-01", "purpose": "数据使用合规审计", "basis": "政务数据共享条例第三十五条"}


def ask_all(scene: Scene) -> None:
    """Ask, keep the bundles and the trust file, verify each bundle in a process of its own."""
    folder = scene.folder / "bundles"
    folder.mkdir()
    with scene.client(scene.approval) as officer, scene.client(scene.bureau) as auditor:
        scene.trust.write_bytes(officer.trust())
        expected = [
            _check(scene, officer, _listed(scene), "check-hit", "restrict"),
            _check(scene, officer, _unlisted(scene), "check-none", "clear"),
            _trail(scene, auditor),
            _certificate(scene, officer),
        ]
    scene.story.say(
        "逐一离线验证：独立进程，无数据库，" + ("无网络" if isolation() else "不使用网络"),
        "each verified by another process without database" + (" or network" if isolation() else ""),
    )
    for path, expect in zip(scene.bundles, expected, strict=True):
        found = verify_offline(path, scene.trust, ["--expect", expect])
        verdicts = ", ".join(f"{name} {value}" for name, value in found.verdicts.items())
        scene.story.say(f"  {path.name}: {'已证明' if found.status == 0 else '未证明'}", verdicts)
        if found.status != 0:
            raise DemoFailed(f"{path.name} does not verify: {json.dumps(found.report, ensure_ascii=False)}")
    _verify_anchor(scene, expected[0])


def _verify_anchor(scene: Scene, expect: str) -> None:
    """The first bundle again, by a verifier who has a chain node of his own: the anchor passes too."""
    node = scene.deployment.embedded.url
    asked = ["--expect", expect, "--rpc", node, "--require", "anchor"]
    found = verify_offline(scene.bundles[0], scene.trust, asked, network=True)
    if found.status != 0:
        raise DemoFailed(f"the anchor does not verify: {json.dumps(found.report, ensure_ascii=False)}")
    scene.story.say(
        f"  {scene.bundles[0].name}：再用自己的链节点核对锚定",
        f"anchor {found.verdicts['anchor']}, by {node}",
    )


def _check(scene: Scene, client: Client, subject: Organisation, name: str, decision: str) -> str:
    answer = client.check({"type": "organisation", "code": subject.uscc}, MATTER, **REASON, level="anchored")
    if answer["decision"] != decision or bool(answer["hits"]) == (decision == "clear"):
        raise DemoFailed(f"{name}: the decision is {answer['decision']}, expected {decision}")
    _keep(scene, name, answer["bundle"])
    scene.story.say(f"{subject.name}：{answer['matter_name']} → {answer['decision']}", _proof(answer))
    for hit in answer["hits"]:
        measures = [f"{m['name']}（{m['basis']}，{m['term']}）" for m in hit["measures"]]
        term = f"{hit['from_day']} 至 {hit['until'] or '长期'}"
        scene.story.say(f"  {hit['title']}，{term}：{'；'.join(measures) or '本事项无措施'}")
    return f"subject:{organisation_tag(subject.uscc)}"


def _trail(scene: Scene, client: Client) -> str:
    subject = _looked_at(scene)
    value = {"type": "organisation", "code": subject.uscc}
    answer = client.trail("subject", value, **AUDIT_REASON, level="anchored")
    if not answer["events"]:
        raise DemoFailed("the trail is empty, although events about this subject were logged")
    _keep(scene, "trail", answer["bundle"])
    scene.story.say(f"{subject.name}：谁访问过它 → {len(answer['events'])} 次", _proof(answer))
    for event in answer["events"][:3]:
        where = f"{event['member']}/{event['operator']}"
        scene.story.say(f"  {event['happened_at']} {where} {event['resource']}：{event['purpose']}")
    return f"subject:{organisation_tag(subject.uscc)}"


def _certificate(scene: Scene, client: Client) -> str:
    certificate = next(certificates(scene.world, 1))
    identifier = certificate.metadata["ZZBS"]
    answer = client.certificate(identifier, sm3(certificate.content).hex(), level="anchored")
    verdicts = {
        name: answer[f"{name}_verdict"]["verdict"] for name in ("identifier", "file", "issuer", "status")
    }
    if any(verdict == "fail" for verdict in verdicts.values()) or verdicts["status"] != "pass":
        raise DemoFailed(f"the certificate's verdicts are {verdicts}")
    _keep(scene, "certificate", answer["bundle"])
    shown = "，".join(f"{name} {verdict}" for name, verdict in verdicts.items())
    scene.story.say(f"{certificate.metadata['ZZMC']} {certificate.file_name}：{shown}", _proof(answer))
    return f"certificate:{certificate_tag(identifier)}"


def _keep(scene: Scene, name: str, bundle: Any) -> None:
    path = scene.folder / "bundles" / f"{name}.json"
    path.write_text(json.dumps(bundle, ensure_ascii=False, separators=(",", ":")), encoding="utf-8")
    scene.bundles.append(path)


def _proof(answer: Any) -> str:
    checkpoint = answer["checkpoint"]
    total = sum(part["total"] for part in answer["completeness"])
    return f"complete: {total} entries under checkpoint {checkpoint['size']} ({checkpoint['level']})"


# Whom to ask about


def _sheet_codes(scene: Scene, kinds: set[str]) -> set[str]:
    codes: set[str] = set()
    for sheet in credit_sheets(scene.world):
        if sheet.kind in kinds:
            for row in sheet.rows:
                codes.update(str(cell).strip() for cell in row if cell is not None)
    return codes


def _listed(scene: Scene) -> Organisation:
    wages = next(sheet for sheet in credit_sheets(scene.world) if sheet.name == "dishonesty_wages.csv")
    codes = {str(cell) for row in wages.rows for cell in row}
    return next(one for one in scene.world.organisations if one.uscc in codes)


def _unlisted(scene: Scene) -> Organisation:
    """An organisation of which the credit log says nothing at all."""
    codes = _sheet_codes(scene, {"penalty", "licence", "list"})
    named = {one.name for one in scene.world.organisations if one.uscc in codes or one.name in codes}
    return next(one for one in scene.world.organisations if one.name not in named)


def _looked_at(scene: Scene) -> Organisation:
    by_code = {one.uscc: one for one in scene.world.organisations}
    for event in access_events(scene.world, 50):
        if event["subject"] and "uscc" in event["subject"]:
            return by_code[event["subject"]["uscc"]]
    raise DemoFailed("the sample events are about no organisation")
