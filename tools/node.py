"""Find Node, and fetch once its packages for decks and site: those that slides/package-lock.json names."""

import functools
import hashlib
import re
import shutil
import subprocess
import sys
from pathlib import Path

SLIDES = Path(__file__).resolve().parent.parent / "slides"
OLDEST = 18
MISSING = "Node and npm are needed: on Debian and Ubuntu `apt-get install nodejs npm`, elsewhere see nodejs.org."


@functools.cache
def node() -> str:
    """The path of the command node. Exits with a message if Node or npm is missing, or Node too old."""
    found = shutil.which("node")
    if found is None or shutil.which("npm") is None:
        sys.exit(MISSING)
    shown = subprocess.run([found, "--version"], capture_output=True, encoding="utf-8", errors="replace")
    version = shown.stdout.strip()
    if int(re.match(r"v?(\d+)", version)[1]) < OLDEST:
        sys.exit(f"Node {OLDEST} or newer is needed; {found} is {version}.")
    return found


@functools.cache
def packages() -> Path:
    """The folder with Marp, KaTeX and the fonts, as slides/package-lock.json names them; fetched once."""
    folder = SLIDES / "node_modules"
    stamp, lock = folder / ".course-lock", hashlib.sha256((SLIDES / "package-lock.json").read_bytes()).hexdigest()
    if not stamp.exists() or stamp.read_text() != lock:
        print("Fetching Marp, KaTeX and fonts into slides/node_modules: once, a minute.", flush=True)
        command = [shutil.which("npm"), "ci", "--no-audit", "--no-fund", "--loglevel=error"]
        shown = subprocess.run(command, cwd=SLIDES, capture_output=True, encoding="utf-8", errors="replace")
        if shown.returncode:
            reason = shown.stderr.strip()
            sys.exit(f"npm could not fetch the packages of the decks; it needs the network once.\n{reason}")
        stamp.write_text(lock)
    return folder
