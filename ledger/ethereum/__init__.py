"""What an Ethereum block proves to somebody who has no node: its header, its seals, its receipts.

Pure, without input or output, and strict: bytes that are not in their one form prove nothing. Part of the
base install, which is why nothing here needs more than a Keccak-256 and numbers.
"""
