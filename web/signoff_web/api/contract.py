"""What programs read about the API: its description, and the JSON Schemas of events."""

from typing import Any

from fastapi import APIRouter, Request, Response

from signoff_schemas.json_schema import schema_text
from signoff_schemas.kinds import EventType
from signoff_web.access import OPEN
from signoff_web.openapi import description_of

router = APIRouter(dependencies=[OPEN], tags=["Contract"])


@router.get(
    "/v1/schemas/{kind}",
    response_class=Response,
    responses={200: {"content": {"application/schema+json": {"schema": {"type": "object"}}}}},
    summary="The JSON Schema of a kind of event",
)
def schema(kind: EventType) -> Response:
    """What an event must look like; some rules cannot be said in a schema."""
    return Response(schema_text(kind), media_type="application/schema+json")


@router.get("/v1/openapi.json", summary="This description")
def description(request: Request) -> dict[str, Any]:
    """The description of this API (OpenAPI 3.1)."""
    return description_of(request.app)
