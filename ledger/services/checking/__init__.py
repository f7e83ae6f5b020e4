"""The check: who is asked about, what their records amount to for a matter, and lists of bidders."""
