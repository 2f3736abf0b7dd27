"""Building the package from the root of the repository, as ``pip install git+URL`` does."""

import os
import subprocess
import zipfile

import pytest

from conftest import ROOT, missing

MATURIN = ROOT / "target/peers/maturin/bin"


@pytest.mark.timeout(300)
def test_the_root_of_the_repository_builds_the_package(tmp_path):
    if not (MATURIN / "pip").exists():
        missing("what builds the package is not installed")
    # The libraries of the tests' own wheel are there already.
    environment = {
        **os.environ,
        "MATURIN_PEP517_ARGS": "--profile dev",
        "PATH": f"{MATURIN}{os.pathsep}{os.environ['PATH']}",
    }
    command = [MATURIN / "pip", "wheel", "--no-deps", "--no-build-isolation", "--wheel-dir", tmp_path, ROOT]
    built = subprocess.run(command, env=environment, capture_output=True, text=True)
    assert built.returncode == 0, built.stderr
    (wheel,) = tmp_path.glob("pigear-*-abi3-*.whl")
    names = zipfile.ZipFile(wheel).namelist()
    assert "pigear/__main__.py" in names
    assert any(name.startswith("pigear/_pigear.") for name in names)
