"""Sign-in by an identity provider: OpenID Connect with state, nonce and PKCE.

The browser is sent to the provider with values that only it keeps, in a cookie, and comes back with
a code. The code is exchanged for a token whose signature, issuer, audience, time and nonce are
checked; what the token claims becomes a user and its roles.
"""

import secrets
import threading
import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final, Self
from urllib.parse import quote, unquote

import httpx
from authlib.oauth2.rfc6749.parameters import prepare_grant_uri
from authlib.oauth2.rfc7636 import create_s256_code_challenge
from joserfc import jwt
from joserfc.errors import JoseError
from joserfc.jwk import KeySet

from signoff_ops.sign_in import Claimed, SignInError
from signoff_schemas import Settings, SettingsError
from signoff_schemas.access import Role

_SCOPE: Final = "openid profile email"
_ALGORITHMS: Final = (
    *("RS256", "RS384", "RS512"),
    *("PS256", "PS384", "PS512"),
    *("ES256", "ES384", "EdDSA"),
)
"""Signatures with a public key: a token that is signed with anything else is refused."""
_TIMEOUT: Final = 10.0
_KEPT_SECONDS: Final = 3600.0
"""How long the provider's addresses and keys are kept."""
_AWAY_SECONDS: Final = 5.0
"""How long a provider that could not be reached is not asked again: each try takes a thread."""
_ENDPOINTS: Final = ("authorization_endpoint", "token_endpoint", "jwks_uri")
_LEEWAY: Final = 60
"""Seconds by which the clocks may differ."""


class ProviderError(SignInError):
    """The identity provider cannot be reached, or what it says is not valid."""


@dataclass(frozen=True, slots=True)
class Flow:
    """What the browser keeps until it comes back from the provider."""

    state: str
    nonce: str
    verifier: str
    goal: str

    @classmethod
    def begin(cls, goal: str) -> Self:
        """A new one, with random values."""
        state, nonce, verifier = (secrets.token_urlsafe(32) for _ in range(3))
        return cls(state, nonce, verifier, goal)

    @classmethod
    def of_cookie(cls, text: str) -> Self | None:
        """The one that a cookie holds; None if it is none."""
        match text.split("."):
            case [state, nonce, verifier, goal] if state and nonce and verifier:
                return cls(state, nonce, verifier, unquote(goal))
        return None

    @property
    def cookie(self) -> str:
        """As a cookie holds it."""
        goal = quote(self.goal, safe="").replace(".", "%2E")
        return f"{self.state}.{self.nonce}.{self.verifier}.{goal}"


@dataclass(frozen=True, slots=True)
class _Known:
    """What the provider says of itself."""

    document: Mapping[str, Any]
    keys: KeySet
    at: float


