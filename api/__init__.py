"""The HTTP service: parses requests, calls `ledger.services`, maps errors to problem documents."""
