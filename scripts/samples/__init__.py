"""Sample data about a city that does not exist: seeded, and the same bytes for the same seed and date.

Every region code begins with 99, which no place in China has; every name is invented; every code is valid in
form, check characters included, so that the product treats it as it treats real data.
"""

from scripts.samples.access import access_events
from scripts.samples.certificates import Certificate, certificates
from scripts.samples.credit import Sheet, credit_sheets
from scripts.samples.further import further_sheets
from scripts.samples.world import Organisation, Person, World
from scripts.samples.writing import write_samples

__all__ = [
    "Certificate",
    "Organisation",
    "Person",
    "Sheet",
    "World",
    "access_events",
    "certificates",
    "credit_sheets",
    "further_sheets",
    "write_samples",
]
