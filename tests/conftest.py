"""Fixtures that several rooms of the tests share."""

import os
from pathlib import Path

import pytest


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """The folder of shared test data beside the project, or where XINZHENG_SHARED says."""
    root = Path(__file__).resolve().parent.parent
    shared = Path(os.environ.get("XINZHENG_SHARED", root.parent / "shared"))
    data = shared / "data"
    if not data.is_dir():
        pytest.fail(f"no shared test data at {data}; set XINZHENG_SHARED to the folder that holds data/")
    return data
