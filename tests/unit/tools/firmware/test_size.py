# SPDX-License-Identifier: MIT OR Apache-2.0
"""Image sizes are read from what `size` prints."""

import pytest

from tools.firmware.errors import FirmwareError
from tools.firmware.size import parse

OUTPUT = """\
   text	   data	    bss	    dec	    hex	filename
 261136	      8	 441544	 702688	  ab8e0	firmware.elf
"""


def test_flash_and_ram_are_told_apart() -> None:
    found = parse(OUTPUT)
    assert found.flash_bytes == 261136 + 8
    assert found.ram_bytes == 8 + 441544


@pytest.mark.parametrize("output", ["", "size: no such file\n", "a b c\nx y z\n"])
def test_anything_else_is_an_error(output: str) -> None:
    with pytest.raises(FirmwareError, match="unexpected output"):
        parse(output)
