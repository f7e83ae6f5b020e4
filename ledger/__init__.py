"""Xinzheng (信证): a credit and audit ledger whose every answer can be proved.

Layers, each importing only from those below it: `cli`, `services`, `log`, `store` and `chain`,
`domain` and `verify`, `formats`, `merkle` and `gm`, `identifiers`, `errors`.
"""
