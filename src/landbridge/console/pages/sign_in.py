"""Signing in and out.

Rules this module keeps:
- What is typed is tried at the API or at Keystone, once, and kept nowhere but in the sealed cookie.
- A refusal says what was refused in words, and not whether a user exists.
- The way back is a path of this console.
"""

from __future__ import annotations

from typing import Final

from starlette.responses import RedirectResponse, Response

from landbridge import errors
from landbridge.auth.caller import Caller
from landbridge.auth.login import Login
from landbridge.console import guard
from landbridge.console.endpoint import COOKIE, SIGN_IN, SIGN_IN_COOKIE, Visit, set_cookie
from landbridge.console.session import TokenTooLong

LONGEST: Final = 8192  # characters of a token
_LONG: Final = "This token is longer than a browser keeps. Ask for one without a catalog."
_ENDED: Final = "Your session has ended: its token is not valid any more. Sign in again."


async def show(visit: Visit) -> Response:
    told = _ENDED if visit.query("ended") else ""
    return await _page(visit, told=told, back=guard.way_back(visit.query("next")))


async def submit(visit: Visit) -> Response:
    back = guard.way_back(visit.field("next"))
    try:
        token, user, project = await _token(visit)
        caller = await _admitted(visit, token)
        session = visit.console.sessions.begin(token, user=user, project=project)
        sealed = visit.console.sessions.seal(session)
    except errors.ApiError as error:
        return await _page(visit, wrong=error.message, back=back, status=error.status)
    except TokenTooLong:
        return await _page(visit, wrong=_LONG, back=back, status=400)
    if not caller.project_id:
        wrong = "This token is of no project. Ask for one that is scoped to a project."
        return await _page(visit, wrong=wrong, back=back, status=403)
    answer = RedirectResponse(back, 303)
    set_cookie(answer, visit.request, COOKIE, sealed)
    answer.delete_cookie(SIGN_IN_COOKIE, path="/console")
    return answer


async def leave(visit: Visit) -> Response:
    visit.console.sessions.end(visit.session)
    answer = RedirectResponse(SIGN_IN, 303)
    answer.delete_cookie(COOKIE, path="/console")
    return answer


async def _token(visit: Visit) -> tuple[str, str, str]:
    """The token to sign in with, and the names that were typed.

    Raises: errors.ApiError, TokenTooLong.
    """
    if visit.field("how") != "password":
        token = visit.field("token").strip()
        if len(token) > LONGEST:
            raise TokenTooLong
        return token, "", ""
    login = Login(
        user=visit.field("user").strip(),
        password=visit.field("password"),
        user_domain=visit.field("user_domain").strip(),
        project=visit.field("project").strip(),
        project_domain=visit.field("project_domain").strip(),
    )
    return await visit.console.auth.sign_in(login), login.user, login.project


async def _admitted(visit: Visit, token: str) -> Caller:
    """Raises: errors.ApiError."""
    if not token:
        raise errors.Unauthorized("Give a token.")
    return await visit.console.auth.admit(token)


async def _page(
    visit: Visit, *, told: str = "", wrong: str = "", back: str, status: int = 200
) -> Response:
    answer = await visit.page(
        "sign_in.html",
        status=status,
        told=told,
        wrong=wrong,
        back=back,
        keystone=visit.console.keystone,
        typed={name: visit.field(name) for name in _KEPT},
        how=visit.field("how") or ("password" if visit.console.keystone else "token"),
    )
    set_cookie(answer, visit.request, SIGN_IN_COOKIE, visit.console.sessions.seal(visit.session))
    return answer


_KEPT: Final = ("user", "user_domain", "project", "project_domain")
