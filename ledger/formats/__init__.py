"""The byte formats of DESIGN.md section 4, pure: each module parses strictly and formats back.

Import from the modules: envelope, statement, note, receipt, bundle, finality, trust, tags, sealed,
strictjson, encoding, times, http_signature.
"""
