"""What users ask for: credit checks, access trails, certificate status, members, audits, imports.

Orchestration only: proofs come from `ledger.log`, meaning from `ledger.domain`, rules from `ledger.catalog`.
"""
