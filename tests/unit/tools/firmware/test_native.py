# SPDX-License-Identifier: MIT OR Apache-2.0
"""Native modules: a target per architecture, and what is missing is named with its package."""

import importlib.util
import sys
from pathlib import Path

import pytest

from tools.firmware import cache, native, targets, toolchain
from tools.firmware.errors import MissingTool

SOURCE = Path("/mpy")


@pytest.fixture(autouse=True)
def libraries_are_there(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(native, "_require_libraries", lambda compiler: None)


@pytest.mark.parametrize("architecture", native.ARCHITECTURES)
def test_each_architecture_is_a_target_with_its_compiler(architecture: str) -> None:
    target = targets.named(f"mpy-{architecture}")
    assert target.outputs[0] == "pqc.mpy"
    assert target.compiler == native.ARCHITECTURES[architecture].compiler
    assert target.size_program.removesuffix("size") == target.compiler.removesuffix("gcc")
    command = target.command(SOURCE, 128)
    assert f"ARCH={architecture}" in command
    assert f"MPY_DIR={SOURCE}" in command
    assert f"PYTHON={sys.executable}" in command  # the one that has pyelftools


def test_a_native_module_is_made_of_the_crypto_and_not_of_the_node() -> None:
    files = set(cache.files_of(targets.named("mpy-x64").inputs))
    assert native.NATMOD / "pqc_native.c" in files
    assert targets.C_MODULES / "bind_micropython" / "functions.h" in files
    assert targets.C_MODULES / "src" / "kem.c" in files
    assert not [path for path in files if targets.FROZEN in path.parents]


def test_without_pyelftools_the_user_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    with pytest.raises(MissingTool, match="pyelftools"):
        native.module("x64")(SOURCE, 128)


def test_the_riscv_firmware_is_micropython_s_own() -> None:
    target = targets.named("stock-rv32")
    assert target.inputs == ()
    command = target.command(SOURCE, 96)
    assert command[:3] == ["make", "-C", "/mpy/ports/qemu"]
    assert "MICROPY_HEAP_SIZE=98304" in command
    assert not [word for word in command if word.startswith("USER_C_MODULES")]
    assert "qemu-system-misc" in targets.packages_for(["stock-rv32"])


class TestLibraries:
    @pytest.fixture(autouse=True)
    def libraries_are_there(self) -> None:
        """Stands in for the module's fixture: here the check itself is tried."""

    def test_a_riscv_compiler_without_its_library_is_told_what_to_install(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        compiler = tmp_path / "riscv64-unknown-elf-gcc"
        compiler.write_text("#!/bin/sh\necho picolibc.specs\n")
        compiler.chmod(0o755)
        monkeypatch.setenv("PATH", f"{tmp_path}:/usr/bin:/bin")
        with pytest.raises(MissingTool, match="apt-get install picolibc-riscv64-unknown-elf"):
            native.module("rv32imc")(SOURCE, 128)
        with pytest.raises(MissingTool, match="picolibc"):
            native.stock_rv32(SOURCE, 128)

    def test_an_arm_module_asks_for_newlib(self, monkeypatch: pytest.MonkeyPatch) -> None:
        def missing() -> None:
            raise MissingTool(["C library"], ["libnewlib-arm-none-eabi"])

        monkeypatch.setattr(toolchain, "require_newlib", missing)
        with pytest.raises(MissingTool, match="libnewlib-arm-none-eabi"):
            native.module("armv6m")(SOURCE, 128)
