defmodule Conformance.World do
  @moduledoc """
  One scenario's table: who is who, what was seen, which gates are open. Every process of a scenario keeps it at hand,
  and has the scenario's own group leader, by which it is found.
  """

  @tick 40

  defstruct [:table, :watcher, :leader, :slot]

  @doc "How many milliseconds so many ticks are; nil is no limit."
  def milliseconds(nil), do: :infinity
  def milliseconds(ticks), do: ticks * @tick

  def new(slot) do
    leader = spawn(fn -> Process.sleep(:infinity) end)
    Process.group_leader(self(), leader)
    table = :ets.new(:world, [:ordered_set, :public])
    world = %__MODULE__{table: table, leader: leader, slot: slot}
    world = %{world | watcher: spawn(fn -> watch(world) end)}
    take(world, :runner, :runner)
    world
  end

  @doc "End all that the scenario has started, and forget it."
  def close(world) do
    kill_all(world)
    # One for a name would reach whoever has it in the next scenario.
    for timer <- timers(world), do: Process.cancel_timer(timer)
    Process.exit(world.leader, :kill)
    :ets.delete(world.table)
  end

  defp kill_all(world) do
    case members(world) do
      [] ->
        :ok

      pids ->
        for pid <- pids, do: Process.exit(pid, :kill)
        :erlang.yield()
        kill_all(world)
    end
  end

  def timers(world), do: for([timer] <- :ets.match(world.table, {{:timer, :_}, :"$1"}), do: timer)

  def members(world) do
    for pid <- Process.list(),
        pid != self(),
        {:group_leader, leader} <- [Process.info(pid, :group_leader)],
        leader == world.leader,
        do: pid
  end

  # Who is who

  @doc "Called by a new process: it gets its label, and is watched from now on."
  def enter(world, name, parent \\ nil) do
    attempt = :ets.update_counter(world.table, {:attempts, name}, 1, {{:attempts, name}, 0})
    label = :"#{name}##{attempt}"
    know(world, name, label, self())
    :ets.delete(world.table, {:starting, name})
    take(world, label, parent)
    Process.put(:attempt, attempt)
    label
  end

  @doc "Start a process that is to enter: until it has, nobody rests."
  def starting(world, name, start) do
    :ets.insert(world.table, {{:starting, name}, true})
    start.()
  after
    :ets.delete(world.table, {:starting, name})
  end

  @doc "Have the rest wait for a process that a scenario doesn't know, and that ends when its supervisor has."
  def await_rest_of(pid, supervisor) do
    if :ets.insert_new(world().table, {{:hidden, pid}, supervisor}), do: send(world().watcher, {:watch_hidden, pid})
  end

  @doc "Wait until a process that has a name has a label as well: it is on its way to enter."
  def await_entry(pid) do
    if label_of(pid) == :stranger and Process.alive?(pid) do
      :erlang.yield()
      await_entry(pid)
    end
  end

  @doc "Have the rest not wait any longer for what the caller has started, which will wait at a gate."
  def rest_at_a_gate(caller) do
    await_rest_of(self(), caller)
    :ets.delete(world().table, {:starting, caller})
  end

  @doc "Have the rest wait until a process has ended, which is certain."
  def will_end(pid), do: if(label_of(pid) != :stranger, do: put({:will_end, pid}, true))

  @doc "Give a label to a process that isn't one of ours."
  def introduce(world, name, pid) do
    attempt = :ets.update_counter(world.table, {:attempts, name}, 1, {{:attempts, name}, 0})
    know(world, name, :"#{name}##{attempt}", pid)
  end

  defp know(world, name, label, pid) do
    :ets.insert(world.table, [{{:label, pid}, label}, {{:pid, label}, pid}, {{:pid, name}, pid}])
    tag = make_ref()
    send(world.watcher, {:watch, pid, label, self(), tag})

    receive do
      {^tag, :watched} -> :ok
    end
  end

  @doc "Have the calling process act for a label."
  def take(world, label, parent) do
    Process.put(:world, world)
    Process.put(:label, label)
    Process.put(:sender, label)
    Process.put(:parent, parent)
  end

  def world, do: Process.get(:world)
  def label, do: Process.get(:label)

  def label_of(pid), do: get({:label, pid}, :stranger)

  @doc "Whom a label means: a pid; or, with a @ or by a key of a registry, whoever has the name, as OTP takes it."
  def target([:via | _] = name), do: process_name(name)

  def target(label) do
    case Atom.to_string(label) do
      "@" <> name -> process_name(name)
      _ -> get({:pid, label}, nil)
    end
  end

  @doc "A scenario's name as OTP takes it; `[:via, registry, key]`, or with a value, is a key of a registry."
  def process_name([:via, registry | key]), do: {:via, Registry, List.to_tuple([process_name(registry) | key])}

  def process_name(name) do
    mangled = :"conformance_#{world().slot}_#{name}"
    put({:name, mangled}, :"@#{name}")
    mangled
  end

  # What was seen

  @doc "Note that an observer saw something of a sender."
  def saw(observer, sender, what) do
    :ets.insert(world().table, {{:event, :erlang.unique_integer([:monotonic])}, [observer, sender, what]})
  end

  @doc "Take all that was seen since the last time, in the order in which it was."
  def cut(world) do
    events = :ets.select(world.table, [{{{:event, :"$1"}, :"$2"}, [], [{{:"$1", :"$2"}}]}])
    for {key, _} <- events, do: :ets.delete(world.table, {:event, key})
    for {_, event} <- events, do: event
  end

  defp watch(world) do
    take(world, :watcher, nil)
    watch_all()
  end

  defp watch_all do
    receive do
      {:watch, pid, label, asker, tag} ->
        Process.monitor(pid)
        put({:lives, pid}, label)
        send(asker, {tag, :watched})

      {:watch_hidden, pid} ->
        Process.monitor(pid)

      {:DOWN, _, :process, pid, reason} ->
        unless get({:hidden, pid}, nil), do: saw(:*, label_of(pid), [:end, Conformance.Canonical.term(reason)])
        :ets.delete(world().table, {:hidden, pid})
        :ets.delete(world().table, {:lives, pid})
        put({:ended, pid}, true)
    end

    watch_all()
  end

  # Anything else that a scenario must remember

  def put(key, value), do: :ets.insert(world().table, {key, value})

  def get(key, default) do
    case :ets.lookup(world().table, key) do
      [{_, value}] -> value
      [] -> default
    end
  end

  @doc "Note that the calling process may have to wait for others."
  def hold do
    put({:held, self()}, true)
    has_gone_on()
  end

  @doc "Note that the calling process has done what it was let go on with, or waits for something else."
  def has_gone_on, do: :ets.delete(world().table, {:goes_on, self()})

  # Gates

  def pass(gate) do
    unless get({:open, gate}, false) do
      put({:at_gate, gate, self()}, true)
      # It may have been opened since.
      unless get({:open, gate}, false), do: receive(do: ({:open, ^gate} -> :ok))
      put({:goes_on, self()}, true)
      :ets.delete(world().table, {:at_gate, gate, self()})
    end
  end

  @doc "Let those go on who stand at a gate, and wait until each has done so: until it waits again, has done all, or is dead."
  def open(world, gate) do
    :ets.insert(world.table, {{:open, gate}, true})
    waiting = for [pid] <- :ets.match(world.table, {{:at_gate, gate, :"$1"}, true}), do: pid
    for pid <- waiting, do: send(pid, {:open, gate})
    Enum.each(waiting, &await_going_on(&1, gate))
  end

  # It isn't asked itself: on OTP 25, one that is asked while it ends may fail to send one of its downs, in one of some
  # thousand times.
  defp await_going_on(pid, gate) do
    unless get({:ended, pid}, false) or not (get({:at_gate, gate, pid}, false) or get({:goes_on, pid}, false)) do
      :erlang.yield()
      await_going_on(pid, gate)
    end
  end

  # Time

  @doc "Let time pass. Each scheduler has timers of its own: when one who has slept on each wakes up, all that were due have fired."
  def advance(ticks) do
    sleep = fn -> Process.sleep(milliseconds(ticks)) end
    sleepers = for scheduler <- 1..System.schedulers_online(), do: Process.spawn(sleep, [:monitor, scheduler: scheduler])
    for {_, monitor} <- sleepers, do: receive(do: ({:DOWN, ^monitor, _, _, _} -> :ok))
  end

  # Rest

  @doc "Wait until all processes of the scenario rest, and have rested each time that one has looked."
  def rest(world, looks), do: rest(world, looks, looks)

  defp rest(_, 0, _), do: :ok

  defp rest(world, left, looks) do
    if resting?(world) do
      :erlang.yield()
      rest(world, left - 1, looks)
    else
      :erlang.yield()
      rest(world, looks, looks)
    end
  end

  # One that was just spawned, or is exiting, is seen nowhere: it is waited for until it has entered, or until the watcher
  # has heard of its end.
  defp resting?(world) do
    Enum.all?(:ets.match(world.table, {{:will_end, :"$1"}, :_}), fn [pid] -> get({:ended, pid}, false) end) and
      :ets.match(world.table, {{:starting, :_}, :_}) == [] and
      Enum.all?(:ets.match(world.table, {{:lives, :"$1"}, :_}), fn [pid] -> waits?(pid) end) and
      Enum.all?(:ets.match(world.table, {{:hidden, :"$1"}, :"$2"}), fn [pid, supervisor] ->
        waits?(pid) and Process.alive?(supervisor)
      end) and
      waits?(world.watcher)
  end

  # A process that a signal is on its way to is said to be waiting, unless one also asks for what it must take its signals
  # for first.
  defp waits?(pid), do: pid == self() or waiting?(Process.info(pid, [:message_queue_len, :status, :current_function]))

  # The code server will answer: as for a module that isn't there, such as a protocol's for a struct that has none.
  defp waiting?([_, _, current_function: {:code_server, _, _}]), do: false
  # So will a scheduler, of one of its timers; and a process that was asked whether it is alive.
  defp waiting?([_, _, current_function: {:erts_internal, _, _}]), do: false
  defp waiting?(info), do: match?([_, {:status, :waiting}, _], info)
