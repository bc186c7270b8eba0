# SPDX-License-Identifier: MIT OR Apache-2.0
"""The C library as CMake, the ESP-IDF, PlatformIO and Arduino see it."""

from __future__ import annotations

import json
import re
import subprocess
import tomllib
from pathlib import Path
from typing import Any

import pytest

from support import c_library
from support.c_library import C_PQC

ROOT = C_PQC.parents[1]
VERSION = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["version"]
SOURCES = sorted(path.name for path in (C_PQC / "src").glob("*.c"))

# The fields that we use of PlatformIO's "library.json", with their types.
PLATFORMIO: dict[str, Any] = {
    "name": str,
    "version": str,
    "description": str,
    "keywords": list,
    "license": str,
    "authors": list,
    "headers": str,
    "frameworks": str,
    "platforms": str,
    "build": dict,
    "export": dict,
    "examples": list,
}
PLATFORMIO_BUILD = {"srcDir", "includeDir"}
# The fields that we use of Arduino's "Library specification".
ARDUINO = {"name", "version", "author", "maintainer", "sentence", "paragraph", "category"}
ARDUINO |= {"architectures", "includes"}
ARDUINO_CATEGORIES = {
    "Display",
    "Communication",
    "Signal Input/Output",
    "Sensors",
    "Device Control",
    "Timing",
    "Data Storage",
    "Data Processing",
    "Other",
}

CONSUMER = """cmake_minimum_required(VERSION 3.16)
project(consumer C)
find_package(pqc REQUIRED)
add_executable(consumer main.c)
target_link_libraries(consumer PRIVATE pqc::pqc)
"""
MAIN = """#include <pqc.h>
int main(void)
{
    unsigned char digest[PQC_SHA256_BYTES];
    pqc_sha256(digest, (const unsigned char *)"abc", 3);
    return digest[0] != 0xba;
}
"""
COMPONENT = """set(ESP_PLATFORM ON)
function(idf_component_register)
  foreach(word ${ARGV})
    message("word ${word}")
  endforeach()
endfunction()
"""


def semantic(version: str) -> str:
    """A PEP 440 version in the spelling of semver.org 2.0: 0.1.0.dev0 is 0.1.0-dev.0."""
    found = re.fullmatch(r"(\d+\.\d+\.\d+)(?:\.dev(\d+)|(a|b|rc)(\d+))?", version)
    assert found is not None, version
    release, dev, phase, number = found.groups()
    if dev is not None:
        return f"{release}-dev.{dev}"
    return f"{release}-{phase}.{number}" if phase else release


def properties(text: str) -> dict[str, str]:
    """The fields of a library.properties file. Every line is `name=value`."""
    return dict(line.split("=", 1) for line in text.splitlines())


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder in which CMake has built the library and its example."""
    c_library.need("cmake", "gcc")
    folder = tmp_path_factory.mktemp("cmake")
    c_library.build(folder)
    return folder


def test_the_example_prints_what_pyca_computes(built: Path) -> None:
    done = subprocess.run(
        [built / "examples" / "round_trip"], capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stdout.splitlines()) == (0, c_library.expected_lines())


def test_an_installed_library_is_found(built: Path, tmp_path: Path) -> None:
    prefix, project = tmp_path / "prefix", tmp_path / "project"
    c_library.cmake("--install", str(built), "--prefix", str(prefix))
    project.mkdir()
    (project / "CMakeLists.txt").write_text(CONSUMER)
    (project / "main.c").write_text(MAIN)
    binary = tmp_path / "build"
    c_library.cmake("-S", str(project), "-B", str(binary), f"-DCMAKE_PREFIX_PATH={prefix}")
    c_library.cmake("--build", str(binary))
    assert subprocess.run([binary / "consumer"], check=False).returncode == 0


def test_a_sketch_needs_only_the_source_folder(built: Path, tmp_path: Path) -> None:
    """Arduino compiles sketches as C++ and gives them src/ to look for headers in."""
    c_library.need("g++")
    sketch = tmp_path / "sketch.cpp"
    sketch.write_text(MAIN)
    program = tmp_path / "sketch"
    command = ["g++", "-Wall", "-Werror", f"-I{C_PQC / 'src'}", str(sketch)]
    subprocess.run([*command, str(built / "libpqc.a"), "-o", str(program)], check=True)
    assert subprocess.run([program], check=False).returncode == 0


def test_the_esp_idf_gets_a_component(tmp_path: Path) -> None:
    """Against a stand-in for the ESP-IDF's function: the real one is not to be had in CI."""
    c_library.need("cmake")
    script = tmp_path / "component.cmake"
    script.write_text(f"{COMPONENT}include({C_PQC / 'CMakeLists.txt'})\n")
    done = subprocess.run(["cmake", "-P", str(script)], capture_output=True, text=True, check=True)
    words = [line.removeprefix("word ") for line in done.stderr.splitlines()]
    assert words[0] == "SRCS"
    assert words[-2:] == ["INCLUDE_DIRS", "include"]
    assert sorted(Path(word).name for word in words[1:-2]) == SOURCES


def test_platformio_s_manifest_has_the_form() -> None:
    manifest = json.loads((C_PQC / "library.json").read_text())
    assert {name: type(value) for name, value in manifest.items()} == PLATFORMIO
    assert set(manifest["build"]) == PLATFORMIO_BUILD
    assert re.fullmatch(r"[a-z0-9-]{1,50}", manifest["name"])
    assert all(re.fullmatch(r"[a-z0-9-]{1,50}", word) for word in manifest["keywords"])
    assert len(manifest["description"]) <= 255
    assert (C_PQC / manifest["build"]["includeDir"] / manifest["headers"]).is_file()
    for name in manifest["export"]["include"]:
        assert (C_PQC / name).exists(), name
    for example in manifest["examples"]:
        for name in example["files"]:
            assert (C_PQC / example["base"] / name).is_file()


def test_arduino_s_manifest_has_the_form() -> None:
    manifest = properties((C_PQC / "library.properties").read_text())
    assert set(manifest) == ARDUINO
    assert all(manifest.values())
    assert re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9 _.-]{0,62}", manifest["name"])
    assert manifest["category"] in ARDUINO_CATEGORIES
    assert (C_PQC / "src" / manifest["includes"]).is_file()


def test_every_version_is_the_project_s() -> None:
    assert json.loads((C_PQC / "library.json").read_text())["version"] == semantic(VERSION)
    arduino = properties((C_PQC / "library.properties").read_text())
    assert arduino["version"] == semantic(VERSION)
    found = re.search(r"project\(pqc VERSION (\S+) ", (C_PQC / "CMakeLists.txt").read_text())
    assert found is not None
    assert found[1] == semantic(VERSION).partition("-")[0]  # CMake knows no pre-releases


def test_licence_is_the_project_s() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    assert json.loads((C_PQC / "library.json").read_text())["license"] == project["license"]


@pytest.mark.parametrize(
    ("version", "spelt"),
    [("0.1.0.dev0", "0.1.0-dev.0"), ("1.2.3", "1.2.3"), ("1.0.0rc1", "1.0.0-rc.1")],
)
def test_versions_are_respelt(version: str, spelt: str) -> None:
    assert semantic(version) == spelt
