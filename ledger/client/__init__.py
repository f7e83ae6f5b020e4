"""The SDK for departments, gateways and approval systems: sign, submit, ask, verify what comes back.

client = Client("http://127.0.0.1:8000", signer, "91320322MABLP2X24R")
receipt = client.submit(entry)
answer = client.check(subject, "procurement", operator="desk-1", purpose="...", basis="...")
"""

from ledger.client.client import Client, Submitted
from ledger.client.notices import NoticeDesk, ReceivedNotice
from ledger.client.transport import Answer, Transport

__all__ = ["Answer", "Client", "NoticeDesk", "ReceivedNotice", "Submitted", "Transport"]
