"""A consortium's network on one machine: validators as processes of their own, for trying out and for tests.

`binary` finds or builds the node program, `kaia` and `besu` say how each is run, `consortium` runs a network.
"""
