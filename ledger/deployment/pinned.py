"""The chain and the contracts as a configuration pins them."""

from ledger.chain.port import ChainDeployment
from ledger.deployment.config import ChainConfig
from ledger.errors import ConfigurationError


def pinned_deployment(chain: ChainConfig) -> ChainDeployment:
    """Which chain, and where the contracts are; raises `ConfigurationError` before deployment."""
    if not chain.pinned:
        raise ConfigurationError("the contracts are not deployed yet (xinzheng deploy)")
    return ChainDeployment(
        int(chain.chain_id or 0),
        str(chain.genesis),
        str(chain.consortium),
        str(chain.registry),
        int(chain.deployed_block or 0),
        chain.sm2,
        chain.evidence,
        chain.disputes,
    )
