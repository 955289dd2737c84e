"""Bodies of requests that act: small JSON objects, read by a model."""

from typing import Any, Final, TypeVar

from pydantic import BaseModel, ConfigDict, ValidationError

from signoff_schemas.invalid import located_problems
from signoff_web.api.answers import refusals
from signoff_web.problems import invalid_request

REFUSED_BODIES: Final = refusals(
    _400="The body is not what its Content-Encoding says.",
    _408="The body did not come in time.",
    _413="The body is too large.",
    _415="The body is no JSON.",
)
"""How a route answers a body that cannot be read, for its `responses`."""


class Body(BaseModel):
    """What a body may hold; other members are errors."""

    model_config = ConfigDict(
        extra="forbid", strict=True, use_attribute_docstrings=True, hide_input_in_errors=True
    )


Model = TypeVar("Model", bound=Body)


def takes(model: type[Body]) -> dict[str, Any]:
    """The description of a body, for the `openapi_extra` of its route."""
    schema = model.model_json_schema()
    return {"requestBody": {"required": True, "content": {"application/json": {"schema": schema}}}}


def parsed(model: type[Model], body: bytes) -> Model:
    """The body as the model has it.

    Raises:
        ProblemError: it is no JSON, or not what the model says (422).
    """
    try:
        return model.model_validate_json(body)
    except ValidationError as error:
        raise invalid_request(located_problems(error.errors(include_url=False))) from None
