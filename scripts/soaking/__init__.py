"""Faults put to a deployment on a network of validators, under load, with everything checked after each.

`relay` stands between the worker and a validator, `site` is the deployment, `load` what goes on meanwhile,
`faults` what is done to it, `verdict` what must hold afterwards.
"""
