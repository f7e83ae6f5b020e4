"""The receipt service of a deployment: the operator's key, its certificate log, the names in the registry."""

import os
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

import ledger.catalog
from ledger.errors import Unavailable
from ledger.services.pen import Pen
from ledger.services.receipts import ReceiptService, table_files

if TYPE_CHECKING:
    from ledger.deployment.deployment import Deployment


def make_receipts(deployment: "Deployment") -> ReceiptService:
    """The service over an open deployment."""
    pen = Pen(
        deployment.logs["certificate"].appender,
        deployment.config.operator,
        deployment.keyring.operator_signer(),
        deployment.clock,
        os.urandom,
    )

    def name_of(uscc: str) -> str:
        member = deployment.directory.trust.members.get(uscc)
        return uscc if member is None else member.name

    def tables(edition: str) -> Mapping[str, bytes]:
        catalogue = deployment.editions.find(edition)
        if catalogue is None:
            raise Unavailable(f"edition {edition} of the catalogue is not there any more")
        shipped = Path(ledger.catalog.__file__).parent
        return table_files(catalogue, (deployment.catalogue_path / edition, shipped))

    return ReceiptService(deployment.credit, deployment.logs["access"].store, pen, name_of, tables)
