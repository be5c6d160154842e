defmodule Conformance.Ops do
  @moduledoc "What a scenario's processes do: a list of operations, each a list that begins with its name."

  alias Conformance.{Canonical, Subscription, World}

  def run(ops), do: if(Process.get(:runs), do: run_each(ops), else: run_all(ops))

  defp run_each(ops), do: Enum.each(ops, fn [name | args] -> op(name, args) end)

  # Those that aren't part of others. Who ends by them isn't done with them before it is dead.
  defp run_all(ops) do
    Process.put(:runs, true)
    run_each(ops)
    World.has_gone_on()
  catch
    :throw, what ->
      World.has_gone_on()
      throw(what)
  after
    Process.delete(:runs)
  end

  @doc "Run them; return what they say is to be returned, or nil."
  def returned(ops) do
    run(ops)
    nil
  catch
    :throw, {:return, what} -> what
  end

  defp did(name, value), do: World.saw(World.label(), World.label(), [:did, name, Canonical.term(value)])

  # Messages

  def op(:send, [to, value]), do: post(:send, to, {:msg, World.label(), value})
  def op(:tell, [to, ops]), do: post(:tell, to, {:ops, World.label(), ops})
  def op(:note, [value]), do: World.saw(World.label(), Process.get(:sender), [:note, value])

  # Ends, links and monitors

  def op(:exit, [reason]), do: exit(Canonical.reason(reason))
  def op(:raise, [message]), do: raise(Atom.to_string(message))
  def op(:throw, [value]), do: throw(value)

  def op(:catch, [ops]) do
    run(ops)
  catch
    :exit, reason -> did(:catch, [:exit, reason])
    :error, _ -> did(:catch, [:error])
  end

  def op(:signal, [to, reason]) do
    pid = World.target(to)
    if reason == :kill, do: World.will_end(pid)
    Process.exit(pid, Canonical.reason(reason))
  end

  def op(:trap, [flag]), do: did(:trap, Process.flag(:trap_exit, flag))
  def op(:unlink, [to]), do: Process.unlink(World.target(to))

  def op(:link, [to]) do
    Process.link(World.target(to))
  rescue
    ErlangError -> did(:link, :noproc)
  end

  def op(:monitor, [to, name]), do: World.put({:monitor, name}, Process.monitor(World.target(to)))

  def op(:demonitor, [name, flush]) do
    options = if flush, do: [:flush, :info], else: [:info]
    did(:demonitor, of_known({:monitor, name}, &Process.demonitor(&1, options)))
  end

  # Names

  def op(:register, [name, label]) do
    did(:register, Process.register(World.target(label), World.process_name(name)))
  rescue
    ArgumentError -> did(:register, :refused)
  end

  def op(:unregister, [name]) do
    did(:unregister, Process.unregister(World.process_name(name)))
  rescue
    ArgumentError -> did(:unregister, :refused)
  end

  def op(:whereis, [name]), do: did(:whereis, GenServer.whereis(World.process_name(name)))

  def op(:alive, [label]) do
    case World.target(label) do
      name when is_atom(name) -> did(:alive, Process.whereis(name) != nil)
      pid -> did(:alive, Process.alive?(pid))
    end
  end

  # Time

  def op(:after, [timer, to, value, ticks]) do
    message = {:msg, :clock, value}
    World.put({:timer, timer}, Process.send_after(World.target(to), message, World.milliseconds(ticks)))
  end

  def op(:cancel, [timer]), do: did(:cancel, of_known({:timer, timer}, &(Process.cancel_timer(&1) != false)))
  def op(:remaining, [timer]), do: did(:remaining, of_known({:timer, timer}, &(Process.read_timer(&1) != false)))

  # How it goes on

  def op(:gate, [gate]) do
    World.hold()
    World.pass(gate)
  end

  def op(:on, [attempt, ops]), do: if(Process.get(:attempt) == attempt, do: run(ops))
  def op(:since, [attempt, ops]), do: if(Process.get(:attempt) >= attempt, do: run(ops))

  # Servers

  def op(:push, [value]), do: Process.put(:state, Process.get(:state, []) ++ [value])
  def op(:cast, [to, ops]), do: GenServer.cast(World.target(to), {:ops, World.label(), ops})

  def op(:call, [to, ops | timeout]) do
    called(:call, fn -> GenServer.call(World.target(to), {:ops, World.label(), ops}, limit(timeout)) end)
  end

  def op(:call!, [to, ops | timeout]) do
    World.hold()
    did(:call, [:ok, GenServer.call(World.target(to), {:ops, World.label(), ops}, limit(timeout))])
  end

  def op(:halt, [to, reason | timeout]) do
    called(:halt, fn -> GenServer.stop(World.target(to), Canonical.reason(reason), limit(timeout)) end)
  end

  def op(:look, [to]), do: did(:look, :sys.get_state(World.target(to)))

  def op(:keep, [name]), do: World.put({:from, name}, Process.get(:from))
  def op(:answer, [name, value]), do: GenServer.reply(World.get({:from, name}, nil), value)

  def op(:reply, args), do: throw({:return, [:reply | args]})
  def op(:reply_state, then), do: throw({:return, [:reply, Process.get(:state) | then]})
  def op(:noreply, args), do: throw({:return, [:noreply | args]})
  def op(:stop, args), do: throw({:return, [:stop | args]})
  def op(:bad, args), do: throw({:return, [:bad | args]})
  def op(:ok, args), do: throw({:return, [:ok | args]})
  def op(:ignore, []), do: throw({:return, [:ignore]})
  def op(:error, args), do: throw({:return, [:error | args]})

  # Tasks

  def op(:async, [name, ops, value]) do
    work = work(name, ops, value)

    World.starting(World.world(), name, fn ->
      task = Task.async(work)
      World.put({:task, name}, task)
      World.put({:task_ref, task.ref}, task.pid)
      receive(do: ({:entered, ^name} -> :ok))
    end)
  end

  def op(:completed, [name, value]), do: World.put({:task, name}, Task.completed(value))

  def op(:run, [name, ops, how]) do
    work = work(name, ops, nil)

    World.starting(World.world(), name, fn ->
      {:ok, _} = if how == :link, do: Task.start_link(work), else: Task.start(work)
      receive(do: ({:entered, ^name} -> :ok))
    end)
  end

  def op(:make_stream, [items, options]) do
    _ = stream(items, options)
    did(:make_stream, :ok)
  end

  def op(:stream, [items, options | take]) do
    World.hold()

    items
    |> stream(options)
    |> taken(take)
    |> Enum.each(&did(:stream, &1))

    did(:stream, :over)
  catch
    :exit, {reason, {Task.Supervised, :stream, _}} -> did(:stream, [:over, reason])
  end

  def op(:await, [name | timeout]), do: called(:await, fn -> Task.await(task(name), limit(timeout)) end)

  def op(:await!, [name | timeout]) do
    World.hold()
    did(:await, [:ok, Task.await(task(name), limit(timeout))])
  end

  def op(:await_many, [names | timeout]) do
    called(:await_many, fn -> Task.await_many(Enum.map(names, &task/1), limit(timeout)) end)
  end

  def op(:yield, [name | timeout]), do: asked(:yield, fn -> Task.yield(task(name), limit(timeout)) end)

  def op(:yield_many, [names | timeout]) do
    asked(:yield_many, fn ->
      for {_, outcome} <- Task.yield_many(Enum.map(names, &task/1), limit_and_options(timeout)), do: outcome
    end)
  end

  def op(:shutdown, [name, :brutal_kill]), do: asked(:shutdown, fn -> Task.shutdown(task(name), :brutal_kill) end)
  def op(:shutdown, [name | timeout]), do: asked(:shutdown, fn -> Task.shutdown(task(name), limit(timeout)) end)
  def op(:disown, [name]), do: asked(:disown, fn -> Task.ignore(task(name)) end)

  # Agents

  def op(:get, [to, ops | timeout]) do
    called(:get, fn -> Agent.get(World.target(to), __MODULE__, :changed, [ops], limit(timeout)) end)
  end

  def op(:update, [to, ops | timeout]) do
    called(:update, fn -> Agent.update(World.target(to), __MODULE__, :changed, [ops], limit(timeout)) end)
  end

  def op(:get_and_update, [to, ops | timeout]) do
    called(:get_and_update, fn ->
      Agent.get_and_update(World.target(to), __MODULE__, :pair, [ops], limit(timeout))
    end)
  end

  def op(:agent_cast, [to, ops]), do: Agent.cast(World.target(to), __MODULE__, :changed, [ops])

  # Supervisors

  def op(:start_child, [sup, spec]) do
    child = Conformance.Start.child_spec(World.world(), spec, sup)
    supervised(:start_child, fn -> Supervisor.start_child(World.target(sup), child) end)
  end

  def op(:terminate_child, [sup, id]), do: supervised(:terminate_child, fn -> Supervisor.terminate_child(World.target(sup), id) end)
  def op(:restart_child, [sup, id]), do: supervised(:restart_child, fn -> Supervisor.restart_child(World.target(sup), id) end)
  def op(:delete_child, [sup, id]), do: supervised(:delete_child, fn -> Supervisor.delete_child(World.target(sup), id) end)

  def op(:get_childspec, [sup, id]) do
    supervised(:get_childspec, fn ->
      with {:ok, spec} <- :supervisor.get_childspec(World.target(sup), id) do
        {_, _, arguments} = spec.start
        {:ok, [spec.restart, spec.shutdown, spec.type, spec.significant, spec.modules == [Conformance.Start], arguments != :undefined]}
      end
    end)
  end

  def op(:spec_of, [what, overrides]) do
    %{id: id, start: {_, function, arguments}} = spec = Supervisor.child_spec(template(what), Map.to_list(overrides))
    given = for key <- overrides |> Map.keys() |> Enum.sort(), key != :id, do: spec[key]
    did(:spec_of, [if(id == Conformance.Template, do: :M, else: id), function, arguments, spec.restart | given])
  rescue
    ArgumentError -> did(:spec_of, :refused)
  end

  def op(:default_spec, [argument]) do
    spec = Conformance.Bare.child_spec(argument)
    {module, function, arguments} = spec.start
    # What supervisors take when nothing is said.
    rest = [Map.get(spec, :restart, :permanent), Map.get(spec, :shutdown, 5000), Map.get(spec, :type, :worker)]
    did(:default_spec, [spec.id == module, function, arguments | rest])
  end

  def op(:which_children, [sup]) do
    supervised(:which_children, fn ->
      for {id, child, type, _} <- Supervisor.which_children(World.target(sup)) do
        [id, if(child == :undefined, do: nil, else: child), type]
      end
    end)
  end

  def op(:count_children, [sup]) do
    supervised(:count_children, fn ->
      counts = Supervisor.count_children(World.target(sup))
      [counts.specs, counts.active, counts.supervisors, counts.workers]
    end)
  end

  # Registries

  def op(:reg, [registry, key, value]) do
    in_table(:reg, fn ->
      case Registry.register(World.process_name(registry), key, value) do
        {:ok, _} -> :ok
        {:error, reason} -> reason
      end
    end)
  end

  def op(:reg!, [registry, key, value]) do
    with {:error, reason} <- Registry.register(World.process_name(registry), key, value), do: exit(reason)
    did(:reg, :ok)
  end

  def op(:unreg, [registry, key]), do: in_table(:unreg, fn -> Registry.unregister(World.process_name(registry), key) end)
  def op(:lookup, [registry, key]), do: in_table(:lookup, fn -> Registry.lookup(World.process_name(registry), key) end)
  def op(:count, [registry]), do: in_table(:count, fn -> Registry.count(World.process_name(registry)) end)

  def op(:keys, [registry, label]) do
    in_table(:keys, fn -> registry |> World.process_name() |> Registry.keys(World.target(label)) |> Enum.sort() end)
  end

  def op(:values, [registry, key, label]) do
    in_table(:values, fn -> Registry.values(World.process_name(registry), key, World.target(label)) end)
  end

  def op(:update_value, [registry, key, ops, value]) do
    in_table(:update_value, fn ->
      Registry.update_value(World.process_name(registry), key, fn _ ->
        run(ops)
        value
      end)
    end)
  end

  def op(:unregister_match, [registry, key | pattern]), do: picked(:unregister_match, registry, [key | pattern(pattern)])
  def op(:match, [registry, key | pattern]), do: picked(:match, registry, [key | pattern(pattern)])
  def op(:count_match, [registry, key | pattern]), do: picked(:count_match, registry, [key | pattern(pattern)])

  def op(:select, [registry, specs]) do
    in_table(:select, fn ->
      registry |> World.process_name() |> Registry.select(Enum.map(specs, &spec/1)) |> Canonical.term() |> Enum.sort()
    end)
  end

  def op(:count_select, [registry, specs]), do: picked(:count_select, registry, [Enum.map(specs, &spec/1)])

  def op(:meta, [registry, key]), do: in_table(:meta, fn -> Registry.meta(World.process_name(registry), meta_key(key)) end)

  def op(:put_meta, [registry, key, value]) do
    in_table(:put_meta, fn -> Registry.put_meta(World.process_name(registry), meta_key(key), value) end)
  end

  def op(:delete_meta, [registry, key]) do
    in_table(:delete_meta, fn -> Registry.delete_meta(World.process_name(registry), meta_key(key)) end)
  end

  def op(:dispatch, [registry, key, ops]), do: dispatched(registry, key, ops, [])

  def op(:dispatch_parallel, [registry, key, ops]) do
    World.hold()
    World.starting(World.world(), self(), fn -> dispatched(registry, key, ops, parallel: true) end)
  end

  def op(:lock, [registry, key, ops]) do
    World.hold()

    work = fn ->
      run(ops)
      :done
    end

    # Recorded without it, too.
    did(:lock, apply(Registry, :lock, [World.process_name(registry), key, work]))
  end

  def op(:registry_spec, [options]) do
    spec = options |> Conformance.Start.registry_options() |> named_as(options[:name]) |> Registry.child_spec()
    id = if spec.id == Registry, do: :registry, else: spec.id
    # What supervisors take when nothing is said.
    shutdown = if spec.type == :supervisor, do: :infinity, else: 5000
    did(:registry_spec, [id, spec.type, Map.get(spec, :restart, :permanent), Map.get(spec, :shutdown, shutdown)])
  end

  def op(:spread, [registry, keys]) do
    partitions = for key <- keys, {:ok, partition} <- [Registry.register(World.process_name(registry), key, nil)], do: partition
    did(:spread, partitions |> Enum.uniq() |> length())
  end

  def op(:crash_of, [registry, label, whose]) do
    {:links, links} = Process.info(World.target(label), :links)
    before = partitions(registry)
    {_, partition} = Enum.find(before, fn {_, pid} -> pid in links == (whose == :own) end)
    Process.exit(partition, :kill)
    for pid <- all_renewed(registry, partition), do: World.await_rest_of(pid, World.target(registry))
  end

  # What watches over a registry's table, and is an actor's work, is its partitions' here.
  def op(:freeze, [registry]), do: for({_, partition} <- partitions(registry), do: :sys.suspend(partition))
  def op(:thaw, [registry]), do: for({_, partition} <- partitions(registry), do: :sys.resume(partition))

  def op(:crash, [registry]) do
    [{_, partition}] = partitions(registry)
    Process.exit(partition, :kill)
    registry |> renewed(partition) |> World.await_rest_of(World.target(registry))
  end

  # Queues

  def op(:put, [queue, events]), do: GenServer.cast(World.target(queue), {:put, events})
  def op(:pause, [queue]), do: GenStage.demand(World.target(queue), :accumulate)
  def op(:resume, [queue]), do: GenStage.demand(World.target(queue), :forward)

  def op(:waiting, [queue]) do
    pid = World.target(queue)
    did(:waiting, GenStage.call(pid, :waiting) + GenStage.estimate_buffered_count(pid))
  end

  # Stages

  def op(:emit, [events]), do: Process.put(:emitted, Process.get(:emitted, []) ++ events)
  def op(:emit_from_to, [first, last]), do: op(:emit, [Enum.map(first..last, &[&1, []])])
  def op(:buffered, [stage]), do: did(:buffered, GenStage.estimate_buffered_count(World.target(stage)))
  def op(:mode, [stage]), do: called(:mode, fn -> GenStage.demand(World.target(stage)) end)

  def op(:subscribe, [stage, to, options]) do
    subscribed(:subscribe, fn -> GenStage.sync_subscribe(World.target(stage), to_producer(to, options), :infinity) end)
  end

  def op(:subscribe_async, [stage, to, options]) do
    subscribed(:subscribe_async, fn -> GenStage.async_subscribe(World.target(stage), to_producer(to, options)) end)
  end

  def op(:resubscribe, [stage, old, reason, to, options]) do
    {_, tag} = Subscription.named(old)
    reason = Canonical.reason(reason)

    subscribed(:resubscribe, fn ->
      GenStage.sync_resubscribe(World.target(stage), tag, reason, to_producer(to, options), :infinity)
    end)
  end

  def op(:unsubscribe, [name, reason]), do: GenStage.cancel(Subscription.named(name), Canonical.reason(reason))
  def op(:post, [to, role, name, what]), do: Subscription.post(role, to, name, what)

  # A call whose answer is a message as any other.
  def op(:request, [to, ops]) do
    ref = make_ref()
    World.put({:asked, ref}, World.target(to))
    send(World.target(to), {:"$gen_call", {self(), ref}, {:ops, World.label(), ops}})
  end

  # Starts

  def op(:start, [name, spec | how]) do
    how = List.first(how) || :start
    World.hold()

    case Conformance.Start.start(World.world(), name, spec, how) do
      {:ok, _} -> did(:start, :ok)
      :ignore -> did(:start, :ignore)
      {:error, reason} ->
        with {:already_started, pid} <- reason, do: World.await_entry(pid)
        did(:start, [:error, reason])
    end
  rescue
    ArgumentError -> did(:start, :refused)
  end

  def op(:start_unseen, [name, spec, how]) do
    World.hold()
    Conformance.Start.start(World.world(), name, spec, how)
  end

  # What the others have in common

  defp of_known(key, function) do
    case World.get(key, nil) do
      nil -> :unknown
      known -> function.(known)
    end
  end

  defp post(name, to, message) do
    case World.target(to) do
      {:via, module, key} -> module.send(key, message)
      target -> send(target, message)
    end
  rescue
    ArgumentError -> did(name, :noproc)
  end

  defp limit([]), do: :infinity
  defp limit([ticks]), do: World.milliseconds(ticks)

  defp limit_and_options([ticks, options]), do: [{:timeout, World.milliseconds(ticks)} | Map.to_list(options)]
  defp limit_and_options(timeout), do: limit(timeout)

  defp task(name), do: World.get({:task, name}, nil)

  defp work(name, ops, value) do
    world = World.world()
    owner = self()

    fn ->
      World.enter(world, name)
      send(owner, {:entered, name})
      run(ops)
      value
    end
  end

  # Called by who goes through the stream, whose helper is linked to it.
  defp starting_in_stream(name) do
    World.put({:starting, name}, true)
    {:links, links} = Process.info(self(), :links)
    for pid <- links, World.label_of(pid) == :stranger, do: World.await_rest_of(pid, self())
  end

  defp stream(items, options) do
    options = Map.put(options, :timeout, World.milliseconds(options[:timeout]))

    items
    |> Stream.each(fn [name | _] -> starting_in_stream(name) end)
    |> Task.async_stream(streamed(), Map.to_list(options))
  end

  defp streamed do
    world = World.world()

    fn [name, ops, value] ->
      World.enter(world, name)
      run(ops)
      value
    end
  end

  defp taken(stream, []), do: stream
  defp taken(stream, [count]), do: Stream.take(stream, count)

  defp called(name, function) do
    World.hold()

    outcome =
      try do
        [:ok, function.()]
      rescue
        ArgumentError -> :refused
      catch
        :exit, {reason, {module, _, _}} when module in [GenServer, Task] -> [:exit, reason]
      end

    did(name, outcome)
  end

  defp asked(name, function) do
    World.hold()

    outcome =
      try do
        function.()
      rescue
        ArgumentError -> :refused
      end

    did(name, outcome)
  end

  defp template(:M), do: Conformance.Template
  defp template(:Enum), do: Enum
  defp template([module, argument]), do: {template(module), argument}
  defp template(%{of: module}), do: Supervisor.child_spec(template(module), [])
  defp template(text), do: Atom.to_string(text)

  defp supervised(name, function) do
    World.hold()

    outcome =
      try do
        case function.() do
          {:error, {reason, {:child, _, _, _, _, _, _, _, _}}} -> {:error, reason}
          {:ok, :undefined} -> {:ok, nil}
          other -> other
        end
      catch
        :exit, {reason, {GenServer, _, _}} -> [:exit, reason]
      end

    did(name, outcome)
  end

  defp in_table(name, function) do
    did(name, function.())
  rescue
    error in ArgumentError ->
      did(name, if(error.message =~ "unknown registry", do: :unknown_registry, else: :refused))
  end

  defp to_producer(nil, options), do: Map.to_list(options)
  defp to_producer(producer, options), do: [{:to, World.target(producer)} | Map.to_list(options)]

  defp subscribed(name, function) do
    supervised(name, fn ->
      with {:ok, _} <- function.(), do: :ok
    end)
  rescue
    ArgumentError -> did(name, :refused)
  end

  # Patterns are JSON, in which `_` and `$1` are what they are to OTP; guards and heads are tuples there.

  defp picked(name, registry, args), do: in_table(name, fn -> apply(Registry, name, [World.process_name(registry) | args]) end)

  defp pattern([pattern]), do: [pattern]
  defp pattern([pattern, guards]), do: [pattern, Enum.map(guards, &guard/1)]

  defp spec([head, guards, body]), do: {if(is_list(head), do: List.to_tuple(head), else: head), Enum.map(guards, &guard/1), [body]}

  defp guard(guard) when is_list(guard), do: guard |> Enum.map(&guard/1) |> List.to_tuple()
  defp guard(operand), do: operand

  defp meta_key(key) when is_list(key), do: List.to_tuple(key)
  defp meta_key(key), do: key

  defp dispatched(registry, key, ops, options) do
    {world, label, caller} = {World.world(), World.label(), self()}

    each = fn entries ->
      if self() != caller do
        World.take(world, label, nil)
        if [:gate] in Enum.map(ops, &Enum.take(&1, 1)), do: World.rest_at_a_gate(caller)
      end

      did(:dispatch, [if(self() == caller, do: :here, else: :apart), entries])
      run(ops)
    end

    in_table(:dispatch, fn -> Registry.dispatch(World.process_name(registry), key, each, options) end)
  end

  defp partitions(registry) do
    for {id, partition, _, _} <- Supervisor.which_children(World.process_name(registry)), do: {id, partition}
  end

  defp named_as(options, nil), do: options
  defp named_as(options, name), do: [{:name, name} | options]

  # Those that it takes along are renewed at the same time.
  defp all_renewed(registry, crashed) do
    pids = for {_, pid} <- partitions(registry), do: pid
    if Enum.all?(pids, &is_pid/1) and crashed not in pids, do: pids, else: all_renewed(registry, crashed)
  end

  defp renewed(registry, old) do
    case partitions(registry) do
      [{_, partition}] when is_pid(partition) and partition != old -> partition
      _ -> renewed(registry, old)
    end
  end

  # What agents run

  def changed(state, ops) do
    Process.put(:state, state)

    case returned(ops) do
      nil -> Process.get(:state)
      [:bad, value] -> value
    end
  end

  def pair(state, ops) do
    Process.put(:state, state)

    case returned(ops) do
      nil -> {state, Process.get(:state)}
      [:bad, value] -> value
    end
  end
end
