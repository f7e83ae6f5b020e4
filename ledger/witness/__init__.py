"""A witness: an independent member that follows other members' logs, checks them and countersigns.

`follower` is one log's round: look, compare, derive, cosign, hand in; `store` what it must never forget;
`source` the log as it shows itself; `evidence` what it writes when a log showed two histories.
"""
