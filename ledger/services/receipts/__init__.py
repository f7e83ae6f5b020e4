"""Check receipts (核查回执): an answer as a PDF that proves itself offline and by the certificate endpoint.

`ReceiptService.issue` checks, draws the page, attaches the proof and logs the file as an e-certificate.
"""

from ledger.services.receipts.editions import table_files
from ledger.services.receipts.service import VALID_DAYS, IssuedReceipt, ReceiptService

__all__ = ["VALID_DAYS", "IssuedReceipt", "ReceiptService", "table_files"]
