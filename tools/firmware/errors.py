# SPDX-License-Identifier: MIT OR Apache-2.0
"""The one error a user of the firmware tools meets: what went wrong, and what to do about it."""


class FirmwareError(Exception):
    """A firmware step failed; `hint` tells the user what to do next (may be empty)."""

    def __init__(self, problem: str, hint: str = "") -> None:
        super().__init__(problem)
        self.problem = problem
        self.hint = hint

    def __str__(self) -> str:
        return f"{self.problem}\n  {self.hint}" if self.hint else self.problem


class MissingTool(FirmwareError):
    """Programs are missing here; `packages` are the Debian packages that bring them."""

    def __init__(self, missing: list[str], packages: list[str]) -> None:
        super().__init__(
            f"not found on this machine: {', '.join(missing)}",
            f"install with: apt-get install {' '.join(packages)}",
        )
        self.packages = packages
