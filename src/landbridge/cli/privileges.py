"""Giving up root: by the API's process and by every command that works on its database.

Rules this module keeps:
- It comes before anything is opened, and for good: no capability is left, and none is to be had by
  running another program (no_new_privs, an empty bounding set).
- The user to become is the one that the state directory belongs to; where that is root,
  ``[DEFAULT] user``.
- Whether that user can work here is tried, in a process of its own, not read from mode bits. Where
  it cannot, root's uid stays, without capabilities, and `Kept` says why. (One stays where root
  itself could not go otherwise: the closed directory of a database's socket, another user's.)
- The state directory is root's, and its group, the user's, may make files in it but move away no
  other's (the sticky bit): what the agent keeps below it is out of the API's reach.
- Of what is in the state directory only the API's own files change their owner, by name.
"""

from __future__ import annotations

import ctypes
import os
import pwd
import sys
from collections.abc import Callable, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Final

import click
import msgspec
import structlog

from landbridge.cli.preflight import NotReady
from landbridge.cli.process import OwnProcess
from landbridge.cli.view import closed_on_the_way, open_up
from landbridge.config.settings import Settings
from landbridge.trustedfile import open_file

SHARED: Final = 0o1770  # of the state directory
OWN: Final = 0o700
#: The API's, in the state directory, beside the database.
FILES: Final = ("secret.key", "admin-token", "agent-token", "database.lock")
BESIDE_DATABASE: Final = ("", "-wal", "-shm", "-journal", ".lock")

_PR_CAPBSET_DROP: Final = 24
_PR_SET_NO_NEW_PRIVS: Final = 38
_PR_CAP_AMBIENT: Final = 47
_PR_CAP_AMBIENT_CLEAR_ALL: Final = 4
_TO_PASS: Final = 1 << 2  # CAP_DAC_READ_SEARCH
_CAPABILITY_VERSION_3: Final = 0x20080522


class Account(msgspec.Struct, frozen=True):
    """A user, with all its groups."""

    uid: int
    gid: int
    groups: tuple[int, ...]


ROOT: Final = Account(0, 0, ())


class Kept(msgspec.Struct, frozen=True):
    """Why root's uid stays; `advice`: what to do about it."""

    reason: str
    advice: str


def without(settings: Settings, *, tell: bool = False, make: bool = True) -> Settings:
    """`settings`, when root has been given up, where this process is the command's own. `make`: the
    state directory, where it is missing.

    Raises: NotReady.
    """
    if isinstance(click.get_current_context().find_root().obj, OwnProcess):
        kept = give_up(settings, make=make)
        if kept is not None and tell:
            structlog.get_logger("landbridge.api").warning(
                "root's uid stays, without its capabilities",
                reason=kept.reason,
                advice=kept.advice,
            )
    return settings


def give_up(settings: Settings, *, make: bool = True) -> Kept | None:
    """Give up what this process may do more than an ordinary user. None: it is one now.

    Raises: NotReady.
    """
    if os.geteuid() != 0:
        _forbid_new()
        return None
    if make:
        _make(settings.state_dir)
    owner = _owner(settings.state_dir)
    account = owner or _named(settings.user)
    kept = account if isinstance(account, Kept) else _become(settings, account)
    if kept is None:
        return None
    if owner is not None:
        raise NotReady(
            f"{settings.state_dir} belongs to another user than root, and {kept.reason}."
        )
    _hand_over(settings, ROOT)
    barred = in_child(lambda: _without_capabilities(settings))
    _forbid_new()
    _keep_capabilities(_TO_PASS if barred else 0)
    return kept


def _become(settings: Settings, account: Account) -> Kept | None:
    """None: this process is that user's now, for good. Raises: NotReady."""
    _hand_over(settings, account)
    closed = _closed(settings, account)
    refused = in_child(lambda: _enter(settings, account, closed))
    if refused:
        reason = f"the user with uid {account.uid} {refused}"
        return Kept(reason, "let that user, or its group, reach it")
    if refused := _enter(settings, account, closed):  # it was possible a moment ago
        raise NotReady(f"The user with uid {account.uid} {refused}.")
    return None


def _enter(settings: Settings, account: Account, closed: Mapping[Path, list[Path]]) -> str:
    """Become `account`, in a view of its own where directories are closed; what it then cannot
    reach, in words, or nothing."""
    try:
        open_up(closed)
        _forbid_new()
        _set_ids(account)
    except OSError as error:
        return f"cannot be given what it needs ({error.strerror}; CAP_SETUID, CAP_SYS_ADMIN?)"
    refused = _barred(settings)
    return f"cannot reach {refused}" if refused else ""


def _without_capabilities(settings: Settings) -> str:
    _keep_capabilities(0)
    return _barred(settings)


def _barred(settings: Settings) -> str:
    """What this process cannot reach of what is needed; empty: nothing."""
    return next((str(path) for path, how in needed(settings) if not os.access(path, how)), "")


def _closed(settings: Settings, account: Account) -> dict[Path, list[Path]]:
    """The directories that stop `account` on the way to what is needed."""
    wanted = [path if path.is_dir() else path.parent for path, _ in needed(settings)]

    def found() -> str:
        try:
            _set_ids(account)
        except OSError:  # `_enter` says so
            return ""
        closed = closed_on_the_way(wanted, lambda path: os.access(path, os.X_OK))
        return msgspec.json.encode(
            {str(path): list(map(str, below)) for path, below in closed.items()}
        ).decode()

    told = msgspec.json.decode(in_child(found) or "{}", type=dict[str, list[str]])
    return {Path(path): [Path(each) for each in below] for path, below in told.items()}


