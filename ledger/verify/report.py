"""What a verifier answers: verdicts, reasons, and what was proven of each statement and each key."""

from dataclasses import dataclass
from functools import cached_property
from typing import Any

from ledger.formats.bundle import Bundle, Completeness
from ledger.formats.statement import Statement
from ledger.formats.times import format_time
from ledger.formats.trust import Trust
from ledger.verify.shown import ShownEntry
from ledger.verify.verdicts import (
    COMPLETENESS,
    FAIL,
    PASS,
    VERDICTS,
    Finding,
    Outcome,
    combine,
)

EXIT_PROVEN = 0
EXIT_NOT_PROVEN = 1
EXIT_UNUSABLE = 2


@dataclass(frozen=True)
class Report:
    """The answer to one question about one bundle."""

    bundle: Bundle
    trust: Trust
    shown: tuple[ShownEntry, ...]
    findings: tuple[Finding, ...]
    required: frozenset[str]

    @property
    def verdicts(self) -> dict[str, Outcome]:
        """Verdict name to outcome; only the verdicts that apply."""
        return {
            verdict: combine(finding.outcome for finding in found)
            for verdict, found in self.by_verdict.items()
        }

    @property
    def reasons(self) -> dict[str, list[str]]:
        """Verdict name to its reason codes, each once."""
        return {
            verdict: list(dict.fromkeys(finding.reason for finding in found))
            for verdict, found in self.by_verdict.items()
        }

    @cached_property
    def by_verdict(self) -> dict[str, list[Finding]]:
        """The findings of each verdict that applies, in the order of `VERDICTS`."""
        grouped: dict[str, list[Finding]] = {}
        for finding in self.findings:
            grouped.setdefault(finding.verdict, []).append(finding)
        return {verdict: grouped[verdict] for verdict in VERDICTS if verdict in grouped}

    @property
    def proves_something(self) -> bool:
        """Whether the bundle makes any claim at all."""
        return bool(self.bundle.entries or self.bundle.completeness)

    @property
    def exit_status(self) -> int:
        """0 when every required verdict passes and none fails, else 1."""
        verdicts = self.verdicts
        proven = (
            self.proves_something
            and FAIL not in verdicts.values()
            and all(verdicts.get(verdict) == PASS for verdict in self.required)
        )
        return EXIT_PROVEN if proven else EXIT_NOT_PROVEN

    def entry_results(self) -> list[dict[str, Any]]:
        """What was found of each entry: whose statement it is, and its own outcomes."""
        return [self._entry(item) for item in self.shown]

    def _entry(self, item: ShownEntry) -> dict[str, Any]:
        content = item.entry.content
        answer: dict[str, Any] = {"index": item.entry.index}
        if content is not None:
            answer |= {"issuer": content.issuer, "id": content.id, "at": format_time(content.at)}
        if isinstance(content, Statement):
            answer |= {
                "kind": content.kind,
                "keys": {name: list(tags) for name, tags in content.keys.items()},
            }
        answer["verdicts"] = self._outcomes(item.entry.index)
        return answer

    @cached_property
    def _by_entry(self) -> dict[int, dict[str, list[Outcome]]]:
        """Log index -> verdict -> outcomes of the findings about that entry."""
        grouped: dict[int, dict[str, list[Outcome]]] = {}
        for finding in self.findings:
            if finding.entry is not None:
                of_entry = grouped.setdefault(finding.entry, {})
                of_entry.setdefault(finding.verdict, []).append(finding.outcome)
        return grouped

    @cached_property
    def _general(self) -> dict[str, list[Outcome]]:
        """Verdict -> outcomes of the findings that are about no entry in particular."""
        grouped: dict[str, list[Outcome]] = {}
        for finding in self.findings:
            if finding.entry is None:
                grouped.setdefault(finding.verdict, []).append(finding.outcome)
        return grouped

    def _outcomes(self, entry: int) -> dict[str, Outcome]:
        """One entry's outcomes, what holds for all entries included."""
        found = self._by_entry.get(entry, {})
        return {
            verdict: combine([*found[verdict], *self._general.get(verdict, [])])
            for verdict in VERDICTS
            if verdict in found
        }

    def key_results(self) -> list[dict[str, Any]]:
        """What was found of each key that the bundle or the question is about."""
        asked = [finding for finding in self.findings if finding.verdict == COMPLETENESS]
        sections = {(section.name, section.tag): section for section in self.bundle.completeness or ()}
        keys = dict.fromkeys([*sections, *(finding.key for finding in asked if finding.key)])
        return [self._key(name, tag, sections.get((name, tag)), asked) for name, tag in keys]

    def _key(self, name: str, tag: str, section: Completeness | None, asked: list[Finding]) -> dict[str, Any]:
        found = [finding for finding in asked if finding.key in ((name, tag), None)]
        answer: dict[str, Any] = {
            "name": name,
            "tag": tag,
            "completeness": combine(finding.outcome for finding in found),
            "reasons": [finding.reason for finding in found],
        }
        if section is not None:
            shown = {item.entry.index for item in self.shown}
            answer["entries"] = len(section.chain)
            answer["shown"] = sum(link.index in shown for link in section.chain)
            if section.after is not None:
                answer["before"] = section.after.count
        return answer

    def as_json(self) -> dict[str, Any]:
        """The report as a JSON value; `verdicts` and `reasons` are its stable part."""
        checkpoint = self.bundle.note.checkpoint
        exported = self.trust.exported
        return {
            "verdicts": self.verdicts,
            "reasons": self.reasons,
            "exit": self.exit_status,
            "required": [verdict for verdict in VERDICTS if verdict in self.required],
            "origin": self.bundle.origin,
            "checkpoint": {
                "size": checkpoint.size,
                "root": checkpoint.root.hex(),
                "time": format_time(checkpoint.time * 1000, millis=False),
            },
            "trust": {
                "exported": {
                    "at": format_time(exported.at),
                    "chainId": exported.chain_id,
                    "block": exported.block,
                }
            },
            "entries": self.entry_results(),
            "keys": self.key_results(),
            "sentences": {
                verdict: [
                    {"reason": finding.reason, "zh": finding.zh, "en": finding.en}
                    for finding in {finding.zh: finding for finding in found}.values()
                ]
                for verdict, found in self.by_verdict.items()
            },
        }