class Provider:
    """The identity provider of the settings."""

    def __init__(self, settings: Settings) -> None:
        """Contacts nobody yet.

        Raises:
            SettingsError: the id or the secret of the client is not set.
        """
        if not (settings.oidc_issuer and settings.oidc_client_id and settings.oidc_client_secret):
            raise SettingsError(
                "SIGNOFF_OIDC_ISSUER is set, so SIGNOFF_OIDC_CLIENT_ID and "
                "SIGNOFF_OIDC_CLIENT_SECRET must be set too"
            )
        self._issuer = settings.oidc_issuer
        self._client = (settings.oidc_client_id, settings.oidc_client_secret)
        self._claim = settings.oidc_claim
        self._roles = settings.oidc_role_map
        self._known: _Known | None = None
        self._failed: tuple[float, str] | None = None
        """When the provider could not be reached the last time, and why."""
        self._lock = threading.Lock()

    def begin(self, goal: str, redirect_uri: str) -> tuple[str, str]:
        """What the browser keeps in a cookie, and where to send it.

        Args:
            goal: the path where somebody goes on after signing in.
            redirect_uri: where the provider sends the browser back to.

        Raises:
            ProviderError: the provider cannot be reached.
        """
        flow = Flow.begin(goal)
        address: str = prepare_grant_uri(
            self._found().document["authorization_endpoint"],
            client_id=self._client[0],
            response_type="code",
            redirect_uri=redirect_uri,
            scope=_SCOPE,
            state=flow.state,
            nonce=flow.nonce,
            code_challenge=create_s256_code_challenge(flow.verifier),
            code_challenge_method="S256",
        )
        return flow.cookie, address

    def finish(self, cookie: str, state: str, code: str, redirect_uri: str) -> tuple[Claimed, str]:
        """Exchange the code that the browser brought back; returns whose it is, and the goal.

        Raises:
            ProviderError: the browser did not begin here, the provider cannot be reached or refuses
                the code, or its token is not valid.
        """
        flow = Flow.of_cookie(cookie)
        if flow is None or not secrets.compare_digest(flow.state.encode(), state.encode()):
            raise ProviderError("the sign-in did not begin in this browser, or took too long")
        answer = self._exchange(code, flow.verifier, redirect_uri)
        token = answer.get("id_token")
        if not isinstance(token, str):
            raise ProviderError("the identity provider gave no id_token")
        claims = self._verified(token, flow.nonce)
        name = claims.get("preferred_username") or claims.get("email") or claims["sub"]
        subject = str(claims["sub"])
        return Claimed(self._issuer, subject, str(name)[:200], self._roles_in(claims)), flow.goal

    def _exchange(self, code: str, verifier: str, redirect_uri: str) -> Mapping[str, Any]:
        document = self._found().document
        form = {
            "grant_type": "authorization_code",
            "code": code,
            "redirect_uri": redirect_uri,
            "code_verifier": verifier,
        }
        methods = document.get("token_endpoint_auth_methods_supported", ["client_secret_basic"])
        client_id, secret = self._client
        if "client_secret_basic" in methods:
            auth = httpx.BasicAuth(quote(client_id, safe=""), quote(secret, safe=""))
            return _json("POST", document["token_endpoint"], data=form, auth=auth)
        form |= {"client_id": client_id, "client_secret": secret}
        return _json("POST", document["token_endpoint"], data=form)

    def _verified(self, token: str, nonce: str) -> Mapping[str, Any]:
        """The claims of a token that is valid; the keys are read again if one of them is new."""
        try:
            try:
                decoded = jwt.decode(token, self._found().keys, algorithms=_ALGORITHMS)
            except (JoseError, ValueError):
                decoded = jwt.decode(token, self._found(anew=True).keys, algorithms=_ALGORITHMS)
            jwt.JWTClaimsRegistry(
                leeway=_LEEWAY,
                iss={"essential": True, "value": self._found().document["issuer"]},
                aud={"essential": True, "value": self._client[0]},
                exp={"essential": True},
                sub={"essential": True},
                nonce={"essential": True, "value": nonce},
            ).validate(decoded.claims)
        except (JoseError, ValueError) as error:
            reason = type(error).__name__
            raise ProviderError(f"the identity provider's token is not valid ({reason})") from error
        return decoded.claims

    def _found(self, *, anew: bool = False) -> _Known:
        """What the provider says of itself; it is asked once an hour.

        Raises:
            ProviderError: it cannot be reached, or says that it is another one.
        """
        with self._lock:
            known = self._known
            if known is None or anew or time.monotonic() - known.at > _KEPT_SECONDS:
                known = self._known = self._asked()
            return known

    def _asked(self) -> _Known:
        """Ask the provider, unless that has just failed."""
        if self._failed and time.monotonic() - self._failed[0] < _AWAY_SECONDS:
            raise ProviderError(self._failed[1])
        try:
            return _read(self._issuer.rstrip("/"))
        except ProviderError as error:
            self._failed = (time.monotonic(), str(error))
            raise

    def _roles_in(self, claims: Mapping[str, Any]) -> tuple[Role, ...]:
        """The roles that the claim gives; a dot in its name leads into an object."""
        value: Any = claims.get(self._claim)
        if value is None:
            value = claims
            for part in self._claim.split("."):
                value = value.get(part) if isinstance(value, Mapping) else None
        given = value if isinstance(value, list) else [value]
        found = {
            self._roles[text] for text in given if isinstance(text, str) and text in self._roles
        }
        return tuple(role for role in Role if role in found)


def _read(issuer: str) -> _Known:
    """What the provider says of itself now.

    Raises:
        ProviderError: it cannot be reached, or what it says is not valid.
    """
    document = _json("GET", f"{issuer}/.well-known/openid-configuration")
    if str(document.get("issuer")).rstrip("/") != issuer:
        raise ProviderError("the identity provider says that it is another issuer")
    if not all(isinstance(document.get(name), str) for name in _ENDPOINTS):
        raise ProviderError(f"the identity provider does not say its {', '.join(_ENDPOINTS)}")
    keys = _json("GET", document["jwks_uri"])
    try:
        found = KeySet.import_key_set(keys)  # type: ignore[arg-type]
    except (JoseError, KeyError, TypeError, ValueError) as error:
        raise ProviderError("the identity provider's keys are not valid") from error
    return _Known(document, found, time.monotonic())


def _json(method: str, url: str, **options: Any) -> Mapping[str, Any]:  # noqa: ANN401 -- httpx's
    """What the provider answers.

    Raises:
        ProviderError: it cannot be reached, refuses, or answers no JSON object.
    """
    try:
        answer = httpx.request(method, url, timeout=_TIMEOUT, **options)
        answer.raise_for_status()
        document = answer.json()
    except (httpx.HTTPError, httpx.InvalidURL, ValueError) as error:
        reason = type(error).__name__
        raise ProviderError(
            f"the identity provider did not answer as it should ({reason})"
        ) from error
    if not isinstance(document, dict):
        raise ProviderError("the identity provider did not answer with a JSON object")
    return document
