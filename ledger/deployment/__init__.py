"""The composition root: a deployment's folder, its configuration and keys, and everything wired over them.

deployment = Deployment.create(folder, config)   # once
deployment = Deployment.open(folder)             # in every process
"""

from ledger.deployment.config import (
    LOGS,
    ApiConfig,
    ChainConfig,
    Config,
    LimitsConfig,
    NoticesConfig,
    SealingConfig,
    WorkerConfig,
    format_config,
    parse_config,
    read_config,
)
from ledger.deployment.deployment import Deployment
from ledger.deployment.keyring import Keyring, load_private_key, save_private_key
from ledger.deployment.log_handle import LogHandle

__all__ = [
    "LOGS",
    "ApiConfig",
    "ChainConfig",
    "Config",
    "Deployment",
    "Keyring",
    "LimitsConfig",
    "LogHandle",
    "NoticesConfig",
    "SealingConfig",
    "WorkerConfig",
    "format_config",
    "load_private_key",
    "parse_config",
    "read_config",
    "save_private_key",
]
