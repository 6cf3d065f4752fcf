"""The errors of the registries.

HeedlineError
├── RegistryDamaged     an index or the catalogue is not what an import wrote, or the key is another
└── RegistryBusy        another import or drop is under way
BadInput
└── BadList             the file can't be taken as that list; nothing was changed
    └── BadLine         … because of one line, which is named and never repeated
"""

from compliance.errors import BadInput, HeedlineError


class RegistryDamaged(HeedlineError):
    """What lies in the registry's folder does not open. Import the list again."""


class RegistryBusy(HeedlineError):
    """One import or drop at a time."""


class BadList(BadInput):
    """The file is refused as a whole."""


class BadLine(BadList):
    """A line could not be read. The message names it and never repeats it: it may hold a number."""

    def __init__(self, file: str, line: int, why: str) -> None:
        super().__init__(f"{file}: line {line}: {why}; nothing was imported")
        self.file, self.line, self.why = file, line, why