end

defmodule Conformance.Canonical do
  @moduledoc "Terms as the comparison knows them: pids are labels, stacks are left out, tuples are lists."

  alias Conformance.World

  def term(pid) when is_pid(pid), do: World.label_of(pid)
  def term({reason, {:sys, :terminate, _}}), do: term(reason)
  def term({reason, {module, _, args}}) when module in [GenServer, Task] and is_list(args), do: [:call_exit, term(reason)]
  def term({%RuntimeError{message: "attempted to " <> _}, stack}) when is_list(stack), do: [:crash, :no_callback]
  def term({:undef, stack}) when is_list(stack), do: [:crash, :no_callback]
  def term({%RuntimeError{message: message}, stack}) when is_list(stack), do: [:crash, String.to_atom(message)]
  def term({%module{__exception__: true}, stack}) when is_list(stack), do: [:crash, module]
  def term({{:nocatch, value}, stack}) when is_list(stack), do: [:crash, [:thrown, term(value)]]
  def term({:function_clause, stack}) when is_list(stack), do: [:crash, :function_clause]
  def term({:bad_opts, text}), do: [:bad_opts, String.to_atom(text)]
  def term({:EXIT, reason}), do: term(reason)
  def term({:bad_return_value, value}), do: [:bad_return, term(value)]
  def term(tuple) when is_tuple(tuple), do: tuple |> Tuple.to_list() |> Enum.map(&term/1)
  def term(list) when is_list(list), do: Enum.map(list, &term/1)
  def term(other), do: other

  @doc "An exit reason that a scenario has written down, as OTP has it."
  def reason([:shutdown, detail]), do: {:shutdown, detail}
  def reason(other), do: other
end
