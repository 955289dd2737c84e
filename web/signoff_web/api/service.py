"""Whether the service works, and its figures: for load balancers and monitoring."""

from fastapi import APIRouter, Response
from starlette.concurrency import run_in_threadpool

from signoff_ops.status import status
from signoff_schemas.access import Scope
from signoff_web.access import OPEN, requires
from signoff_web.api.answers import refusals
from signoff_web.api.models import Alive, Ready
from signoff_web.context import InContext
from signoff_web.problems import ProblemError
from signoff_web.prometheus import MEDIA_TYPE, metrics_text

router = APIRouter(tags=["Service"])


@router.get("/live", dependencies=[OPEN], summary="Is it live?")
async def live() -> Alive:
    """Answers as long as the process serves requests; also while all threads wait for a server."""
    return Alive()


@router.get(
    "/ready",
    dependencies=[OPEN],
    responses=refusals(_503="It is not ready; `detail` says why."),
    summary="Is it ready?",
)
async def ready(context: InContext) -> Ready:
    """Whether Redis and Postgres answer, the schema is current, and it is not stopping."""
    if context.stopping.is_set():
        found = ["it is stopping"]
    else:
        found = await context.readiness.reasons_not_ready(context.servers)
    if found:
        raise ProblemError(503, "not-ready", "Not ready", "; ".join(found))
    return Ready()


@router.get(
    "/metrics",
    dependencies=[requires(Scope.READ)],
    response_class=Response,
    responses={200: {"content": {"text/plain": {"schema": {"type": "string"}}}}},
    summary="Figures for Prometheus",
)
async def metrics(context: InContext) -> Response:
    """Queue, dead letters, feed, customers and requests, in Prometheus's text format."""
    found = await run_in_threadpool(status, context.servers)
    customers = await run_in_threadpool(context.customers.latest)
    text = metrics_text(found, customers, context.requests, context.followers.number)
    return Response(text, media_type=MEDIA_TYPE)
