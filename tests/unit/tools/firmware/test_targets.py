# SPDX-License-Identifier: MIT OR Apache-2.0
"""Targets: the table is complete, and what is missing is named with its package."""

from pathlib import Path

import pytest

from tools.firmware import targets, toolchain
from tools.firmware.errors import FirmwareError, MissingTool

CONTRACT = ["mpy-cross", "unix64", "unix32", "qemu-an385", "qemu-an386", "qemu-an500", "pico"]


@pytest.mark.parametrize("name", CONTRACT)
def test_every_target_of_the_contract_is_there(name: str) -> None:
    target = targets.named(name)
    assert target.outputs
    assert target.summary


@pytest.mark.parametrize("name", list(targets.TARGETS))
def test_every_program_s_package_is_in_the_target_s_list(name: str) -> None:
    target = targets.named(name)
    wanted = {toolchain.PACKAGE_OF[program] for program in target.programs}
    assert wanted <= set(targets.packages_for([name]))


def test_an_unknown_target_names_the_known_ones() -> None:
    with pytest.raises(FirmwareError, match="qemu-an386"):
        targets.named("qemu-an387")


def test_packages_are_named_once_and_in_order() -> None:
    packages = targets.packages_for(["qemu-an385", "qemu-an386", "unix32"])
    assert packages == sorted(set(packages))
    assert {"qemu-system-arm", "libnewlib-arm-none-eabi", "gcc-i686-linux-gnu"} <= set(packages)


def test_the_heap_is_a_variable_of_the_board(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(toolchain, "require_newlib", lambda: None)
    command = targets.named("qemu-an386").command(Path("/mpy"), 64)
    assert "MICROPY_HEAP_KB=64" in command
    assert "BOARD=QEMU_MPS2_AN386" in command


def test_a_machine_without_compilers_is_told_what_to_install(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    targets.i386_compiler.cache_clear()
    try:
        with pytest.raises(MissingTool, match="apt-get install gcc-i686-linux-gnu"):
            targets.i386_compiler()
        with pytest.raises(MissingTool, match="apt-get install gcc-arm-none-eabi"):
            toolchain.require(["arm-none-eabi-gcc"])
    finally:
        targets.i386_compiler.cache_clear()


def test_an_arm_compiler_without_its_library_is_told_what_to_install(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    compiler = tmp_path / "arm-none-eabi-gcc"
    compiler.write_text("#!/bin/sh\necho nano.specs\n", encoding="ascii")
    compiler.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:/usr/bin:/bin")
    with pytest.raises(MissingTool, match="apt-get install libnewlib-arm-none-eabi"):
        toolchain.require_newlib()
