"""The Registry: keys that belong to actors, and are free again when their owners are gone."""

from __future__ import annotations

import threading
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar, Literal, TypeAlias, get_args

from actors._adopted import AdoptedProcess, process_of
from actors._mail import Control
from actors._process import Process, checkpoint
from actors._process import current as current_process
from actors.actor import Actor
from actors.child_spec import ChildSpec
from actors.errors import ActorDied, AlreadyRegistered, UnknownRegistry
from actors.messages import NoProc
from actors.process import _actor, _caller
from actors.runtime import current_runtime

if TYPE_CHECKING:
    from collections.abc import Hashable, Iterator

    import pykka

    from actors.ref import ActorRef
    from actors.runtime import Runtime

__all__ = ["Holder", "Keys", "Registration", "Registry"]

Keys: TypeAlias = Literal["unique", "duplicate"]


@dataclass(frozen=True, slots=True)
class Registration:
    """What `Registry.lookup()` finds: an owner, and the value that it registered."""

    owner: pykka.ActorRef[Any]
    value: object


@dataclass(frozen=True, slots=True)
class Holder:
    """One entry as an operator sees it: what `Registry.holders()` returns.

    Args:
        key: the key.
        owner: who holds it.
        since: when it was registered, in seconds of the runtime's clock (`actors.now()`).
        state: `"alive"`; `"dead"`: in its last hook; `"abandoned"`: it was killed, and its code still runs; `"gone"`:
            to be cleaned up, and free for everybody already.
    """

    key: object
    owner: pykka.ActorRef[Any]
    since: float
    state: Literal["alive", "dead", "abandoned", "gone"]


class Registry:
    """A table of keys that belong to actors, watched over by an actor of the same name.

    Made once, for instance at the top of a module, started as a child of a supervisor, and used from everywhere:

        locks = Registry("locks", keys="unique")

        class Sync(Actor):
            def on_receive(self, user):
                locks.register(user)  # raises AlreadyRegistered when another actor has it
                try:
                    ...
                finally:
                    locks.unregister(user)

    Reads and registrations go straight to the table, in the calling thread: they wait for nobody (D17). The actor
    watches the owners, and drops what they held when they are *gone*: no line of their code can run any more. The
    table outlives it: while it is down everything works on, and the restarted one goes on with the same table.

    Keys compare with their types, as in Elixir: 1, 1.0 and True are three keys (D12).

    Args:
        name: names the table and its actor in the runtime.
        keys: `"unique"`: a key has one owner, and is a lock; `"duplicate"`: any number of entries, also of one owner.

    Raises:
        ValueError: a bad `name` or `keys` (D1, D2).

    OTP: Elixir's Registry. Differs: owners aren't linked to it, and reads skip owners that are gone (D26, D70).
    """

    def __init__(self, name: str, *, keys: Keys = "unique") -> None:
        if not isinstance(name, str) or not name:
            msg = f"name must be a string that isn't empty; got {name!r}"
            raise ValueError(msg)
        if keys not in get_args(Keys):
            msg = f"keys must be 'unique' or 'duplicate'; got {keys!r}"
            raise ValueError(msg)
        self.name = name
        self.keys_kind: Keys = keys

    def __repr__(self) -> str:
        return f"Registry({self.name!r}, keys={self.keys_kind!r})"

    # Starting

    def child_spec(self) -> ChildSpec:
        """Return the spec with which a supervisor starts the actor; its id is the registry's name (D7)."""
        return ChildSpec(self.start_link, id=self.name)

    def start_link(self) -> ActorRef[Any]:
        """Start the actor that watches over the table, linked to the calling actor; the table is made if need be.

        Raises:
            AlreadyStarted: an actor has this name (D2).
        """
        return RegistryKeeper.options(name=self.name).start_link(self.name, self.keys_kind)

    # Writing

    def register(self, key: Hashable, value: object = None, *, owner: pykka.ActorRef[Any] | None = None) -> None:
        """Make `key` belong to the calling actor, until it unregisters it or is gone.

        Args:
            key: any hashable value, None included.
            value: what `lookup` shows with it.
            owner: for plain Pykka actors only, which don't know who they are outside of their handlers.

        Raises:
            AlreadyRegistered: in a unique registry, an owner that isn't gone has the key; also when that is the
                caller itself (D13). One that is gone, cleaned up or not, is replaced (D14).
            NotAnActor: called outside of an actor (D11).
            UnknownRegistry: the registry was never started (D10).
            ActorDied: the owner is gone.
            ValueError: `owner` is an actor of ours, which registers for itself (D11).
        """
        table = self._table()
        checkpoint("register", key)
        table.insert(key, value, self._owner(owner))

    def unregister(self, key: Hashable) -> None:
        """Give up all entries that the calling actor has under `key`; nothing happens when it has none (D19, D20)."""
        self._table().remove(key, _caller("unregister", key))

    # Reading

    def lookup(self, key: Hashable) -> list[Registration]:
        """Return the owners of `key`, with their values, in the order of registration; empty when there are none.

        Owners that are gone are left out; one that is abandoned is there, since its code may still run.
        """
        checkpoint("lookup", key)
        return [Registration(entry.owner.ref, entry.value) for entry in self._table().read(key)]

    def keys(self, owner: pykka.ActorRef[Any]) -> list[object]:
        """Return the keys that an actor has: one item for each entry, so a duplicate key may stand twice (D30)."""
        checkpoint("keys", owner)
        process = process_of(owner)
        return [] if process is None else [entry.key for entry in self._table().entries() if entry.owner is process]

    def count(self) -> int:
        """Return the number of entries, those of gone owners left out (D32)."""
        checkpoint("count")
        return sum(1 for _ in self._table().entries())

    def holders(self) -> list[Holder]:
        """Return every entry with the state of its owner, for an operator to look at."""
        checkpoint("holders")
        return [
            Holder(entry.key, entry.owner.ref, entry.since, entry.owner.state)
            for entry in self._table().entries(with_gone=True)
        ]

    def _table(self) -> RegistryTable:
        table = current_runtime().table(RegistryTable, self.name)
        if table is None:
            raise UnknownRegistry(self.name)
        return table

    def _owner(self, given: pykka.ActorRef[Any] | None) -> Process:
        process = _actor("register") if given is None else process_of(given)
        if process is None or process.gone:
            msg = f"{given or 'the calling actor'} can't own a key: it has ended"
            raise ActorDied(msg, NoProc())
        if given is not None and process is not current_process() and not isinstance(process, AdoptedProcess):
            msg = f"{given} can't be given a key: owner= is for plain Pykka actors; ours register for themselves"
            raise ValueError(msg)
        return process


