"""`python -m ledger.verify BUNDLE --trust TRUST.json ...`"""

from ledger.verify.command import main

main(prog_name="python -m ledger.verify")