def in_child(work: Callable[[], str]) -> str:
    """What `work` returns, done in a process of its own, which ends with it."""
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        said = "cannot work here"
        try:
            said = work()
        finally:  # whatever was raised: the child must not go on as its parent
            os.write(writing, os.fsencode(said))
            os._exit(0)
    os.close(writing)
    with os.fdopen(reading, "rb") as answer:
        said = os.fsdecode(answer.read())
    os.waitpid(child, 0)
    return said


def _make(directory: Path) -> None:
    """Raises: NotReady."""
    try:
        directory.mkdir(mode=OWN, parents=True, exist_ok=True)
    except OSError as error:
        raise NotReady(
            f"The state directory {directory} cannot be made ({error.strerror}): give --state-dir "
            "another."
        ) from None


def _owner(directory: Path) -> Account | None:
    """None: it is root's, or there is none."""
    try:
        uid = directory.stat().st_uid
    except FileNotFoundError:
        return None
    if uid == 0:
        return None
    try:
        return _account(pwd.getpwuid(uid))
    except KeyError:
        return Account(uid, directory.stat().st_gid, ())


def _named(user: str) -> Account | Kept:
    if not user:
        return Kept("[DEFAULT] user is empty", "name a user of its own there")
    try:
        entry = pwd.getpwnam(user)
    except KeyError:
        return Kept(f"there is no user {user}", f"make it: useradd --system --user-group {user}")
    if entry.pw_uid == 0:
        return Kept(f"[DEFAULT] user = {user} is root", "name a user of its own there")
    return _account(entry)


def _account(entry: pwd.struct_passwd) -> Account:
    groups = os.getgrouplist(entry.pw_name, entry.pw_gid)
    return Account(entry.pw_uid, entry.pw_gid, tuple(groups))


def needed(settings: Settings) -> list[tuple[Path, int]]:
    """What the API's process opens while it runs, and how (`os.access`)."""
    modules = {os.path.realpath(each) for each in (*sys.path, sys.prefix, sys.base_prefix) if each}
    read = [Path(each) for each in sorted(modules) if os.path.isdir(each)]
    keystone = settings.keystone
    files = (keystone.cafile, keystone.certfile, keystone.keyfile, settings.policy.policy_file)
    read += [Path(os.path.realpath(each)) for each in files if each and os.path.exists(each)]
    tls = (settings.api.tls_certificate, settings.api.tls_key)  # read again through its links
    for each in tls:
        if each and each.exists():
            read += [each, each.resolve()]
    written = {settings.state_dir}
    if (database := _database(settings)) is not None:
        written.add(database.parent.absolute())
    if (socket := _socket(settings)) is not None and socket.exists():
        read.append(socket)
    write = [Path(os.path.realpath(each)) for each in sorted(written)]
    return [*((path, os.R_OK) for path in read), *((path, os.W_OK | os.X_OK) for path in write)]


def _database(settings: Settings) -> Path | None:
    """The SQLite database's file."""
    from landbridge.store.migrations import file_of  # the agent's command line loads no database

    return file_of(settings.database.url)


def _socket(settings: Settings) -> Path | None:
    """The directory of PostgreSQL's socket, where the database is reached by one."""
    from landbridge.store.migrations import socket_directory

    return socket_directory(settings.database.url)


def _hand_over(settings: Settings, account: Account) -> None:
    """The state directory and the API's files in it, from root to `account` or back."""
    directory = settings.state_dir
    with suppress(OSError):  # a file system that is mounted for reading
        if directory.stat().st_uid == 0:
            os.chown(directory, 0, account.gid)
            directory.chmod(OWN if account is ROOT else SHARED)
    database = _database(settings)
    names = [directory / name for name in FILES]
    if database is not None:
        names += [database.with_name(database.name + ending) for ending in BESIDE_DATABASE]
    for path in names:
        with suppress(OSError):  # it is not there, or is not the API's
            _give(path, account)


def _give(path: Path, account: Account) -> None:
    """A file with another name elsewhere stays whose it is."""
    file = open_file(path, os.O_RDONLY)
    try:
        if os.fstat(file).st_nlink == 1:
            os.fchown(file, account.uid, account.gid)
    finally:
        os.close(file)


def _set_ids(account: Account) -> None:
    os.setgroups(account.groups)
    os.setresgid(account.gid, account.gid, account.gid)
    os.setresuid(account.uid, account.uid, account.uid)


def _forbid_new() -> None:
    """No program that this process runs has more than it has itself."""
    libc = ctypes.CDLL(None, use_errno=True)
    libc.prctl(_PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0)
    libc.prctl(_PR_CAP_AMBIENT, _PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0)
    number = 0
    while libc.prctl(_PR_CAPBSET_DROP, number, 0, 0, 0) == 0:
        number += 1


class _Header(ctypes.Structure):
    _fields_ = (("version", ctypes.c_uint32), ("pid", ctypes.c_int))


def _keep_capabilities(kept: int) -> None:
    """Give up those of this process, which keeps its uid, but for these bits (capset(2))."""
    sets = (ctypes.c_uint32 * 6)(kept, kept, 0, 0, 0, 0)  # effective, permitted, inheritable
    header = _Header(_CAPABILITY_VERSION_3, 0)
    ctypes.CDLL(None, use_errno=True).capset(ctypes.byref(header), ctypes.byref(sets))