class RegistryKeeper(Actor):
    """The actor that watches over a registry's table."""

    use_daemon_thread: ClassVar[bool] = True

    def __init__(self, name: str, keys: Keys) -> None:
        self._name = name
        self._keys: Keys = keys

    def on_start(self) -> None:
        runtime = self._otp_process.runtime
        self._table = runtime.table_or_new(
            RegistryTable, self._name, lambda: RegistryTable(runtime, self._name, unique=self._keys == "unique")
        )
        self._table.adopt(self._otp_process)

    def on_receive(self, message: object) -> None:
        match message:
            case OwnerGone(owner):
                self._table.drop(owner)
            case _:
                super().on_receive(message)


@dataclass(frozen=True, slots=True)
class OwnerGone(Control):
    """Tells the keeper that an owner's code can't run any more."""

    owner: Process


class _Entry:
    __slots__ = ("key", "owner", "since", "value")

    def __init__(self, key: object, owner: Process, value: object, since: float) -> None:
        self.key = key
        self.owner = owner
        self.value = value
        self.since = since


class RegistryTable:
    """The entries, by key and by owner. Belongs to the runtime, and outlives its keeper.

    Every method is atomic, and may be called from any thread.
    """

    def __init__(self, runtime: Runtime, name: str, *, unique: bool) -> None:
        self._clock = runtime.clock
        self._name = name
        self._unique = unique
        # A finalizer that unregisters may come between two lines of the same thread that holds it.
        self._lock = threading.RLock()
        self._entries: dict[Hashable, list[_Entry]] = {}
        self._keys_of: dict[Process, set[Hashable]] = {}
        self._keeper: Process | None = None

    def insert(self, key: Hashable, value: object, owner: Process) -> None:
        strict = _strict(key)
        entry = _Entry(key, owner, value, self._clock.now())
        with self._lock:
            entries = self._entries.get(strict)
            if self._unique and entries is not None:
                holder = entries[0].owner
                if not holder.gone:
                    raise AlreadyRegistered(self._name, key, holder.ref)
                self._remove(strict, holder)
                entries = None
            # The owner's side first: whatever stands under the key is found again when the owner goes.
            new_owner = owner not in self._keys_of
            self._keys_of.setdefault(owner, set()).add(strict)
            if entries is None:
                self._entries[strict] = [entry]
            else:
                entries.append(entry)
        if new_owner:
            owner.when_gone(self._owner_gone)

    def remove(self, key: Hashable, owner: Process) -> None:
        with self._lock:
            self._remove(_strict(key), owner)

    def read(self, key: Hashable) -> list[_Entry]:
        with self._lock:
            found = tuple(self._entries.get(_strict(key), ()))
        return [entry for entry in found if not entry.owner.gone]

    def entries(self, *, with_gone: bool = False) -> Iterator[_Entry]:
        with self._lock:
            found = [entry for entries in self._entries.values() for entry in entries]
        return (entry for entry in found if with_gone or not entry.owner.gone)

    def drop(self, owner: Process) -> None:
        """Remove all that a gone owner held; what others registered over it since stays (D68)."""
        with self._lock:
            for strict in list(self._keys_of.get(owner, ())):
                self._remove(strict, owner)
            self._keys_of.pop(owner, None)

    def adopt(self, keeper: Process) -> None:
        """Tell `keeper` of gone owners from now on; remove what is held by those that nobody was told of."""
        with self._lock:
            self._keeper = keeper
            owners = list(self._keys_of)
        for owner in owners:
            if owner.gone:
                self.drop(owner)

    def _remove(self, strict: Hashable, owner: Process) -> None:
        entries = self._entries.get(strict)
        if entries is None:
            return
        rest = [entry for entry in entries if entry.owner is not owner]
        if rest:
            self._entries[strict] = rest
        else:
            del self._entries[strict]
        # An owner stays known, with no keys, as long as it lives: it is watched already when it registers again.
        held = self._keys_of.get(owner)
        if held is not None:
            held.discard(strict)

    def _owner_gone(self, owner: Process) -> None:
        keeper = self._keeper
        if keeper is None or not keeper.put(OwnerGone(owner)):
            # Nobody watches for now, and the next one may look before this owner is marked as gone.
            self.drop(owner)


def _strict(key: Hashable) -> Hashable:
    """Return a key that equals another's only when the types are the same too, within tuples and frozensets as well."""
    if type(key) is str:
        return key
    if isinstance(key, tuple):
        return (type(key), tuple(map(_strict, key)))
    if isinstance(key, frozenset):
        return (type(key), frozenset(map(_strict, key)))
    return (type(key), key)
