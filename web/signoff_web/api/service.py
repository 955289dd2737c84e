"""Whether the service works: for load balancers and whoever starts it."""

from fastapi import APIRouter

from signoff_web.access import OPEN

router = APIRouter(dependencies=[OPEN])


@router.get("/live")
def live() -> dict[str, str]:
    """Answers as long as the process serves requests."""
    return {"status": "live"}
