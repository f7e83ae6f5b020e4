"""The log itself: admit, append, integrate, publish, anchor, read with proofs, and audit.

Modules are imported by name: the API process needs admission and reading, the worker the rest.
"""
