"""The base of every value that is read from or written to disk: immutable, and strict about unknown fields."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any, ClassVar, Self

from pydantic import BaseModel, ConfigDict, TypeAdapter, ValidationError

from semivox.core.errors import InputError
from semivox.core.explanations import explain
from semivox.core.files import write_text
from semivox.core.json_text import parsed
from semivox.core.reading import content_of


class Frozen(BaseModel):
    """An immutable value; unknown fields are errors, and a field's docstring is its help text."""

    called: ClassVar[str] = "file of Semivox"
    """What a file of this value is called in a sentence."""
    model_config = ConfigDict(frozen=True, extra="forbid", use_attribute_docstrings=True, allow_inf_nan=False)

    def save(self, path: Path) -> None:
        """Write the value as indented JSON, replacing the file in one step so that no reader sees half of it.

        Raises SemivoxError naming the file where it cannot be written.
        """
        write_text(path, self.model_dump_json(indent=2) + "\n")

    @classmethod
    def load(cls, path: Path) -> Self:
        """Read the value back. Raises InputError naming the file and the field that is wrong."""
        content = content_of(path)
        try:
            parsed(content)
            return cls.model_validate_json(content)
        except InputError as error:
            raise InputError(f"{path} is not a valid {cls.called}: {error}") from error
        except ValidationError as error:
            raise InputError(f"{path} is not a valid {cls.called}:\n{explain(error, cls)}") from error
        except ValueError as error:
            raise InputError(f"{path} is not a valid {cls.called}: {error}") from error


def wrong_with(kind: type[BaseModel], name: str, value: Any) -> str:
    """What a field must be that cannot have this value, as ``must be above 0``; empty where it can."""
    info = kind.model_fields[name]
    adapter: TypeAdapter[Any] = TypeAdapter(Annotated[info.annotation, info])  # type: ignore[arg-type]
    try:
        adapter.validate_python(value)
    except ValidationError as error:
        return explain(error).partition(": ")[2].partition(" (received")[0]
    return ""
