"""The consortium chain: what the ledger asks of it (`port`), and how an Ethereum node answers (`evm`).

`registry` says what the consortium agreed on, `changes` what it can be asked to change, `embedded` starts a
chain of one's own. Import from those modules: only `evm` needs web3.
"""
