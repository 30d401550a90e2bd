"""The elements of which the OpenAPI document is made."""

from collections.abc import Collection
from typing import Any, Final

from app.errors import KINDS

Schema = dict[str, Any]

ANY: Final = (401, 429, 500)
"""Problems that any address may answer."""


def ref(name: str) -> Schema:
    """A schema among the document's components."""
    return {"$ref": f"#/components/schemas/{name}"}


def record(optional: Collection[str] = (), /, **properties: Schema) -> Schema:
    """An object with these members, of which the `optional` may be absent."""
    required = [name for name in properties if name not in optional]
    return {"type": "object", "properties": properties, "required": required}


def response(description: str, schema: str, media_type: str = "application/json") -> Schema:
    """An answer whose schema is among the components."""
    return {"description": description, "content": {media_type: {"schema": ref(schema)}}}


def problems(*statuses: int) -> Schema:
    """The problems that an address may answer, by status."""
    return {
        str(status): response(
            ", ".join(f"`{code}`" for code, kind in KINDS.items() if kind.status == status),
            "Problem",
            "application/problem+json",
        )
        for status in statuses
    }


def get(name: str, summary: str, schema: str, *statuses: int) -> Schema:
    """An address that is only looked at; `statuses` are those of problems that not any address has."""
    responses = {"200": response(summary, schema), **problems(*statuses, *ANY)}
    return {"operationId": name, "summary": summary, "responses": responses}
