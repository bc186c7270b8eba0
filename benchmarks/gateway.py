# SPDX-License-Identifier: MIT OR Apache-2.0
"""A gateway's cold start and memory: the `pqmesh` command itself, as an operator starts it.

Cold start is from exec to the event that says which addresses it listens on, bytecode caches
warm; memory is the resident set of that process at that moment.
"""

from __future__ import annotations

import argparse
import json
import signal
import socket
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from support.mesh_nodes import make_config

from .measure import machine, noise, summarise

PATIENCE_S = 30


def config_file(folder: Path) -> Path:
    """A gateway with one cable and nobody at its other end."""
    make_config(folder)  # makes the identity
    path = folder / "gateway.toml"
    path.write_text(
        f'[identity]\npath = "{folder}/identity.seed"\n'
        f'[[link]]\nkind = "serial"\ndevice = "unix://{folder}/cable"\n'
        f'[quic]\nlisten = "127.0.0.1:0"\ntrust = "any"\n'
        f'[control]\nsocket = "{folder}/c.sock"\n[store]\npath = "{folder}/state.sqlite"\n'
    )
    return path


def one_start(config: Path) -> tuple[float, float]:
    """Start, wait for "started", stop: (milliseconds to started, RSS in MiB)."""
    command = [str(Path(sys.executable).with_name("pqmesh")), "gateway", "run"]
    began = time.perf_counter()
    process = subprocess.Popen(
        [*command, "--config", str(config), "--json"], stdout=subprocess.PIPE, text=True
    )
    try:
        if process.stdout is None:
            raise RuntimeError("the gateway has no output to read")
        for line in process.stdout:
            if json.loads(line).get("event") == "started":
                elapsed = (time.perf_counter() - began) * 1000
                return elapsed, rss_mib(process.pid)
        raise RuntimeError(f"the gateway ended with exit code {process.wait()}")
    finally:
        process.send_signal(signal.SIGTERM)
        process.communicate(timeout=PATIENCE_S)


def rss_mib(pid: int) -> float:
    """Resident set of a process, MiB, as the kernel counts it."""
    for line in Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith("VmRSS:"):
            return int(line.split()[1]) / 1024
    raise RuntimeError(f"process {pid} has no resident set")


def main(arguments: list[str] | None = None) -> int:
    """Measure and print; 0 when every start succeeded."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.gateway", description=__doc__)
    parser.add_argument("--runs", type=int, default=9)
    options = parser.parse_args(arguments)
    print(f"# {machine()}\n# {noise()}")
    with tempfile.TemporaryDirectory(prefix="pqmesh-") as folder:
        config = config_file(Path(folder))
        with socket.socket(socket.AF_UNIX) as cable:
            cable.bind(f"{folder}/cable")
            cable.listen()
            one_start(config)  # writes the bytecode caches
            results = [one_start(config) for _ in range(options.runs)]
    print(summarise("gateway: exec to listening", "ms", [r[0] for r in results]).row())
    print(summarise("gateway: resident, idle", "MiB", [r[1] for r in results]).row())
    return 0


if __name__ == "__main__":
    sys.exit(main())
