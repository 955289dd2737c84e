"""Build the wheel and prove that plain `pip install signoff` is enough to publish.

An upstream service must not receive a Postgres driver, and a package that forgets its .sql, .lua or
py.typed breaks only once it is installed, so both are checked on the built wheel, outside the
source tree.
"""

import subprocess
import sys
import tempfile
import tomllib
import zipfile
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
SHIPPED = {".css", ".html", ".js", ".json", ".lua", ".py", ".sql", ".svg", ".txt", ".typed"}
IMPORT_WITHOUT_DRIVER = """
import importlib.util, sys
from signoff import ApprovalEvent, AsyncProducer, Producer, outbox
loaded = {name.partition(".")[0] for name in sys.modules} & {"psycopg", "psycopg_pool"}
assert not loaded, f"importing signoff loaded {sorted(loaded)}"
assert importlib.util.find_spec("psycopg") is None, "plain signoff installs psycopg"
"""


def main() -> int:
    """Exit 0 when the wheel holds all of each package and publishing works without extras."""
    with tempfile.TemporaryDirectory(prefix="signoff-wheel-") as scratch:
        wheel = build_wheel(Path(scratch))
        if missing := missing_files(wheel):
            print(f"{wheel.name} lacks: {', '.join(missing)}", file=sys.stderr)
            return 1
        import_in_clean_environment(wheel, Path(scratch))
        print(f"{wheel.name}: complete, and publishes without extras")
    return 0


def build_wheel(scratch: Path) -> Path:
    """Build with this environment's hatchling, so that no index is asked."""
    run(sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(scratch))
    return next(scratch.glob("*.whl"))


def missing_files(wheel: Path) -> list[str]:
    """Return what the packages hold and the wheel does not, py.typed always expected."""
    present = set(zipfile.ZipFile(wheel).namelist())
    return sorted(expected_files() - present)


def expected_files() -> set[str]:
    """Return the paths in the wheel of all that the packages must ship."""
    config = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    packages = config["tool"]["hatch"]["build"]["targets"]["wheel"]["packages"]
    folders = [ROOT / package for package in packages]
    typed = {f"{folder.name}/py.typed" for folder in folders}
    files = {
        str(path.relative_to(folder.parent))
        for folder in folders
        for path in folder.rglob("*")
        if path.suffix in SHIPPED
    }
    return typed | files


def import_in_clean_environment(wheel: Path, scratch: Path) -> None:
    """Install the wheel alone and import the façade there, away from the source tree."""
    uv = str(Path(sys.executable).with_name("uv"))
    python = str(scratch / "venv" / "bin" / "python")
    run(uv, "venv", "--quiet", "--python", sys.executable, str(scratch / "venv"))
    constraints = str(ROOT / "constraints.txt")
    run(uv, "pip", "install", "--quiet", "--python", python, "-c", constraints, str(wheel))
    run(python, "-I", "-c", IMPORT_WITHOUT_DRIVER, cwd=scratch)


def run(*command: str, cwd: Path = ROOT) -> None:
    """Run a step quietly; if it fails, print its output and end."""
    done = subprocess.run(command, cwd=cwd, capture_output=True, text=True, check=False)
    if done.returncode:
        sys.exit(f"{' '.join(command[:4])} ... failed:\n{done.stdout}{done.stderr}")


if __name__ == "__main__":
    sys.exit(main())
