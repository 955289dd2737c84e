"""A browser, as far as signing in is concerned: it keeps the cookie, and says where it is."""

from http.cookies import SimpleCookie
from typing import Any

import httpx

from signoff_web.authentication import COOKIE


class Browser:
    """Sends requests as pages of the service do; redirects are not followed."""

    def __init__(self, client: httpx.Client) -> None:
        self._client = client
        self.token: str | None = None
        """The session that the browser has."""

    def open(self, path: str, **headers: str) -> httpx.Response:
        """Go to a page, as somebody who typed its address or followed a link."""
        navigating = {"sec-fetch-mode": "navigate", "sec-fetch-site": "none"}
        return self._sent("GET", path, navigating | _named(headers))

    def send(
        self, path: str, fields: dict[str, Any] | None = None, **headers: str
    ) -> httpx.Response:
        """Send a form of one of the service's own pages."""
        own = {"sec-fetch-mode": "navigate", "sec-fetch-site": "same-origin"}
        return self._sent("POST", path, own | _named(headers), data=fields or {"": ""})

    def sign_in(self, name: str, password: str, *, goal: str = "/") -> httpx.Response:
        """Send the form of the sign-in page."""
        return self.send("/sign-in", {"name": name, "password": password, "next": goal})

    def _sent(self, method: str, path: str, headers: dict[str, str], **body: Any) -> httpx.Response:
        given = {"accept": "text/html", "user-agent": "Browser/1"} | headers
        given = {name: value for name, value in given.items() if value}
        if self.token:
            others = f"; {given['cookie']}" if "cookie" in given else ""
            given["cookie"] = f"{COOKIE}={self.token}{others}"
        answer = self._client.request(method, path, headers=given, **body)
        self._keep(answer)
        return answer

    def _keep(self, answer: httpx.Response) -> None:
        for line in answer.headers.get_list("set-cookie"):
            cookie = SimpleCookie(line).get(COOKIE)
            if cookie is not None:
                self.token = cookie.value if cookie["max-age"] != "0" else None
        self._client.cookies.clear()


def _named(headers: dict[str, str]) -> dict[str, str]:
    """Headers by their names; an empty one is not sent."""
    return {name.replace("_", "-"): value for name, value in headers.items()}
